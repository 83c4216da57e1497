"""One command for all benchmarks: `python -m benchmark bench NAME [PART ...]`."""

from importlib import import_module

from benchmark.bench.common import Asked
from benchmark.files.errors import UserError, unknown

USUAL = ("training", "tuning", "metrics")  # minutes; the others take longer, or much disk
PARTS: dict[str, tuple[str, ...]] = {
    "training": (),
    "tuning": (),
    "metrics": (),
    "verbs": (),
    "gr": ("step", "encode"),
    "prowtp": ("plan", "step"),
    "tables": ("twin", "csv", "wechat", "cikm16"),
    "ltv_tables": ("transactions", "clicks", "twin"),
    "peers": (),
    "growth": ("rows", "ids", "seeds", "fields"),
}
KEPT = ("peers", "growth")  # what --out is for


def main(name: str, asked: Asked) -> None:
    """Run one benchmark, or the usual ones for "all". Raises UserError on a name or part that there is none of."""
    if name != "all" and name not in PARTS:
        raise unknown("benchmark", name, ["all", *PARTS])
    for part in asked.parts:
        if part not in PARTS.get(name, ()):
            parts = ", ".join(PARTS.get(name, ())) or "no parts"
            raise UserError(f"bench {name} has {parts}, not {part!r}")
    if asked.out is not None and name not in KEPT:
        raise UserError(f"bench {name} prints what it finds: leave --out away, which is for {' and '.join(KEPT)}")
    for one in USUAL if name == "all" else (name,):
        import_module(f"benchmark.bench.{one}").main(asked)
