"""The sections of the front page, RESULTS.md."""
