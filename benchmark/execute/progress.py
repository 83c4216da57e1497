"""Shows a run at work: cells or trials done, rows per second, time left; plain lines where there is no terminal."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmark.execute.events import Epoch
from benchmark.records.cell import Group


class Display:
    """A live display of the run's groups on a terminal, one line per finished group elsewhere."""

    def __init__(self, cells: int, console: Console, what: str = "cells") -> None:
        self.console, self.cells, self.done, self.rows, self.what = console, cells, 0.0, 0, what
        self.began = time.perf_counter()
        self.live = console.is_terminal
        self.started: dict[str, float] = {}
        self.lines: dict[str, TaskID] = {}
        self.share: dict[str, float] = {}
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not self.live,
        )
        self.total = self.bars.add_task(f"[bold]{what}", total=cells, note=f"0/{cells}")

    def __enter__(self) -> "Display":
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def say(self, line: str) -> None:
        self.console.print(line, highlight=False, soft_wrap=True, markup=False)  # a method's error may hold brackets

    def start(self, group: Group) -> None:
        """Show a group that has begun (or begun again after its worker died)."""
        name = str(group)
        self.started[name] = time.perf_counter()
        if name not in self.lines:
            self.lines[name] = self.bars.add_task(name, total=None, note="starting")

    def epoch(self, group: Group, epoch: Epoch) -> None:
        """Show that an epoch of a group is over."""
        self.rows += epoch.rows
        self.share[str(group)] = len(group.seeds) * epoch.epoch / epoch.epochs
        note = f"epoch {epoch.epoch}/{epoch.epochs}, {epoch.active} of {len(group.seeds)} training"
        self.bars.update(self.lines[str(group)], total=epoch.epochs, completed=epoch.epoch, note=note)
        self._refresh()

    def drop(self, group: Group) -> None:
        """Show a group no longer: it goes on otherwise, or not at all."""
        self.share.pop(str(group), None)
        if str(group) in self.lines:
            self.bars.remove_task(self.lines.pop(str(group)))

    def finish(self, group: Group, result: str) -> None:
        """Say how a group has ended, whose records are written."""
        name = str(group)
        self.drop(group)
        self.done += len(group.seeds)
        seconds = time.perf_counter() - self.started[name]
        left = "" if self.live else f"  [{self.done:.0f}/{self.cells} {self.what}, {self._rate()}, {self._left()}]"
        self.say(f"{name:<42} {len(group.seeds)} x {result}  {seconds:6.1f} s{left}")
        self._refresh()

    def _rate(self) -> str:
        rate = self.rows / max(time.perf_counter() - self.began, 1e-9)
        return f"{rate / 1e3:,.0f} k rows/s"

    def _left(self) -> str:
        done = self.done + sum(self.share.values())
        if not done:
            return ""
        seconds = (time.perf_counter() - self.began) / done * max(self.cells - done, 0)
        return f"about {seconds / 60:.0f} min left" if seconds > 90 else f"about {seconds:.0f} s left"

    def _refresh(self) -> None:
        completed = self.done + sum(self.share.values())
        self.bars.update(self.total, completed=completed, note=f"{self.done:.0f}/{self.cells}  {self._rate()}")
