"""Parts of a run for machines that share a folder: `--shard 2/8` is the second of eight."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.files.errors import UserError
from benchmark.records.cell import Cell


@dataclass(frozen=True)
class Shard:
    """One of `of` parts of a run, `number` from 1 on."""

    number: int
    of: int

    @staticmethod
    def parse(text: str) -> "Shard":
        """Reads "2/8". Raises UserError on anything else."""
        found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text)
        if not found or int(found[1]) > int(found[2]):
            raise UserError(f"--shard {text}: say which part of how many, as in --shard 2/8")
        return Shard(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}-of-{self.of}"

    def part(self, cells: Sequence[Cell]) -> list[Cell]:
        """Returns the cells of this part, in order. Methods are dealt out dataset by dataset, so that a method's search
        and what it chooses stay together; it depends on the cells that are asked for alone, never on their records."""
        names = list(dict.fromkeys((cell.dataset, cell.method) for cell in cells))
        mine = set(names[self.number - 1 :: self.of])
        return [cell for cell in cells if (cell.dataset, cell.method) in mine]
