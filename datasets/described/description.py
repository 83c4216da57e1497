"""Reads the TOML file that describes a table, and says in one line what in it cannot be right."""

import math
import re
import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import msgspec

from datasets.base import BadData, NotAvailable
from datasets.schema import Task

ASK = "?"  # what a person has to fill in
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}  # units of time, turned into seconds
ROLES = ("user", "item", "label", "duration", "time", "category", "number", "list", "leave out")
ONCE = ("user", "item", "label", "duration", "time")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_UNIT = re.compile(r"[^\W_][\w%/ -]{0,15}")


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the file; a key that it lacks is refused by name."""


class Csv(_Part, frozen=True):
    """How text files are written; found out where it is not said."""

    delimiter: str = ","
    header: bool = True
    decimal: str = "."
    encoding: str = "utf-8"


class Role(_Part, frozen=True):
    """What a column is, with what that needs: `{ role = "list", length = 10 }`."""

    role: str
    length: int = 10  # of a list: how many members count, the first ones
    separator: str = ","  # of a list that is written as text
    form: str = (
        ""  # of a time that is written as text: "%Y-%m-%d", or "ISO8601"; of a date in numbers also "s", "ms", ...
    )
    among: list[str] = msgspec.field(default_factory=list, name="is")  # of a refund: the texts that mean one


class Label(_Part, frozen=True):
    """What is predicted: its unit, and the value to which larger ones are set, in the column's own unit."""

    unit: str
    cap: float | str


class Duration(_Part, frozen=True):
    """How long an item is; rows are sliced by it into buckets of equally many training rows."""

    unit: str
    buckets: int = 5


class Split(_Part, frozen=True):
    """Which rows train, validate and test."""

    kind: Literal["random", "chronological", "user"] = "random"
    shares: tuple[float, float, float] = (6, 2, 2)
    seed: int = 0


class Keep(_Part, frozen=True, rename={"low": "from", "high": "to", "among": "is", "but": "is_not"}):
    """A rule that rows must pass to stay. An empty cell passes no rule."""

    column: str
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    among: list[str | int | float | bool] | None = None
    but: list[str | int | float | bool] | None = None

    def __str__(self) -> str:
        words = {"from": self.low, "to": self.high, "above": self.above, "below": self.below}
        said = [f"{word} {value:g}" for word, value in words.items() if value is not None]
        said += [f"{word} one of {len(v)}" for word, v in (("is", self.among), ("is not", self.but)) if v is not None]
        return f"{self.column} {', '.join(said) or 'not empty'}"


class Training(_Part, frozen=True):
    """The protocol of the training, the same for every method."""

    batch: int = 512
    epochs: int = 20
    patience: int = 5


class Common(_Part, frozen=True, kw_only=True):
    """What every description says."""

    name: str
    files: str  # a file or a folder, seen from the description's own folder
    columns: dict[str, str | Role]
    label: Label
    split: Split = Split()
    keep: list[Keep] = []
    training: Training = Training()
    csv: Csv | None = None

    def role(self, column: str) -> Role:
        found = self.columns[column]
        return Role(found) if isinstance(found, str) else found

    def having(self, *roles: str) -> list[str]:
        """The columns that play one of these parts, in the file's order."""
        return [name for name in self.columns if self.role(name).role in roles]

    def one(self, role: str) -> str:
        """The column that plays a part that one can play, or ""."""
        return next(iter(self.having(role)), "")


class Description(Common, frozen=True, kw_only=True):
    """A table whose rows have a label each: the whole file."""

    task: Task = "watch_time"
    duration: Duration | None = None


def parse(path: Path) -> dict[str, Any]:
    """The content of a TOML file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        cure = f"`python -m benchmark describe FILE --out {path.name}` writes it"
        raise NotAvailable(f"{path}: no such file; {cure}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{path}: cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise BadData(f"{path}: is not TOML ({error}); mend that line") from error


_HINTS = {
    "unit": 'as "s", "ms", "min", "h", "ratio" or "EUR"',
    "cap": '"none", or a value to which larger ones are set',
    "horizon": "a number of days, as 365",
    "form": 'how its times are written, as "%d/%m/%Y" or "%m/%d/%Y"',
}


def filled(path: Path, content: dict[str, Any]) -> None:
    """Raises BadData that names all that a person has yet to fill in."""
    if left := list(_asked(content)):
        raise BadData(f'{path}: fill in {", ".join(left)}: write it in the place of "{ASK}"')


def _asked(content: dict[str, Any], above: str = "") -> Iterator[str]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _asked(value, f"{above}[{key}] " if not above else f"{above}{key} ")
        elif value == ASK:
            hint = _HINTS.get(key, f"one of {', '.join(ROLES)}" if above else "")
            yield f"{above}{key}{f' ({hint})' if hint else ''}"


def convert(path: Path, content: dict[str, Any], kind: Any) -> Any:
    """The content as such a struct. Raises BadData that names the place."""
    try:
        return msgspec.convert(content, kind, strict=True)
    except msgspec.ValidationError as error:
        what, _, place = str(error).replace("Object ", "").replace("`", "'").partition(" - at ")
        where = place.replace("$.", "").replace("'", "").replace("$", "").removesuffix("[...]")
        cure = "`python -m benchmark describe FILE` writes one that holds"
        raise BadData(f"{path}: {where + ': ' if where else ''}{what}; {cure}") from None


def check_common(path: Path, it: Common, roles: tuple[str, ...], once: tuple[str, ...]) -> None:
    """Everything that can be said of any description without its table. once: the roles that one column can have.
    Raises BadData."""
    if not _NAME.fullmatch(it.name):
        raise BadData(f"{path}: name {it.name!r}: use small letters, digits, - and _, forty at most")
    for column in it.columns:
        check_role(path, column, it.role(column), roles)
    for role in once:
        if len(twice := it.having(role)) > 1:
            raise BadData(f"{path}: [columns] {' and '.join(map(repr, twice))} are both the {role}; choose one")
    check_cap(path, it.label.cap)
    check_split(path, it.split)
    training = it.training
    if not (1 <= training.batch <= 1 << 20 and 1 <= training.epochs <= 10_000 and training.patience >= 1):
        raise BadData(f"{path}: [training] batch (to 1048576), epochs (to 10000) and patience are at least 1")
    if it.csv is not None and (len(it.csv.delimiter) != 1 or it.csv.decimal not in (".", ",")):
        raise BadData(f'{path}: [csv] delimiter is one character, and decimal is "." or ","')


def check(path: Path, it: Description) -> None:
    """Everything that can be said of a log's description without its table. Raises BadData."""

    def bad(what: str) -> BadData:
        return BadData(f"{path}: {what}")

    check_common(path, it, ROLES, ONCE)
    if not it.one("label"):
        raise bad('[columns] no column is the "label"; say which is to be predicted')
    check_unit(path, "label", it.label.unit, 'write "ms", "s", "min" or "h" (a time, turned into seconds), "ratio", '
               '"EUR" or another name')  # fmt: skip
    if it.one("duration"):
        if it.duration is None:
            raise bad(f'[duration] is missing: say unit = "s" (or "ms", ...) of the column {it.one("duration")!r}')
        check_unit(path, "duration", it.duration.unit, 'write "ms", "s", "min" or "h"')
        if it.duration.unit not in SECONDS:
            raise bad(f"[duration] unit {it.duration.unit!r} is no unit of time; write {', '.join(SECONDS)}")
        if it.task == "ltv":
            raise bad(
                '[columns] a lifetime value has no duration; give the column another role, or task = "watch_time"'
            )
        if not 1 <= it.duration.buckets <= 100:
            raise bad(f"[duration] buckets = {it.duration.buckets}: 1 to 100")
    if not it.having("user", "item", "category", "number", "list") and not it.one("duration"):
        raise bad("[columns] nothing is left to predict from; give a column a role")
    if it.split.kind == "user" and not it.one("user"):
        raise bad('[split] kind = "user" needs a column that is the "user"')
    if it.split.kind == "chronological" and not it.one("time"):
        raise bad('[split] kind = "chronological" needs a column that is the "time"')


def check_role(path: Path, column: str, role: Role, known: tuple[str, ...]) -> None:
    """Raises BadData for a role that there is not, and for one whose details cannot be."""
    if role.role not in known:
        near = get_close_matches(role.role, known, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise BadData(f"{path}: [columns] {column!r} has no role {role.role!r}{guess} There are {', '.join(known)}")
    if role.role == "list" and not (1 <= role.length <= 1000 and role.separator):
        raise BadData(f"{path}: [columns] {column!r}: length is 1 to 1000, and separator is a text")


def check_unit(path: Path, part: str, unit: str, cure: str) -> None:
    """Raises BadData where a unit is no word."""
    if not _UNIT.fullmatch(unit):
        raise BadData(f"{path}: [{part}] unit {unit!r} is not a short word; {cure}")


def check_cap(path: Path, cap: float | str) -> None:
    """Raises BadData where the label's cap is no number."""
    cure = 'write "none", or a number in the column\'s own unit to which larger labels are set'
    if cap != "none" and (isinstance(cap, str) or not (0 < cap < math.inf)):
        raise BadData(f"{path}: [label] cap = {cap!r}; {cure}")


def check_split(path: Path, split: Split) -> None:
    """Raises BadData for shares that are none."""
    if any(not (0 < share < math.inf) for share in split.shares):
        raise BadData(f"{path}: [split] shares = {list(split.shares)}: three numbers above 0, as [6, 2, 2]")
    if not 0 <= split.seed < 1 << 32:
        raise BadData(f"{path}: [split] seed = {split.seed}: 0 to 4294967295")
