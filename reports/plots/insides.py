"""Figures from the arrays that trained methods leave, and what is said below them: one `Kind` for each.

Here those of prototypes and representations; those of tokens are in `reports.plots.tokens`.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from reports.markup.text import number, plain, sentence_list
from reports.model.arrays import Arrays
from reports.plots import tokens
from reports.plots.drawing import COLOURS, svg
from reports.plots.kind import Kind, Shown, dots, rho

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GROUPS = ("watch ratio 0 to 0.1", "1 to 1.1", "2 to 2.1")  # of A.1.2, in the order of their numbers
_SHADES = ("Blues", "Oranges", "Greens")  # one for each group
_POINTS = 420  # of a panel: a figure stays small
_LARGE = 0.3  # an error, in watch ratio, that A.1.2 calls large
_NEAR = 10  # neighbours on a map


# --- watch ratios and what is sampled of them


def _draw_ratios(shown: Shown, title: str) -> str:
    """A panel per duration bucket: `ratios` and `sampled` [D, bins], `bins` [bins + 1], `peaks` [peaks, 4]."""
    (arrays,) = shown.values()
    bins, peaks = arrays["bins"], arrays["peaks"]
    both = [(arrays["ratios"], "training rows", COLOURS[0]), (arrays["sampled"], "sampled", COLOURS[1])]

    def draw(picture: "Figure") -> None:
        buckets = len(arrays["ratios"])
        columns = min(buckets, 5)
        axes = picture.subplots(-(-buckets // columns), columns, sharex=True, squeeze=False).ravel()
        for bucket, place in zip(range(buckets), axes, strict=False):
            for counts, words, colour in both:
                shares = _density(counts[bucket], bins)
                place.stairs(shares, bins, color=colour, fill=True, alpha=0.35, label=words if not bucket else None)
                place.stairs(shares, bins, color=colour, linewidth=0.8)
            for mean in peaks[peaks[:, 0] == bucket, 2]:
                if bins[0] <= mean <= bins[-1]:
                    place.axvline(mean, color="#cc0000", linestyle="--", linewidth=0.8)
            place.set_title(f"duration bucket {bucket}", fontsize=8)
            place.set_ylim(0, None)
        for spare in axes[buckets:]:
            spare.set_visible(False)
        axes[0].set_ylabel("density")
        picture.supxlabel("watch ratio", fontsize=8)
        picture.legend(loc="outside upper right", ncols=2, frameon=False, fontsize=8)

    return svg(draw, title=title, size=(10, 1.9 * -(-len(arrays["ratios"]) // 5) + 0.6))


def _density(counts: Any, bins: Any) -> Any:
    """Of each bin, so that the area is 1; 0 where there is nothing."""
    return counts / max(counts.sum(), 1) / (bins[1:] - bins[:-1])


def _tell_ratios(shown: Shown) -> Iterator[str]:
    (arrays,) = shown.values()
    widths = arrays["bins"][1:] - arrays["bins"][:-1]
    pairs = zip(arrays["ratios"], arrays["sampled"], strict=True)
    apart = [float(abs(_density(a, arrays["bins"]) - _density(b, arrays["bins"])) @ widths) / 2 for a, b in pairs]
    yield (
        "Half the area between both densities, shortest durations first (0: the same, 1: nothing in common): "
        f"{', '.join(number(v, 2) for v in apart)}."
    )
    texts = []
    for bucket in range(len(arrays["ratios"])):
        own = arrays["peaks"][arrays["peaks"][:, 0] == bucket]
        texts.append(", ".join(f"{mu:.2f} ({theta:.2f})" for _, theta, mu, _ in own[own[:, 2].argsort()]))
    yield f"Means of the peaks (their weights), shortest durations first: {'; '.join(texts)}."


# --- weights over prototypes


_STEPS = 16  # of the weights' colours: with more of them the image is no plainer and five times as large


def _draw_weights(shown: Shown, title: str) -> str:
    """`alpha` [rows, CK] of each row of the study, as an image on one scale of colours."""

    def draw(picture: "Figure") -> None:
        from matplotlib import colormaps
        from matplotlib.colors import PowerNorm

        colours = colormaps["viridis"].resampled(_STEPS)
        axes = picture.subplots(1, len(shown), sharey=True, squeeze=False).ravel()
        norm = PowerNorm(0.5, 0, max(float(a["alpha"].max()) for a in shown.values()))
        for place, (name, arrays) in zip(axes, shown.items(), strict=True):
            image = place.imshow(arrays["alpha"], norm=norm, cmap=colours, aspect="auto", interpolation="none")
            place.set_title(name, fontsize=8)
            place.set_xlabel("prototype")
            place.yaxis.get_major_locator().set_params(integer=True)
        axes[0].set_ylabel("row")
        picture.colorbar(image, ax=list(axes), label="weight", shrink=0.9)

    return svg(draw, title=title, size=(2.4 * len(shown) + 0.9, 3.2))


def _tell_weights(shown: Shown) -> Iterator[str]:
    import numpy as np

    def sharing(weights: Any) -> float:
        """exp of the entropy of each row, on average."""
        shares = weights / np.maximum(weights.sum(1, keepdims=True), 1e-12)
        return float(np.exp(-(shares * np.log(np.maximum(shares, 1e-12))).sum(1)).mean())

    texts = []
    for name, arrays in shown.items():
        plan = f", its plan {sharing(arrays['plan']):.1f}" if "plan" in arrays else ""
        texts.append(f"{plain(name)} {sharing(arrays['alpha']):.1f}{plan}")
    count = next(iter(shown.values()))["alpha"].shape[1]
    words = f"Prototypes that share a row's weight (exp of its entropy, mean over rows; all {count} at most)"
    yield f"{words}: {'; '.join(texts)}."


# --- confused representations


def _groups(arrays: Arrays) -> Iterator[tuple[int, Any]]:
    """Each group that has rows, with their places."""
    group = arrays["confusion"][:, 0].astype(int)
    yield from ((place, (group == place).nonzero()[0]) for place in range(len(GROUPS)) if (group == place).any())


def _thinned(places: Any, total: int) -> Any:
    """At most a panel's share of the places, evenly."""
    return places[:: -(-total // _POINTS)]


def _draw_confusion(shown: Shown, title: str) -> str:
    """A panel per row of the study: `confusion` [rows, 3], the group, the error and the distance."""

    def draw(picture: "Figure") -> None:
        axes = picture.subplots(1, len(shown), sharey=True, squeeze=False).ravel()
        for place, (name, arrays) in zip(axes, shown.items(), strict=True):
            _, error, distance = arrays["confusion"].T
            for group, rows in _groups(arrays):
                few = _thinned(rows, len(error))
                dots(place, distance[few], error[few], COLOURS[group], label=GROUPS[group])
            place.set_title(f"{name}: Spearman's ρ {rho(error, distance)}", fontsize=8)
            place.set_xlabel("distance to the ideal centre")
        axes[0].set_ylabel("error, in watch ratio")
        handles = axes[-1].get_legend_handles_labels()
        picture.legend(*handles, loc="outside right upper", frameon=False, fontsize=7)

    return svg(draw, title=title, size=(4.2 * len(shown) + 1.6, 3.4))


def _tell_confusion(shown: Shown) -> Iterator[str]:
    within, large = [], []
    for name, arrays in shown.items():
        _, error, distance = arrays["confusion"].T
        texts = [f"{rho(error[rows], distance[rows])}" for _, rows in _groups(arrays)]
        within.append(f"{plain(name)} {', '.join(texts)}")
        large.append(f"{plain(name)} {100 * float((error > _LARGE).mean()):.0f} % of {len(error):,}")
    yield f"Spearman's ρ within the groups, least watch ratios first: {'; '.join(within)}."
    yield f"Errors above {_LARGE}, in watch ratio: {'; '.join(large)} rows."


def _draw_map(shown: Shown, title: str) -> str:
    """A panel per row of the study: `map` [rows, 2] coloured by group, darker where the error is larger."""

    def draw(picture: "Figure") -> None:
        from matplotlib import colormaps

        axes = picture.subplots(1, len(shown), squeeze=False).ravel()
        for place, (name, arrays) in zip(axes, shown.items(), strict=True):
            error = arrays["confusion"][:, 1]
            for group, rows in _groups(arrays):
                few = _thinned(rows, len(error))
                shade = (error[few].clip(0, 0.999) * 5).astype(int)  # five shades: a colour each, said once
                for step in range(5):
                    x, y = arrays["map"][few[shade == step]].T
                    colour = colormaps[_SHADES[group]](0.35 + 0.15 * step)
                    dots(place, x, y, colour, label=GROUPS[group] if step == 2 else None)
            place.set_title(name, fontsize=8)
            place.set_xticks([])
            place.set_yticks([])
        handles = axes[-1].get_legend_handles_labels()
        title_ = "darker: larger errors"
        picture.legend(*handles, title=title_, loc="outside right upper", frameon=False, fontsize=7, title_fontsize=7)

    return svg(draw, title=title, size=(4.2 * len(shown) + 1.6, 3.6))


def _tell_map(shown: Shown) -> Iterator[str]:
    """How far rows with small errors lie among their own group."""
    from scipy.spatial import cKDTree

    texts = []
    for name, arrays in shown.items():
        small = arrays["confusion"][:, 1] < _LARGE
        group, points = arrays["confusion"][small, 0], arrays["map"][small]
        if len(points) <= _NEAR:
            continue
        _, nearest = cKDTree(points).query(points, _NEAR + 1)
        same = float((group[nearest[:, 1:]] == group[:, None]).mean())
        chance = sum(float((group == g).mean()) ** 2 for g in set(group.tolist()))
        texts.append(f"{plain(name)} {100 * same:.0f} % (by chance {100 * chance:.0f} %)")
    if texts:
        yield (
            f"Of the {_NEAR} nearest neighbours on the map among rows with an error below {_LARGE}, of the same group: "
            f"{sentence_list(texts)}."
        )


KINDS: Mapping[str, Kind] = {
    "ratios": Kind(
        "Watch ratios by duration bucket, of training rows and as sampled",
        ("ratios", "sampled", "bins", "peaks"),
        _draw_ratios,
        _tell_ratios,
    ),
    "weights": Kind("Weights of rows over the prototypes", ("alpha",), _draw_weights, _tell_weights, ("plan",)),
    "confusion": Kind(
        "Error against the distance to the ideal centre", ("confusion",), _draw_confusion, _tell_confusion
    ),
    "map": Kind("Maps of the representations by group of watch ratio", ("confusion", "map"), _draw_map, _tell_map),
    **tokens.KINDS,
}
