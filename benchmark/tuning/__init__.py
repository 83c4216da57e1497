"""Fair tuning: the same budget of trials for every method, resumable to the bit.

space      what a method says may be tuned, as dimensions
proposals  history in, next settings out
trial      one committed record per trial
study      a dataset's and a method's trials in order: what they are worth, what they choose
searches   the papers' own grids
tuner      from a budget to trials, some of them training together
views      what the command line asks and tells of studies
training   what a worker does with the trials of one stack
"""
