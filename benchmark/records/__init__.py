"""Records of a run: one small JSON file per cell and per trial, and their identity.

cell         a cell (dataset, method, variant, seed) and a group of its seeds
record       one cell's result
trial        one setting of a search, tried
study        a search's trials in order, and what they choose
identity     code, configuration and environment that numbers come from
possible     what the numbers of a record and a trial can be
store        reads and writes records below one folder
predictions  per-row test predictions, in the cache
unkept       cells whose predictions found no room there
"""
