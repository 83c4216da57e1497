"""What the front page is told beside the records: `reports/beyond/front.toml`."""

from functools import cache
from typing import Any

import msgspec

from reports import FOLDER

PATH = FOLDER / "beyond" / "front.toml"


class Official(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How large the official files of a source are."""

    data: str  # the dataset's name without its protocol
    title: str
    files: dict[str, int]  # what a raw file's name begins with -> the official file's rows


class Headline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Boards of the same rows with different labels: which one leads."""

    dataset: str
    aside: list[str]


class Front(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The plain networks by the metric whose loss they are trained on, the official files, and which boards lead."""

    plain: dict[str, list[str]]  # metric -> method, or method/variant
    official: list[Official]
    headline: list[Headline] = []

    def behind(self, dataset: str) -> list[str]:
        """The boards of the same rows that this one leads."""
        return [other for one in self.headline if one.dataset == dataset for other in one.aside]

    def leader(self, dataset: str) -> str:
        """The board that leads the rows of this one; "" where it stands for itself."""
        return next((one.dataset for one in self.headline if dataset in one.aside), "")

    def rows(self, dataset: str, facts: dict[str, Any]) -> int | None:
        """The rows of the official files that this dataset's raw files are of; None where nothing is known."""
        known = next((o.files for o in self.official if o.data == dataset.partition("@")[0]), {})
        names = [file["name"] for file in facts.get("files", [])]
        found = [rows for start, rows in known.items() if any(name.startswith(start) for name in names)]
        return sum(found) or None


@cache
def front() -> Front:
    """Raises msgspec.DecodeError on a file that is something else."""
    return msgspec.toml.decode(PATH.read_bytes(), type=Front)


def row(text: str) -> tuple[str, str]:
    """Method and variant of "method/variant"; the default where none is given."""
    method, _, variant = text.partition("/")
    return method, variant or "default"
