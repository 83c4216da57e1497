"""From cells to records: groups of seeds go to workers, their records come back.

runner     what is missing or stale runs; each record is written at once
pool       executors: worker processes, or this one
worker     what a worker process does
progress   what a user sees meanwhile
machine    cores and GPU
"""
