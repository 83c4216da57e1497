"""Controls: does an idea work in a world that was made for it? `trial.py` decides, `page.py` shows."""
