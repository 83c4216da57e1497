"""board.html. Imports `sections` and what is below."""
