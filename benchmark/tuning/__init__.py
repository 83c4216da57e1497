"""Fair tuning: the same budget of trials for every method, resumable to the bit.

space      what a method says may be tuned, as dimensions
proposals  history in, next settings out
tuner      from a budget to trials, some of them training together
training   what a worker does with the trials of one stack
"""
