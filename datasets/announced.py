"""Datasets that have a name, a source and a row on the board, and whose loader comes in a later version."""

from pathlib import Path

from datasets.base import Dataset, NotAvailable, Protocol, Source, Table
from datasets.schema import Task


class Announced(Dataset):
    """Never available: the sentence says so and where the files are, so that they can be got in time."""

    def __init__(self, name: str, source: Source, protocol: Protocol, *, task: Task, layout: str, how: str) -> None:
        """`layout`: what a data root will have to hold; `how`: how a user comes by it."""
        super().__init__(name, source, protocol)
        self.task: Task = task  # type: ignore[misc]
        self.layout, self.how = layout, how

    def files(self, root: Path | None) -> list[Path]:
        raise NotAvailable(
            f"{self.source.title}: the loader comes in a later version; it will read {self.layout}; {self.how}"
        )

    def build(self, root: Path | None) -> Table:
        self.files(root)
        raise AssertionError("unreachable: files() always raises")


ANNOUNCED = (
    Announced(
        "wechat",
        Source(
            title="WeChat Big Data Challenge 2021",
            homepage="https://algo.weixin.qq.com/2021/problem-description",
            licence="none stated",
            citation="WeChat Big Data Challenge 2021",
            official_rows=7_210_290,  # ProWTP Table 6
            official_users=20_000,
            official_items=96_428,
        ),
        Protocol("random 6:2:2 by row", batch=512, epochs=50, patience=10),
        task="watch_time",
        layout="user_action.csv, feed_info.csv and feed_embeddings.csv",
        how="the official site was reported as taken down; copies are in tsinghua-fib-lab/WTG-DVR (examples/data), "
        "hyz20/D2Co (dataset) and linked from hyz20/CWM on GitHub",
    ),
    Announced(
        "cikm16",
        Source(
            title="CIKM Cup 2016 track 2 (DIGINETICA)",
            homepage="https://competitions.codalab.org/competitions/11161",
            licence="none found",
            citation="CIKM Cup 2016 track 2, DIGINETICA",
            official_rows=310_302,
            official_items=122_991,
        ),
        Protocol("random 80/20 by session, a tenth of the 80 for validation", batch=1024, epochs=20, patience=5),
        task="watch_time",
        layout="train-item-views.csv and train-queries.csv",
        how="register at the competition's page",
    ),
)
