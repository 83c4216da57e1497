"""Differences beyond noise. Imports `model` and `markup`."""
