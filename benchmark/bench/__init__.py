"""Speed, side by side in one run on the same rows: ratios are what counts, absolute times are noise on a shared
machine. The one room of the machine that may name methods and datasets. Not imported by any other."""
