"""What a column's name says, by its words: words.toml lists which speak of users, items, labels, outcomes, ..."""

import re
import tomllib
from functools import cache
from pathlib import Path


@cache
def about(what: str) -> frozenset[str]:
    """The words that speak of this."""
    lists = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
    return frozenset(lists[what].split())


def words(name: str) -> list[str]:
    """The words of a name, small: `playTimeMs`, `play_time_ms` and `play time (ms)` have the same three."""
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return [word.lower() for word in re.split(r"[^A-Za-z0-9]+|(?<=[A-Za-z])(?=\d)", apart) if word]


def speaks_of(name: str, what: str) -> bool:
    """Whether a word of the name speaks of this."""
    return bool(set(words(name)) & about(what))


def names_only(name: str, what: str) -> bool:
    """Whether a name says this and nothing besides but that it is an id."""
    found = set(words(name))
    return bool(found & about(what)) and found <= about(what) | about("id")
