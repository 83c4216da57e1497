"""What a reader of numbers should know of the rows behind them, in words."""

from collections.abc import Mapping
from typing import Any


def counted(facts: Mapping[str, Any]) -> list[str]:
    """Lines on a table's rows: those that equal an earlier one, were dropped, match no joined file or are censored."""
    lines: list[str] = []
    if facts.get("duplicates"):
        lines.append(
            f"{facts['duplicates']:,} of {facts['rows_raw']:,} raw rows equal an earlier one: where the split is by "
            "row and random, one may train and the other test"
        )
    repeats = facts.get("repeats", {})
    if beyond := ", ".join(f"{repeats[part]:,} of {part}" for part in ("valid", "test") if repeats.get(part)):
        lines.append(f"rows that equal a training row in features and label: {beyond}")
    for key, words in (("dropped", "dropped"), ("unmatched", "rows of ids that a file lacks")):
        if some := ", ".join(f"{what}: {n:,}" for what, n in facts.get(key, {}).items() if n):
            lines.append(f"{words}: {some}")
    if facts.get("censored"):
        lines.append(
            f"censored: {facts['censored']:,} of {facts['rows']:,} labels, whose window ends after the file does, are "
            "too small"
        )
    if facts.get("capped"):
        lines.append(f"capped: {facts['capped']:,} labels were above the cap")
    return lines
