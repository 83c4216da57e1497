"""One thread for torch: the suite's workers run so, and two on a busy machine are slower than one."""

import torch

import benchmark  # before the first product of matrices, whose reproducibility it asks for

assert benchmark.ROOT
torch.set_num_threads(1)
