"""The sections of the pages, a file for each heading. Imports `plots` and what is below."""
