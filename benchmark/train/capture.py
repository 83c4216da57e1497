"""A step replayed from a CUDA graph."""

from collections.abc import Callable

import torch

_WARMUP = 3  # eager steps before the capture


class Captured:
    """A step that is replayed from a CUDA graph, once a few eager ones have warmed everything up."""

    def __init__(self, step: Callable[[], None]) -> None:
        self.step, self.warm = step, 0
        self.graph: torch.cuda.CUDAGraph | None = None

    def run(self) -> None:
        """The step, one way or the other."""
        if self.graph is not None:
            self.graph.replay()
        elif self.warm < _WARMUP:
            self.warm += 1
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                self.step()
            torch.cuda.current_stream().wait_stream(side)
        else:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.step()
            self.graph.replay()  # a capture does not run
