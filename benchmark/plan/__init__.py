"""From a suite to cells, and what each cell's record is worth: nothing here is heavy and nothing trains.

catalog    what each method says of itself
variants   variants that suites declare
suite      which cells a run is made of
searches   the papers' own grids
expected   what a fresh record must say today
survey     which data are there, and what each record is worth
usable     whether data that are there can be used
estimate   how long it will take
"""
