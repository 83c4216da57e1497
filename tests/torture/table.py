"""What was tried, what held, and what did not, with an example each."""

from dataclasses import dataclass, field


@dataclass
class Row:
    """One class of cases."""

    name: str
    tried: int = 0
    held: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)  # the first of each verdict that did not hold
    skipped: str = ""

    def add(self, verdict: str, *, held: bool, example: str = "") -> None:
        self.tried += 1
        self.held += held
        self.verdicts[verdict] = self.verdicts.get(verdict, 0) + 1
        if not held:
            self.examples.setdefault(verdict, " ".join(example.split())[:300])

    def plus(self, other: "Row") -> "Row":
        """Returns both together."""
        verdicts = {v: self.verdicts.get(v, 0) + other.verdicts.get(v, 0) for v in {**self.verdicts, **other.verdicts}}
        examples, skipped = {**other.examples, **self.examples}, self.skipped or other.skipped
        return Row(self.name, self.tried + other.tried, self.held + other.held, verdicts, examples, skipped)

    def __str__(self) -> str:
        name = self.name.replace("|", "/")
        if self.skipped and not self.tried:
            return f"| {name} | 0 | 0 | skipped: {self.skipped} |"
        bad = "; ".join(f"{self.verdicts[v]} {v}, such as {why}" for v, why in self.examples.items())
        good = ", ".join(f"{count} {v}" for v, count in sorted(self.verdicts.items()) if v not in self.examples)
        words = "; ".join(
            filter(None, (bad and f"**failed**: {bad}", good, self.skipped and f"skipped: {self.skipped}"))
        )
        return f"| {name} | {self.tried} | {self.held} | {words.replace('|', '/')} |"


HEAD = "| class | tried | held | what failed, and an example of it |\n|---|---:|---:|---|"


def shown(rows: list[Row]) -> str:
    """Returns the rows as a Markdown table, with their sum."""
    total = f"| all | {sum(r.tried for r in rows)} | {sum(r.held for r in rows)} | |"
    return "\n".join([HEAD, *map(str, rows), total])


def held(rows: list[Row]) -> bool:
    return all(row.tried == row.held for row in rows)
