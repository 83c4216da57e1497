"""Small made-up worlds whose conditional distributions are known: what the datasets of `controls.py` are drawn from."""
