"""Tells what differs beyond noise: resamples the saved test predictions of all methods together.

refresh    brings each dataset's noise file up to date
resample   the bootstrap of a test set
lanes      many draws of a ranking metric at a time
slices     named subsets of test rows
noise      what is kept of it, one file per dataset
ceiling    how well a log can be ordered at all
portrait   how a log's watch ratios move over time
marginal   the label's distribution, in bins
copula     which errors a ranking can go with, under such a distribution
derived    reads and writes such files
"""
