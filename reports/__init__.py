"""Records and the papers' numbers in, RESULTS.md out. Knows no torch, no method's and no dataset's code."""
