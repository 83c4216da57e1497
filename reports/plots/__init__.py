"""Drawings. Imports `evidence` and what is below."""
