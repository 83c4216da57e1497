"""Records and the papers' numbers in, RESULTS.md out. Knows no torch, no method's and no dataset's code.

The rooms import one way: markup < model < evidence < plots < sections < html < render, export, explain.
"""

from pathlib import Path

FOLDER = Path(__file__).parent  # of the papers' numbers, the templates and the committed records
