"""What the pages say, a file for each heading. Imports `plots` and what is below."""
