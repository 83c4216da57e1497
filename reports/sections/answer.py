"""The answer to a reader's first question: which method to use, by how much it beats a constant, what is no worse."""

from collections.abc import Iterator, Sequence

from benchmark.records.study import is_tuned
from reports.evidence.contest import Contest, contest
from reports.markup.inline import bare
from reports.markup.text import plain, sentence_list, short
from reports.model.board import Board, Result
from reports.model.metrics import METRICS

_NAMED = 5  # methods at most in a list of those that are not told apart


def lines(board: Board) -> tuple[str, ...]:
    """The answer for each dataset that has numbers, as Markdown."""
    found = [(dataset, answer(board, dataset)) for dataset in board.datasets if field(board).has(dataset)]
    return tuple(f"{plain(dataset)}: {text}" if len(found) > 1 else text for dataset, text in found)


def told(board: Board) -> Iterator[str]:
    """The same for a terminal."""
    for dataset in board.datasets:
        if field(board).has(dataset):
            yield f"{dataset}: {bare(answer(board, dataset))}"


def answer(board: Board, dataset: str) -> str:
    """ "Use **X**. It beats the best constant by 9.7 % of MAE (95 % interval ...); Y and Z are not told apart from it;
    nothing beats the bucket mean in RMSE." As Markdown.

    What to use is chosen by its error on the validation rows, so that the test rows may say by how much. MAE decides,
    for it is what the models' training stops on; where no model beats the constants by it, RMSE does.
    """
    ranked = field(board)
    if all(r.label_only for r in _rows(ranked, dataset)):
        return "Nothing can be said of a model yet: only predictors that look at no column have numbers here."
    best, metric = choice(board, dataset)
    if not best.label_only:
        return " ".join(_use(ranked, dataset, best, metric, "rmse" if metric == "mae" else "mae"))
    why = "no model that has been run beats it on the test rows, by MAE or by RMSE"
    return f"Use no model yet: **{plain(best.full)}** needs none, and {why}."


def field(board: Board) -> Board:
    """What competes: what leaderboards rank and, where settings were searched, what the searches chose."""
    return board.searched if any(is_tuned(result.variant) for result in board.results.values()) else board.ranked


def choice(board: Board, dataset: str) -> tuple[Result, str]:
    """What to use, and the metric that says so. Raises ValueError where no row has a number."""
    ranked = field(board)
    rows = _rows(ranked, dataset)
    if not rows:
        raise ValueError(f"{dataset} has no row with a number")
    for metric in ("mae", "rmse"):
        chosen = best_on_validation(rows, metric)
        if not chosen.label_only and not _lost(ranked, dataset, chosen, metric):
            return chosen, metric
    return best_on_validation(rows, "mae"), "mae"


def best_on_validation(rows: Sequence[Result], metric: str) -> Result:
    """The row with the least mean error on the validation rows."""
    return min(rows, key=lambda r: (_on_validation(r, metric), r.key))


def _rows(ranked: Board, dataset: str) -> list[Result]:
    return [r for r in ranked.of(dataset) if r.ok and not r.oracle and r.mean("mae") is not None]


def _on_validation(result: Result, metric: str) -> float:
    """The mean over the seeds of an error on the validation rows; infinite where a seed has none."""
    values = [record.metrics.get("valid", {}).get(metric) for record in result.ok]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else float("inf")


def _lost(board: Board, dataset: str, chosen: Result, metric: str) -> bool:
    """Whether a constant, or the like, is better on the test rows, beyond noise where that is known."""
    rivals = [r for r in board.of(dataset) if r.ok and r.label_only and r.mean(metric) is not None]
    known = contest(board, dataset, metric)
    if known is not None and chosen in known.places:
        return any(known.beats(r, chosen) for r in rivals if r in known.places)
    return any((r.mean(metric) or 0.0) < (chosen.mean(metric) or 0.0) for r in rivals)


def _use(board: Board, dataset: str, chosen: Result, metric: str, other: str) -> Iterator[str]:
    name = METRICS[metric].name
    yield f"Use **{plain(chosen.full)}**."
    tested = contest(board, dataset, metric)
    clauses = [_gain(board, dataset, chosen, metric, tested)]
    if tested is not None and chosen in tested.places:
        clauses += list(_rivals(tested, chosen, name))
    clauses += list(_elsewhere(board, dataset, other))
    yield f"{'; '.join(clauses)}."
    if order := _order(board, dataset):
        yield order


def _gain(board: Board, dataset: str, chosen: Result, metric: str, tested: Contest | None) -> str:
    """By how much it beats the best constant, with what is known of the noise."""
    name, mine = METRICS[metric].name, chosen.mean(metric) or 0.0
    constant = board.constant(dataset, metric)
    if constant is None or not (base := constant.mean(metric)):
        return f"Its {name} is {short(mine)} {board.unit(dataset)}; no constant has been run beside it"
    percent = 100 * (base - mine) / base
    if tested is None or chosen not in tested.places or constant not in tested.places:
        one = " with one seed" if chosen.few and chosen.seeds == 1 else ""
        word = "better" if percent >= 0 else "worse"
        return f"It is {abs(percent):.1f} % of {name} {word} than the best constant; its noise{one} is not known"
    low, high = (100 * edge / base for edge in tested.difference(constant, chosen).interval)
    word = "better"
    if percent < 0:
        word, percent, low, high = "worse", -percent, -high, -low
    interval = f"by {percent:.1f} % of {name} (95 % interval {low:.1f} to {high:.1f})"
    if tested.beats(chosen, constant):
        return f"It beats the best constant {interval}"
    return f"It is not told apart from the best constant: {word} {interval}"


def _rivals(tested: Contest, chosen: Result, name: str) -> Iterator[str]:
    """Who is better on the test rows after all, and who cannot be told apart."""
    others = [r for r in tested.results if r is not chosen]
    if better := [r for r in others if tested.beats(r, chosen)]:
        is_are = "is" if len(better) == 1 else "are"
        yield f"on the test rows {_listed(better)} {is_are} better in {name}, though not on the validation rows"
    apart = [r for r in others if not tested.beats(r, chosen) and not tested.beats(chosen, r)]
    if apart:
        is_are = "is" if len(apart) == 1 else "are"
        yield f"{_listed(apart)} {is_are} not told apart from it"
    elif others and not better:
        yield "every other row is worse, beyond noise"


def _elsewhere(board: Board, dataset: str, metric: str) -> Iterator[str]:
    """Who beats the best of those that look at the label alone in the other error."""
    tested, name = contest(board, dataset, metric), METRICS[metric].name
    if tested is None:
        return
    plain_rows = [r for r in tested.results if r.label_only]
    if not plain_rows:
        return
    if len(plain_rows) == len(tested.results):  # of the models nothing is known: one seed each
        return
    base = plain_rows[0]  # the best, for they are in order
    winners = [r for r in tested.results if not r.label_only and tested.beats(r, base)]
    if winners:
        yield f"in {name} {_listed(winners)} {'beats' if len(winners) == 1 else 'beat'} the {_low(base)}"
    else:
        yield f"nothing beats the {_low(base)} in {name}"


def _order(board: Board, dataset: str) -> str:
    """For lifetime values: who says best which customers are worth more."""
    if "gini" not in board.metrics(dataset):
        return ""
    known = [r for r in board.of(dataset) if r.ok and not r.oracle and r.mean("spearman") is not None]
    if not known:
        return ""
    best = max(known, key=lambda r: (r.mean("spearman") or 0.0, r.key))
    return f"{best.label} says best which customers are worth more (Spearman {best.mean('spearman'):.3f})."


def _listed(results: Sequence[Result]) -> str:
    names = [r.label for r in results[:_NAMED]]
    more = len(results) - len(names)
    return sentence_list([*names, f"{more} more"] if more > 0 else names)


def _low(result: Result) -> str:
    """A title within a sentence: small unless it begins with letters that stand for words."""
    text = result.label
    first = text.lstrip("*").split(" ")[0]
    return text if first.isupper() and len(first) > 1 else text.replace(first, first.lower(), 1)
