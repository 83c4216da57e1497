"""The sections of a dataset's own page."""
