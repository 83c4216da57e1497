"""Ideas and the made-up worlds that they are tried in: `reports/beyond/controls.toml`."""

from collections.abc import Mapping
from functools import cache

import msgspec

from reports import FOLDER
from reports.model.front import row

PATH = FOLDER / "beyond" / "controls.toml"


class Idea(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a method proposes, and where that can be seen to work."""

    says: str
    row: str  # method, or method/variant
    ablation: str  # the same without the idea, or, where that is the whole head and loss, a plain network
    rivals: list[str]
    metrics: list[str]
    holds: str  # the world in which its assumption holds
    fails: str = ""  # one in which it does not, where there is one
    reading: bool = False  # ours of what the paper leaves open: shown, not counted among the ideas
    counts_as: str = ""  # what it says where that is another's, held against another row: both count once
    but: str = ""  # what that world or the ablation leaves open, a clause

    @property
    def counted(self) -> str:
        """What stands for it where ideas are counted."""
        return self.counts_as or self.says


class Controls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every idea; the datasets of a world are its name and a size, from few training rows to many."""

    sizes: list[str]
    ideas: list[Idea]

    def sized(self, world: str) -> list[str]:
        """The datasets of a world, from few training rows to many."""
        return [world + size for size in self.sizes]

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Method and variant of every row that an idea names."""
        return [row(name) for idea in self.ideas for name in (idea.row, idea.ablation, *idea.rivals)]


@cache
def controls() -> Controls:
    """Raises msgspec.DecodeError on a file that is something else."""
    return msgspec.toml.decode(PATH.read_bytes(), type=Controls)


@cache
def worlds() -> Mapping[str, str]:
    """Dataset -> its world: these have no boards of their own."""
    known = controls()
    named = [world for idea in known.ideas for world in (idea.holds, idea.fails) if world]
    return {sized: world for world in named for sized in known.sized(world)}
