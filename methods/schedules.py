"""What a method says of a schedule of its training, where it has one: a curriculum, a warm-up."""

from abc import ABC, abstractmethod


class Scheduled(ABC):
    """A method whose training changes by a schedule of its own, which early stopping is not to cut short."""

    @abstractmethod
    def schedule_end(self, steps: int) -> float:
        """The part of the longest possible run, of so many optimiser steps, after which the schedule is over: 0 where
        there is none, at most 1. Floats of `self.config` are plain numbers.

        Patience counts from there on. The epoch that is kept is the best of all, inside the schedule too: such a state
        is a model as any other, and the record says that the schedule had not ended there.
        """
