"""One leaderboard per dataset, and an honest sentence below it."""

from collections.abc import Sequence

from reports.evidence.contest import Contest, contest, tied
from reports.evidence.stats import apart, best_two, percent
from reports.markup.markdown import NONE, Sheet, marked, number, plain, sentence_list, signed, table
from reports.model.board import Board, Entry
from reports.model.metrics import HEADLINE, METRICS, columns, digits
from reports.model.summary import plus_minus


def leaderboard(board: Board, dataset: str) -> Sheet:
    """The table, by the headline metric: numbers first, then what is stale, failed or skipped."""
    entries = board.of(dataset)
    unit = str(board.facts(dataset).get("unit", "s"))
    shown = sorted((e for e in entries if e.ok), key=lambda e: (_or_inf(e.mean(HEADLINE)), e.method, e.variant))
    ranked = [e for e in shown if not e.oracle and e.metric(HEADLINE)]
    tested = contest(board, dataset, HEADLINE, low=True)
    constant = board.best(dataset, HEADLINE, label_only=True)
    names = columns(entries)
    cells: dict[str, list[str]] = {}
    for name in names:
        values = [None if e.oracle else e.mean(name) for e in shown]
        low = METRICS[name].low
        best, second = (set(), set()) if low is None else best_two(values, low=low, digits=digits(name, unit))
        texts = [plus_minus(e.metric(name), digits(name, unit)) for e in shown]
        cells[name] = [marked(text, place, best, second) for place, text in enumerate(texts)]
    rows = [
        [_rank(e, ranked, tested), e.name, plain(e.variant), str(e.seeds), *numbers, _against(e, constant), e.remarks]
        for e, *numbers in zip(shown, *(cells[name] for name in names), strict=True)
    ]
    rows += [
        [NONE, _names(same), plain(", ".join(e.variant for e in same)), "0", *[NONE] * len(names), NONE, remarks]
        for remarks, same in _without_numbers(entries)
    ]
    head = [
        "#",
        "method",
        "variant",
        "seeds",
        *(METRICS[name].title for name in names),
        "MAE vs best constant",
        "notes",
    ]
    return table(head, rows, left=3, last=1)


def _or_inf(value: float | None) -> float:
    return float("inf") if value is None else value


def _rank(entry: Entry, ranked: list[Entry], tested: Contest | None) -> str:
    """The ranks that the test set leaves open, "2–4"; ? where the entry was not resampled. Without resampling 1, 2, ...
    with ≈ where the seeds do not tell the entry from the best, ? where its noise is unknown."""
    if entry not in ranked:
        return NONE
    if tested:
        return tied(tested, entry) if entry in tested.places else "?"
    place = ranked.index(entry)
    mine, best = entry.metric(HEADLINE), ranked[0].metric(HEADLINE)
    if place == 0 or mine is None or best is None:
        return str(place + 1)
    return f"{place + 1}{ {True: '', False: ' ≈', None: ' ?'}[apart(mine, best)] }"


def _against(entry: Entry, constant: Entry | None) -> str:
    mine, other = entry.mean(HEADLINE), constant.mean(HEADLINE) if constant else None
    return NONE if mine is None or other is None else signed(percent(mine, other), 1, " %")


def _without_numbers(entries: Sequence[Entry]) -> list[tuple[str, list[Entry]]]:
    """Entries without a number, variants of one method with one reason together."""
    found: dict[tuple[int, str, str], list[Entry]] = {}
    for entry in entries:
        if entry.state != "ok":
            place = ("stale", "failed", "skipped").index(entry.state)
            found.setdefault((place, entry.method, entry.remarks), []).append(entry)
    return [(remarks, same) for (_, _, remarks), same in sorted(found.items(), key=lambda item: item[0])]


def _names(same: Sequence[Entry]) -> str:
    return sentence_list(list(dict.fromkeys(e.name for e in same)))


def remarks(board: Board, dataset: str) -> list[str]:
    """What ties and zeros do to the ranking metrics: a line each, where there is something to say."""
    shown = [e for e in board.of(dataset) if e.ok and not e.seedless]
    lines = []
    if shown:
        first = min(shown, key=lambda e: (_or_inf(e.mean(HEADLINE)), e.method, e.variant))
        rules = (("xauc_strict", "0, as TPM's and GR's code do"), ("xauc_lenient", "1, as D2Q's and CWM's code do"))
        texts = [f"{number(first.mean(key), 4)} if tied labels count {how}" for key, how in rules]
        texts.append(f"{number(first.mean('xauc_exclude'), 4)} without them")
        lines.append(f"XAUC of {first.label}: {number(first.mean('xauc'), 4)}; it would be {sentence_list(texts)}.")
    for entry in board.of(dataset):
        ceiling, zeros = entry.mean("spearman_ceiling"), entry.mean("zero_share")
        if ceiling is not None and zeros is not None:
            words = f"predictions without ties reach a Spearman correlation of {ceiling:.4f} at most"
            return [*lines, f"{100 * zeros:.1f} % of the test labels are 0; {words}."]
    return lines


# --- what the gradient methods add to the simple predictors


def verdicts(board: Board, dataset: str) -> list[str]:
    """One line per error metric and simple rival: which gradient methods are better, not told apart, or worse."""
    gradient = [e for e in board.of(dataset) if e.gradient]
    if not gradient:
        return ["No method trained by gradients has a number here."]
    unit = str(board.facts(dataset).get("unit", "s"))
    lines = []
    tested = {metric: contest(board, dataset, metric, low=True) for metric in ("mae", "rmse")}
    for words, kind in (("the best label-only constant", "label_only"), ("gradient boosting", "trees")):
        for metric in tested:
            rival = board.best(dataset, metric, **{kind: True})
            if rival is None:
                lines.append(f"Against {words}, {metric.upper()}: it has no number here.")
                continue
            value = number(rival.mean(metric), digits(metric, unit))
            found = _verdict(gradient, rival, metric, tested[metric])
            lines.append(f"Against {words}, {metric.upper()} ({rival.label}, {value}): {found}.")
    return lines


def _verdict(gradient: Sequence[Entry], rival: Entry, metric: str, tested: Contest | None) -> str:
    words = ("better", "not told apart", "one seed only", "not resampled", "worse")
    found: dict[str, list[tuple[float, str]]] = {word: [] for word in words}
    theirs = rival.metric(metric)
    for entry in gradient:
        mine = entry.metric(metric)
        if mine is None or theirs is None or (gap := percent(mine.mean, theirs.mean)) is None:
            continue
        if tested is None:
            judged = apart(mine, theirs)
            told = {None: "one seed only", False: "not told apart", True: ""}[judged]
        elif {entry, rival} <= tested.places.keys():
            told = "" if tested.beats(entry, rival) or tested.beats(rival, entry) else "not told apart"
        else:
            told = "not resampled" if entry.seeds > 1 else "one seed only"
        found[told or ("better" if gap < 0 else "worse")].append((gap, f"{entry.label} ({signed(gap, 1, ' %')})"))
    if not found["better"]:
        found = {"better": [(0.0, "none")]} | {word: items for word, items in found.items() if word != "better"}
    return "; ".join(
        f"{word}: {sentence_list([t for _, t in sorted(items)])}" for word, items in found.items() if items
    )
