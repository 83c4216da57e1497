"""From cells to records: groups of seeds go to workers, their records come back.

runner     what is missing or stale runs; each record is written at once
engine     prepares the data, sends jobs out, shows them at work
pool       executors: worker processes, or this one
worker     what a worker process does
task       the jobs: prepare a table, train a group
cells      from a group to its records: by gradients, or by an estimator
inside     what a trained group offers beyond values
code       a job runs on the files that its records name, or not at all
events     what a job reports, and what becomes of it
faults     whose fault an exception is
progress   what a user sees meanwhile
machine    cores, GPU, memory
"""
