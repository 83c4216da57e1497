"""Records, boards and the papers' numbers as data. Imports `markup`."""
