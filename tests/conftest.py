"""One thread for torch: the suite's workers run so, and two on a busy machine are slower than one."""

import torch

torch.set_num_threads(1)
