"""Generative Regression (GR): a value as a sequence of tokens that sum to it. The method itself is in `method.py`."""
