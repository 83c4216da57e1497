"""One thread for torch and for BLAS: the suite's workers run so, and two on a busy machine are several times slower."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes that tests start

import torch
from threadpoolctl import threadpool_limits

import benchmark  # before the first product of matrices, whose reproducibility it asks for

assert benchmark.ROOT
torch.set_num_threads(1)
threadpool_limits(1)
