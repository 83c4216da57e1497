"""Speed, side by side in one run on the same rows: ratios are what counts."""
