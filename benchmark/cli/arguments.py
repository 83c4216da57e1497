"""What the command line's arguments may be: names that name something, counts that are whole numbers."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from cyclopts import Token

from benchmark.files.errors import UserError, unknown

MOST_SEEDS = 10_000  # more is a slip: years of training, and a plan that no memory holds
MOST_TRIALS = 100_000


def names_in(values: Sequence[str] | None, option: str) -> tuple[str, ...]:
    """Returns the names in an option that may be repeated or hold commas. Raises UserError where one is empty."""
    parts = tuple(part.strip() for value in values or () for part in value.split(","))
    if values is not None and not all(parts):
        raise UserError(f"{option} {','.join(values)!r} holds an empty name: say what you want, or leave it away")
    return parts


def count(most: int, least: int = 1) -> Callable[[type, Sequence[Token]], int]:
    """Returns a converter for a whole number from `least` to `most`: 1.9, 1_000 and 0x10 are none."""

    def convert(kind: type, tokens: Sequence[Token]) -> int:
        text = tokens[0].value
        if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
            raise ValueError(f"{text[:20]!r} is not a whole number from {least} to {most:,}")
        return int(text)

    return convert


def refuse_empty(arguments: Sequence[str]) -> None:
    """Raises UserError for an argument that is empty: a variable of the shell that is not set, most often."""
    for before, one in zip(["", *arguments], arguments, strict=False):
        bare = one.startswith("--") and one.endswith("=")
        if bare or not one.strip():
            option = one[:-1] if bare else before if before.startswith("--") else ""
            which = f"{option} ''" if option else "an argument"
            raise UserError(f"{which} names nothing: say what you want, or leave {option or 'it'} away")


def recorded_ones(names: Iterable[str], recorded: Collection[str], known: Iterable[str], where: object) -> None:
    """Raises UserError for a dataset that does not exist, or has no record there."""
    there = {*recorded, *known}
    for name in names:
        if name not in there:
            raise unknown("dataset", name, there)
        if name not in recorded:
            others = f"it has those of {', '.join(sorted(recorded))}" if recorded else "run it first"
            raise UserError(f"{where} has no record of {name!r} to compare; {others}")


def left_out(patterns: Iterable[str], broken: Mapping[str, str]) -> None:
    """Raises UserError for a pattern that names a module which gives no method. broken: module -> why."""
    for pattern in patterns:
        for module, why in broken.items():
            if module.rsplit(".", 1)[-1] in pattern.split("/"):
                raise UserError(f"{module} gives no method that can run: {why}")
