"""ProWTP: watch-time prediction calibrated by prototypes of the label's distribution. The method is in `method.py`."""
