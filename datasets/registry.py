"""Which datasets there are, and what a user has of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from datasets.base import BadData, Dataset, NotAvailable
from datasets.cdnow import CDNow
from datasets.cikm16 import Cikm16
from datasets.clicks import CATEGORIES
from datasets.criteo import Criteo
from datasets.kaggle import COHORT, NOTEBOOK, Kaggle
from datasets.kuairand import KuaiRand
from datasets.kuairec import KuaiRec
from datasets.places import get_it
from datasets.synthetic import Synthetic
from datasets.synthetic_ltv import SyntheticLtv
from datasets.wechat import WeChat

_DATASETS: Mapping[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        KuaiRand("kuairand"),
        KuaiRand("kuairand@time", chronological=True),
        KuaiRand("kuairand@5-240", seconds=(5, 240), played=False),
        KuaiRec("kuairec"),
        KuaiRec("kuairec@ratio", target="ratio"),
        KuaiRec("kuairec@big-small", big_small=True),
        # one change each, to hold against the gaps between methods
        KuaiRec("kuairec@cap60", cap=60.0),
        KuaiRec("kuairec@no-duration", duration_level=False),
        KuaiRec("kuairec@batch256", batch=256),
        KuaiRec("kuairec@batch4096", batch=4096),
        KuaiRec("kuairec@unstopped", patience=20),
        KuaiRec("kuairec@last", stop="last"),
        WeChat("wechat"),
        WeChat("wechat@days", by_day=True, truncated=True, music=True),
        Cikm16("cikm16"),
        Cikm16("cikm16@longest", query="longest"),
        Criteo("criteo-ssc"),
        Criteo("criteo-ssc@complete-ids", complete_ids=True),
        Criteo("criteo-ssc@1d", days=1),
        Criteo("criteo-ssc@time", chronological=True),
        Criteo("criteo-ssc@all-fields", fields=CATEGORIES),
        Kaggle("kaggle"),
        *(Kaggle(f"kaggle@{company}", companies=[company]) for company in (10000, 103600030, 104900040)),
        Kaggle("kaggle@20-companies", companies=NOTEBOOK),
        Kaggle("kaggle@cohort", cohort=COHORT),
        CDNow("cdnow"),
        Synthetic("synthetic"),
        # rows, users and videos of ProWTP's Table 6 and of KuaiRec's big matrix, at those datasets' protocols
        Synthetic("synthetic@wechat-size", rows=7_210_290, users=20_000, videos=96_428, like="WeChat",
                  epochs=50, patience=10, quantiles=False),
        Synthetic("synthetic@kuairand-size", rows=1_231_181, users=27_285, videos=7_551, like="KuaiRand-Pure",
                  epochs=50, patience=10, quantiles=False),
        Synthetic("synthetic@kuairec-size", rows=12_530_806, users=7_176, videos=10_728, like="KuaiRec",
                  epochs=20, patience=5, batch=1024, shares=(8, 1, 1), quantiles=False),
        SyntheticLtv("synthetic-ltv"),
        # rows, positive rates and about the amounts of the public datasets, at their protocols
        SyntheticLtv("synthetic-ltv@criteo-size", rows=15_995_634, users=200_000, partners=300, categories=5_000,
                     positive=0.105, typical=54, epochs=20, patience=5, batch=2048, like="Criteo-SSC"),
        SyntheticLtv("synthetic-ltv@kaggle-size", rows=805_753, users=100_000, partners=134, categories=836,
                     positive=0.9012, typical=45, epochs=20, patience=5, batch=2048, like="Kaggle"),
    )
}  # fmt: skip

# what ProWTP's Table 6 counts, where it speaks of the dataset
_PROWTP = {
    "wechat": "7,210,290 rows, 20,000 users, 96,428 videos",
    "kuairand": "1,231,181 rows, 27,285 users, 7,551 videos",
}


class UnknownDataset(KeyError):
    """No dataset has that name; the sentence lists those that are."""

    def __str__(self) -> str:
        return str(self.args[0])


def names() -> list[str]:
    """Every dataset's name, protocols included."""
    return list(_DATASETS)


def get(name: str) -> Dataset:
    """The dataset of that name. Raises UnknownDataset."""
    if name in _DATASETS:
        return _DATASETS[name]
    near = get_close_matches(name, _DATASETS, n=1, cutoff=0.4)
    guess = f"; did you mean {near[0]!r}?" if near else "."
    raise UnknownDataset(f"no dataset named {name!r}{guess} Known: {', '.join(_DATASETS)}.")


@dataclass(frozen=True)
class Overview:
    """One source as the `data` verb shows it. Counts are those of the prepared table, None before it is prepared."""

    name: str
    title: str
    protocols: tuple[str, ...]  # every name under which it can be run
    state: str  # "present: <slice>", "synthetic", or why it is not available
    available: bool
    files: tuple[str, ...]  # names with sizes
    rows: int | None
    users: int | None
    items: int | None
    official: str  # published counts, in words
    fingerprint: str | None
    licence: str
    how_to_get: str  # empty where nothing is missing


def overview(root: Path | None, cache_dir: Path | None = None) -> list[Overview]:
    """One line per source: its first protocol's state, from the raw files and what is prepared. Prepares nothing."""
    sources: dict[str, list[str]] = {}
    for name in _DATASETS:
        sources.setdefault(name.partition("@")[0], []).append(name)
    return [_line(_DATASETS[name], tuple(protocols), root, cache_dir) for name, protocols in sources.items()]


def _line(dataset: Dataset, protocols: tuple[str, ...], root: Path | None, cache_dir: Path | None) -> Overview:
    from datasets.cache import meta

    kept: dict[str, Any] | None = None
    files: list[Path] = []
    available, how = True, ""
    try:
        files = dataset.files(root)
        kept = meta(dataset, root, cache_dir)
        if isinstance(dataset, (Synthetic, SyntheticLtv)):
            state = "synthetic"
        else:
            state = f"present: {kept['facts']['slice']}" if kept else "present, not prepared yet"
    except (NotAvailable, BadData) as error:
        available, state = False, str(error)
        how = get_it(dataset.name, dataset.source, root)
    facts = kept["facts"] if kept else {}
    return Overview(
        name=dataset.name,
        title=dataset.source.title,
        protocols=protocols,
        state=state,
        available=available,
        files=tuple(f"{path.name} ({_size(path.stat().st_size)})" for path in files),
        rows=facts.get("rows"),
        users=facts.get("users"),
        items=facts.get("items"),
        official=_official(dataset),
        fingerprint=kept["fingerprint"] if kept else None,
        licence=dataset.source.licence,
        how_to_get=how,
    )


def _official(dataset: Dataset) -> str:
    source = dataset.source
    counts = {"rows": source.official_rows, "users": source.official_users, "items": source.official_items}
    words = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    return f"{words} (ProWTP: {paper})" if (paper := _PROWTP.get(dataset.name)) else words


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} MiB" if size >= 1 << 20 else f"{size / 2**10:.1f} KiB"
