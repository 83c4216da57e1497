"""A dataset's leaderboard, and an honest sentence below it."""

from collections.abc import Iterator, Sequence

from reports.evidence.contest import Contest, contest, covered, tied
from reports.evidence.estimand import told
from reports.evidence.notes import notes
from reports.evidence.stats import apart, percent
from reports.markup.document import Part, Section, slug
from reports.markup.table import Column, Entry, Table, by_columns, count, marked, text_column
from reports.markup.text import NONE, number, plain, sentence_list, signed
from reports.model.board import Board, Result
from reports.model.methods import methods
from reports.model.metrics import ERRORS, HEADLINE, METRICS, digits

ABOUT = (
    "By MAE. # is a place, or the places that noise leaves open: rows in 2–4 are tied. A paired bootstrap draws users "
    "and seeds, and Holm's correction over all pairs keeps the chance of any false separation at 5 %. ?: one seed, or "
    "no predictions to resample, so the noise is unknown. Where a dataset has no paired test, ≈ marks a difference "
    "from the best of less than two standard errors over seeds, and the noise of the test rows is not in it. "
    "*Italics*: predictors that see the label alone, or at most the duration bucket, and the oracle of a synthetic "
    "world, which has no rank. Rows that estimate a mean and rows that estimate a median are not to be compared by one "
    "error: see like with like, also for ≠. A method stands here by its default, by its other readings (`paper`, "
    "`code`) and by variants that no other table shows; ablations and sweeps have their own tables.",
)


def section(board: Board, dataset: str) -> Section | None:
    """The table, what stands behind it, what it adds to simple predictors, and which variants stand elsewhere."""
    ranked = board.ranked
    if not ranked.of(dataset):
        return None
    has = ranked.has(dataset)
    lines = [*trust(ranked, dataset), *remarks(ranked, dataset), *verdicts(ranked, dataset)] if has else []
    lines += elsewhere(board, dataset)
    return Section(
        "leaderboard", "Leaderboard", ABOUT, (Part(tables=(table(ranked, dataset),), lines=tuple(lines)),), True
    )


def table(board: Board, dataset: str, metrics: Sequence[str] = (), *, short: bool = False) -> Table:
    """By the headline metric: numbers first, then what is stale, failed or skipped. metrics: the dataset's where empty.
    short: name and variant in one column, and no remarks."""
    unit, names = board.unit(dataset), metrics or board.metrics(dataset)
    shown = ordered(board, dataset)
    without = [] if short else _without_numbers(board.of(dataset))
    ranked = [e for e in shown if not e.oracle and e.metric(HEADLINE)]
    tested, constant = contest(board, dataset, HEADLINE), board.best(dataset, HEADLINE, "constant")
    columns = [text_column("rank", f"# by {METRICS[HEADLINE].name}"), text_column("method", "method")]
    cells = [
        [rank(e, ranked, tested) for e in shown] + [Entry(text=NONE)] * len(without),
        [Entry(text=e.label if short else e.name) for e in shown] + [Entry(text=_names(same)) for _, same in without],
    ]
    if not short:
        columns += [text_column("variant", "variant"), Column("seeds", "seeds", digits=0)]
        cells += [
            [Entry(text=plain(e.variant)) for e in shown]
            + [Entry(text=plain(", ".join(e.variant for e in same))) for _, same in without],
            [count(e.seeds) for e in shown] + [count(0)] * len(without),
        ]
        kinds = [told(board, e) for e in shown]
        if any(kinds):
            columns.append(text_column("estimates", "estimates"))
            cells.append([Entry(text=kind) for kind in kinds] + [Entry()] * len(without))
    out = [place for place, e in enumerate(shown) if e.oracle]
    for name in names:
        columns.append(METRICS[name].column(unit))
        cells.append(marked(columns[-1], [e.entry(name) for e in shown], out) + [Entry()] * len(without))
    columns.append(Column("gap", "vs constant" if short else "MAE vs best constant", "%", digits=1, signed=True))
    cells.append([_against(e, constant) for e in shown] + [Entry()] * len(without))
    if not short:
        columns.append(text_column("notes", "notes"))
        cells.append([Entry(text=notes(board, e)) for e in shown] + [Entry(text=said) for said, _ in without])
    name = slug("ranking" if short else "leaderboard", dataset)
    return Table(name, f"{plain(dataset)}: leaderboard", tuple(columns), by_columns(cells))


def ordered(board: Board, dataset: str) -> list[Result]:
    """The results with numbers, the least headline error first."""
    return sorted((e for e in board.of(dataset) if e.ok), key=lambda e: (or_inf(e.mean(HEADLINE)), e.method, e.variant))


def or_inf(value: float | None) -> float:
    return float("inf") if value is None else value


def rank(result: Result, ranked: list[Result], tested: Contest | None, metric: str = HEADLINE) -> Entry:
    """The ranks that the test set leaves open, "2–4"; ? where the result was not resampled. Without resampling 1, 2,
    ... with ≈ where the seeds do not tell the result from the best, ? where its noise is unknown."""
    if result not in ranked:
        return Entry(text=NONE)
    if tested:
        known = result in tested.places
        return Entry(tested.ranks(result)[0], text=tied(tested, result)) if known else Entry(text="?")
    place = ranked.index(result)
    mine, best = result.metric(metric), ranked[0].metric(metric)
    if place == 0 or mine is None or best is None:
        return Entry(place + 1, text=str(place + 1))
    return Entry(place + 1, text=f"{place + 1}{ {True: '', False: ' ≈', None: ' ?'}[apart(mine, best)] }")


def _against(result: Result, constant: Result | None) -> Entry:
    mine, other = result.mean(HEADLINE), constant.mean(HEADLINE) if constant else None
    return Entry(None if mine is None or other is None else percent(mine, other))


def _without_numbers(results: Sequence[Result]) -> list[tuple[str, list[Result]]]:
    """Results without a number, variants of one method with one reason together."""
    found: dict[tuple[int, str, str], list[Result]] = {}
    for result in results:
        if result.state != "ok":
            place = ("stale", "failed", "skipped").index(result.state)
            found.setdefault((place, result.method, result.remarks), []).append(result)
    return [(remarks, same) for (_, _, remarks), same in sorted(found.items(), key=lambda item: item[0])]


def lacking(board: Board, dataset: str) -> list[tuple[str, str]]:
    """Why there are rows without a number, and which these are, as Markdown."""
    return [(remarks, _names(same)) for remarks, same in _without_numbers(board.of(dataset))]


def _names(same: Sequence[Result]) -> str:
    return sentence_list(list(dict.fromkeys(e.name for e in same)))


# --- how far it can be trusted


def trust(board: Board, dataset: str) -> Iterator[str]:
    """Says what stands behind the intervals, what they could show, and who is not in them; Markdown, a line each."""
    found = board.noise.get(dataset)
    shown = [e for e in board.of(dataset) if e.ok and not e.oracle]
    if found is None:
        if shown:
            yield f"No paired test yet: {board.command('compare')} makes it where the predictions are."
        return
    there = covered(board, dataset)
    fewer = f", {found.ranking_draws:,} for metrics that rank" if found.ranking_draws < found.draws else ""
    users = f"the {found.clusters:,} users of the " if found.drawn == "users" else ""
    times = f"{found.draws:,} times{fewer}, the same for every method, and the seeds"
    yield f"Resampled: {users}{found.rows:,} test rows, {times}."
    unit = board.unit(dataset)
    least = [
        f"{METRICS[name].name} {number(tested.smallest, digits(name, unit))}"
        for name, tested in contests(board, dataset)
        if tested.smallest
    ]
    if least:
        yield f"Smallest difference from the best that these rows show four times in five: {', '.join(least)}."
    lacking = [e.label for e in shown if e not in there]
    if lacking:
        yield f"Not resampled, for want of the predictions behind the numbers above: {sentence_list(lacking)}."
    single = [e.label for e in shown if e in there and not e.seedless and e.seeds == 1]
    if single:
        yield f"One seed, so without a rank: {sentence_list(single)}."


def contests(board: Board, dataset: str) -> Iterator[tuple[str, Contest]]:
    """The contest of each metric that has a best."""
    for name in board.metrics(dataset):
        if METRICS[name].better is not None and (tested := contest(board, dataset, name)):
            yield name, tested


def remarks(board: Board, dataset: str) -> list[str]:
    """Says what ties and zeros do to the ranking metrics: a line each, where there is something to say."""
    shown = [e for e in ordered(board, dataset) if not (e.label_only or e.oracle)]
    lines = []
    if shown:
        first = shown[0]
        texts = [f"{number(first.mean(key), 4)} if tied labels count {how}" for key, how in methods().ties.items()]
        texts.append(f"{number(first.mean('xauc_exclude'), 4)} without them")
        lines.append(f"XAUC of {first.label}: {number(first.mean('xauc'), 4)}; it would be {sentence_list(texts)}.")
    for result in board.of(dataset):
        ceiling, zeros = result.mean("spearman_ceiling"), result.mean("zero_share")
        if ceiling is not None and zeros is not None:
            reach = f"predictions without ties reach a Spearman correlation of {ceiling:.4f} at most"
            return [*lines, f"{100 * zeros:.1f} % of the test labels are 0; {reach}."]
    return lines


def elsewhere(board: Board, dataset: str) -> Iterator[str]:
    """Counts the variants of each method that the leaderboard leaves to other tables."""
    ranked, counts = board.ranked, dict[str, int]()
    for result in board.untuned.of(dataset):
        if ranked.get(*result.key) is None:
            counts[result.title] = counts.get(result.title, 0) + 1
    if counts:
        told = sentence_list([f"{found} of {plain(title)}" for title, found in sorted(counts.items())])
        yield f"Left to the tables of ablations and sweeps, and to [the costs](@cost): {told}."


# --- what the gradient methods add to the simple predictors


def verdicts(board: Board, dataset: str) -> list[str]:
    """One line per error metric and simple rival: which gradient methods are better, not told apart, or worse."""
    gradient = [e for e in board.of(dataset) if e.gradient]
    if not gradient:
        return ["No method trained by gradients has a number here."]
    unit = board.unit(dataset)
    lines = []
    for said, kind in (("the best label-only constant", "constant"), ("gradient boosting", "trees")):
        for metric in ERRORS:
            rival = board.best(dataset, metric, "constant" if kind == "constant" else "trees")
            name = METRICS[metric].name
            if rival is None:
                lines.append(f"Against {said}, {name}: it has no number here.")
                continue
            value = number(rival.mean(metric), digits(metric, unit))
            found = _verdict(gradient, rival, metric, contest(board, dataset, metric))
            lines.append(f"Against {said}, {name} ({rival.label}, {value}): {found}.")
    return lines


def _verdict(gradient: Sequence[Result], rival: Result, metric: str, tested: Contest | None) -> str:
    order = ("better", "not told apart", "one seed only", "not resampled", "worse")
    found: dict[str, list[tuple[float, str]]] = {word: [] for word in order}
    theirs = rival.metric(metric)
    for result in gradient:
        mine = result.metric(metric)
        if mine is None or theirs is None or (gap := percent(mine.mean, theirs.mean)) is None:
            continue
        if tested is None:
            judged = apart(mine, theirs)
            told = {None: "one seed only", False: "not told apart", True: ""}[judged]
        elif {result, rival} <= tested.places.keys():
            told = "" if tested.beats(result, rival) or tested.beats(rival, result) else "not told apart"
        else:
            told = "not resampled" if result.seeds > 1 else "one seed only"
        found[told or ("better" if gap < 0 else "worse")].append((gap, f"{result.label} ({signed(gap, 1, ' %')})"))
    if not found["better"]:
        found = {"better": [(0.0, "none")]} | {word: items for word, items in found.items() if word != "better"}
    return "; ".join(
        f"{word}: {sentence_list([t for _, t in sorted(items)])}" for word, items in found.items() if items
    )
