"""A paper's formulas for the complexity of inference on our data, beside what prediction takes."""

from collections.abc import Iterator, Mapping

from reports.markup.text import plain
from reports.model.board import Result
from reports.model.cost import together


def lines(there: Mapping[str, Result], base_name: str) -> Iterator[str]:
    """Markdown, a line each. there: by the row's name; the one of base_name is O(m)."""
    base = there[base_name].cost("predict_seconds_per_million_rows") if base_name in there else None
    texts = []
    for name, result in there.items():
        tokens, length = result.inside("tokens"), result.inside("mean_predicted_length")
        took = result.cost("predict_seconds_per_million_rows")
        if tokens and length and took and base:
            d, t = tokens.mean + 1, length.mean + 1  # the end of a sequence is a token and a step too
            texts.append(f"{plain(name)} d = {d:.0f}, t = {t:.1f}, so {d * t:.0f} times, measured {took / base:.1f}")
    if texts:
        yield (
            "The formulas count the last layer alone, ours is of all layers. O(mdt) against O(m), d the tokens of the "
            f"vocabulary and t the mean length of what is predicted, EOS in both: {'; '.join(texts)}. "
            "Ours makes as many steps for every row as the longest training sequence has, so what is measured does not "
            "follow t."
        )
    devices = sorted({r.cost.device for e in there.values() for r in e.ok if r.cost})
    replicas = [f"{plain(name)} {together(result)}" for name, result in there.items()]
    yield (
        f"Seconds on {plain(', '.join(devices))} by the clock, one seed's share of what its group takes; runs of "
        "different days, some with other work beside them, so a ratio may be off by a factor of three. Replicas "
        f"together: {', '.join(replicas)}."
    )
