"""Fair tuning: the same budget of trials for every method, resumable to the bit.

space      what a method says may be tuned, as dimensions
proposals  history in, next settings out
tuner      from a budget to trials, some of them training together
task       the job of some trials, for a worker
training   trains and scores the trials of one stack
"""
