"""Which variants a leaderboard leaves to tables of their own."""

from functools import cache

from reports.model.methods import methods, tweaks
from reports.model.papers import papers
from reports.model.supplements import supplements


@cache
def aside() -> frozenset[tuple[str, str]]:
    """Method and variant of each row of an ablation, a sweep or a change of size: tables of their own show these, so
    that a leaderboard holds what somebody would choose between."""
    found = papers().values()
    rows = [(row.method, row.variant) for paper in found for printed in paper.tables for row in printed.rows]
    rows += [
        (row.method or supplement.method, row.variant)
        for paper in found
        for supplement in supplements(paper)
        for row in supplement.rows
    ]
    rows += [(method, tweak.variant) for tweak in tweaks().tweaks for method in tweaks().methods]
    return frozenset((method, variant) for method, variant in rows if variant not in methods().readings.variants)
