"""Figures of methods that generate a value token by token: tokens, their neighbours, embeddings of values, schedules.

Places in the vocabulary count from 1, the largest token; 0 is the end of a sequence (EOS), which is no value.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from reports.markup.text import plain, sentence_list
from reports.model.arrays import Arrays
from reports.model.board import Result
from reports.plots.drawing import COLOURS, svg
from reports.plots.kind import Kind, Shown, dots, rho

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TOP = 15  # tokens that Figure 4 shows
_MOST = 0.9  # of the occurrences: how many tokens make them up
_SCARCE = 0.1  # of an even share: a token below it is hardly used
_NEAR = 10  # neighbours on a map
_FEW = 3  # points of a first token from which its centre on the map counts
_END = 0.01  # p at the end of a curriculum, as the paper's four omegas mean it


# --- how often tokens occur (Figure 4)


def _shares(arrays: Arrays, word: str = "count") -> Any:
    """The share of each numeric token in all occurrences of numeric tokens [K], the largest token first."""
    count = arrays[word][1:].astype(float)
    return count / max(count.sum(), 1)


def _draw_tokens(shown: Shown, title: str) -> str:
    """A panel per row of the study: the most frequent tokens as bars, what is predicted of each as a dot."""

    def draw(picture: "Figure") -> None:
        axes = picture.subplots(1, len(shown), sharey=True, squeeze=False).ravel()
        for place, (name, arrays) in zip(axes, shown.items(), strict=True):
            share, predicted = _shares(arrays), _shares(arrays, "predicted")
            top = (-share).argsort(kind="stable")[:_TOP]
            place.bar(range(len(top)), 100 * share[top], color=COLOURS[0], alpha=0.6, label="true sequences")
            place.plot(range(len(top)), 100 * predicted[top], "o", color=COLOURS[1], markersize=3, label="predicted")
            ticks = [f"{value:.4g}" for value in arrays["value"][top]]
            place.set_xticks(range(len(top)), ticks, rotation=90, fontsize=6)
            place.set_title(f"{name}: {len(share)} tokens", fontsize=8)
            place.set_xlabel("token")
        axes[0].set_ylabel("% of the tokens of all sequences")
        axes[-1].legend(frameon=False, fontsize=7)

    return svg(draw, title=title, size=(3.3 * len(shown) + 0.4, 2.8))


def _effective(share: Any) -> float:
    """exp of the entropy: how many tokens that occur equally often would be as even."""
    import numpy as np

    return float(np.exp(-(share * np.log(np.maximum(share, 1e-12))).sum()))


def _tell_tokens(shown: Shown) -> Iterator[str]:
    import numpy as np

    covering, scarce, even, off = [], [], {}, []
    for name, arrays in shown.items():
        share, title = _shares(arrays), plain(name)
        K = len(share)
        upto = np.cumsum(np.sort(share)[::-1])
        covering.append(
            f"{title} {int((upto < _MOST - 1e-9).sum()) + 1} of {K}, the first alone {100 * share.max():.0f} %"
        )
        scarce.append(f"{title} {int((share < _SCARCE / K).sum())} of {K}")
        even[title] = _effective(share) / K
        off.append(f"{title} {100 * float(abs(share - _shares(arrays, 'predicted')).sum()) / 2:.0f} %")
    yield f"Tokens that make up {100 * _MOST:.0f} % of all occurrences: {'; '.join(covering)}."
    yield f"Hardly used, less than a tenth of an even share: {'; '.join(scarce)}."
    texts = [f"{title} {100 * value:.0f} %" for title, value in sorted(even.items(), key=lambda item: -item[1])]
    yield (f"Evenness (exp of the occurrences' entropy, in % of the tokens), the most even first: {', '.join(texts)}.")
    yield f"Occurrences that predicted sequences give to other tokens than the true ones do: {'; '.join(off)}."


# --- probabilities of neighbours (Figure 3, right)


def _profile(arrays: Arrays) -> Any:
    """Mean probability at each offset about the true token [11], each occurrence counted once."""
    import numpy as np

    near, weight = arrays["neighbours"], arrays["count"][1:, None] * np.ones((1, arrays["neighbours"].shape[1]))
    weight = np.where(np.isnan(near), 0, weight)
    return (np.nan_to_num(near) * weight).sum(0) / np.maximum(weight.sum(0), 1e-12)


def _draw_neighbours(shown: Shown, title: str) -> str:
    """A panel per row of the study: `neighbours` [K, 11] as an image, a true token a row; the mean below it."""

    def draw(picture: "Figure") -> None:
        import numpy as np

        axes = picture.subplots(2, len(shown), squeeze=False, sharex=True, height_ratios=[3, 1])
        most = max(float(np.nanmax(a["neighbours"], initial=0)) for a in shown.values())
        for (image_at, mean_at), (name, arrays) in zip(axes.T, shown.items(), strict=True):
            near = arrays["neighbours"]
            reach = near.shape[1] // 2
            extent = (-reach - 0.5, reach + 0.5, len(near) + 0.5, 0.5)
            image = image_at.imshow(
                near, vmin=0, vmax=most, extent=extent, cmap="viridis", aspect="auto", interpolation="none"
            )
            image_at.set_title(name, fontsize=8)
            image_at.yaxis.get_major_locator().set_params(integer=True)
            mean_at.bar(range(-reach, reach + 1), _profile(arrays), color=COLOURS[0], alpha=0.7)
            mean_at.set_xlabel("places from the true token")
            mean_at.sharey(axes[1, 0])
        axes[0, 0].set_ylabel("true token, the largest first")
        axes[1, 0].set_ylabel("mean")
        picture.colorbar(image, ax=list(axes[0]), label="mean probability", shrink=0.9)

    return svg(draw, title=title, size=(2.9 * len(shown) + 1.0, 4.2))


def _tell_neighbours(shown: Shown) -> Iterator[str]:
    import numpy as np

    texts, likelier = [], []
    for name, arrays in shown.items():
        near, mean = arrays["neighbours"], _profile(arrays)
        at = near.shape[1] // 2
        count = arrays["count"][1:]
        within = (np.nansum(near, axis=1) * count).sum() / max(count.sum(), 1)
        texts.append(f"{plain(name)} {mean[at]:.3f}, {(mean[at - 1] + mean[at + 1]) / 2:.3f} and {within:.3f}")
        there = near[~np.isnan(near[:, at])]
        beside = np.nan_to_num(np.delete(there, at, axis=1), nan=-1).max(1, initial=-1)
        likelier.append(f"{plain(name)} {int((beside > there[:, at]).sum())} of {len(there)}")
    yield (
        "Mean probability of the true token, of one next to it in the vocabulary, and of all within five places: "
        f"{'; '.join(texts)}."
    )
    yield f"Tokens for which one of these neighbours is on average likelier than the true one: {'; '.join(likelier)}."


# --- embeddings of values (Figure 3, left)


def _draw_embedded(shown: Shown, title: str) -> str:
    """A panel per row of the study: `embedded` [rows, 4], coloured by the first token's place."""

    def draw(picture: "Figure") -> None:
        from matplotlib import colormaps
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize
        from matplotlib.ticker import MaxNLocator

        axes = picture.subplots(1, len(shown), squeeze=False).ravel()
        last = max(float(a["embedded"][:, 2].max()) for a in shown.values())
        norm, colours = Normalize(1, max(last, 2)), colormaps["turbo"]
        for place, (name, arrays) in zip(axes, shown.items(), strict=True):
            x, y, first, _ = arrays["embedded"].T
            for token in sorted(set(first.tolist())):
                rows = first == token
                dots(place, x[rows], y[rows], colours(norm(token)))
            place.set_title(name, fontsize=8)
            place.set_xticks([])
            place.set_yticks([])
        words = "place of the first token (1: largest)"
        whole = MaxNLocator(integer=True)
        picture.colorbar(ScalarMappable(norm, colours), ax=list(axes), label=words, shrink=0.9, ticks=whole)

    return svg(draw, title=title, size=(3.2 * len(shown) + 1.0, 3.2))


def _tell_embedded(shown: Shown) -> Iterator[str]:
    import numpy as np
    from scipy.spatial import cKDTree

    same, order = [], []
    for name, arrays in shown.items():
        points, first = arrays["embedded"][:, :2], arrays["embedded"][:, 2]
        if len(points) <= _NEAR:
            continue
        _, nearest = cKDTree(points).query(points, _NEAR + 1)
        alike = float((first[nearest[:, 1:]] == first[:, None]).mean())
        tokens = [token for token in np.unique(first) if (first == token).sum() >= _FEW]
        chance = sum(float((first == token).mean()) ** 2 for token in np.unique(first))
        same.append(f"{plain(name)} {100 * alike:.0f} % (by chance {100 * chance:.0f} %)")
        if len(tokens) > 2:
            centres = np.stack([points[first == token].mean(0) for token in tokens])
            i, j = np.tril_indices(len(tokens), -1)
            apart = np.abs(np.subtract(*np.array(tokens)[[i, j]]))
            order.append(f"{plain(name)} {rho(apart, np.linalg.norm(centres[i] - centres[j], axis=1))}")
    if same:
        yield (f"Of a value's {_NEAR} nearest neighbours on the map, with the same first token: {sentence_list(same)}.")
    if order:
        yield (
            "Spearman's ρ between how far two first tokens are apart in the vocabulary and their values' centres on "
            f"the map (1: near tokens lie near): {sentence_list(order)}."
        )


# --- schedules of the curriculum (Figure 6 a)


def _draw_schedules(shown: Shown, title: str) -> str:
    """`schedule` [2, points] of each row of the study: progress and p."""

    def draw(picture: "Figure") -> None:
        axes = picture.subplots()
        for place, (name, arrays) in enumerate(shown.items()):
            progress, p = arrays["schedule"]
            axes.plot(100 * progress, p.round(4), color=COLOURS[place % len(COLOURS)], linewidth=1.2, label=name)
        axes.set_xlabel("% of the longest possible run")
        axes.set_ylabel("p, a true token is fed")
        axes.grid(color="#eeeeee")
        picture.legend(loc="outside right upper", frameon=False, fontsize=7)

    return svg(draw, title=title, size=(6.4, 2.6))


def _at(arrays: Arrays, progress: float) -> float:
    """p there."""
    import numpy as np

    return float(np.interp(progress, *arrays["schedule"]))


def _tell_schedules(shown: Shown) -> Iterator[str]:
    texts = []
    for name, arrays in shown.items():
        progress, p = arrays["schedule"]
        below = progress[p <= _END + 1e-6]
        end = f"{100 * float(below[0]):.0f} %" if len(below) else f"never, {p[-1]:.2f} in the end"
        texts.append(f"{plain(name)} ({end})")
    yield f"p has fallen to {_END} after this part of the longest possible run: {', '.join(texts)}."


def _beside_schedules(shown: Shown, results: Mapping[str, Result]) -> Iterator[str]:
    """Says how far down the schedule the kept weights are: early stopping may leave little of a curriculum."""
    texts = []
    for name, arrays in shown.items():
        parts = [
            r.curve.best_epoch / epochs
            for r in results[name].ok
            if r.curve and isinstance(epochs := r.protocol.get("epochs"), int) and epochs > 0
        ]
        if parts:
            kept = sum(parts) / len(parts)
            texts.append(f"{plain(name)} ({100 * kept:.0f} %, p {_at(arrays, kept):.2f})")
    if texts:
        yield (
            "Training stops early: the epoch that is kept ends after this part of the longest possible run (mean over "
            f"seeds), where p is: {', '.join(texts)}."
        )


KINDS: Mapping[str, Kind] = {
    "tokens": Kind(
        "How often the most frequent tokens occur", ("value", "count", "predicted"), _draw_tokens, _tell_tokens
    ),
    "neighbours": Kind(
        "Probabilities of the tokens about the true one", ("neighbours", "count"), _draw_neighbours, _tell_neighbours
    ),
    "embedded": Kind("Maps of the embeddings of values", ("embedded",), _draw_embedded, _tell_embedded),
    "schedules": Kind(
        "Probability of a true token over training",
        ("schedule",),
        _draw_schedules,
        _tell_schedules,
        beside=_beside_schedules,
    ),
}
