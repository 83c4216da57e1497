"""Table 3's "Kmeans": prototypes that are centres of instance representations, not of watch ratios.

The paper does not say whose representations these are: those of a TR model trained first. It is the shared encoder with
one linear unit and squared error, trained for two epochs.
"""

import warnings

import numpy as np
import torch
from torch import Tensor, nn

from datasets.schema import Array, Bag, Field, Rows, Schema
from methods.backbone import Backbone, BackboneConfig
from methods.base import Batch

_MOST = 200_000  # rows that TR learns from and whose representations are clustered
_EPOCHS, _BATCH, _STEPS, _LR = 2, 512, 200, 1e-3  # at least _STEPS steps, for short tables


def centres(points: Array, count: int, seed: int) -> Array:
    """k-means++ and twenty of Lloyd's steps: float32 [count, d] of points [n, d].

    Where fewer than `count` points are distinct, centres repeat.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    if len(points) < count:
        points = np.resize(points, (count, points.shape[1]))
    with warnings.catch_warnings(), threadpool_limits(1):  # several threads add up in any order
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct points than centres
        kmeans = KMeans(count, n_init=1, max_iter=20, random_state=seed % 2**32).fit(points)
    return kmeans.cluster_centers_.astype(np.float32)


def instance_centres(rows: Rows, *, count: int, dim: int, hidden: tuple[int, ...], seed: int) -> Array:
    """C x K centres of h / ||h||, float32 [count, hidden[-1]], of labelled training rows; all centres may be one."""
    if rows.label is None or not len(rows):
        raise ValueError("expected labelled training rows")
    if len(rows) > _MOST:
        rows = rows.take(np.sort(np.random.default_rng(seed).choice(len(rows), _MOST, replace=False)))
    with torch.random.fork_rng(devices=[]):  # initial weights and dropout; the caller's state comes back
        torch.default_generator.manual_seed(seed)
        model = Instances(rows, BackboneConfig(dim=dim, hidden=hidden))
        _train(model, rows)
        model.eval()
        with torch.no_grad():
            h = torch.cat([model(rows, index) for index in torch.arange(len(rows)).split(8 * _BATCH)])  # [n, hidden]
    return centres(nn.functional.normalize(h).numpy(), count, seed)


class Instances(nn.Module):
    """h = f(x) of rows: the shared encoder with an embedding table of its own instead of the trainer's."""

    def __init__(self, rows: Rows, config: BackboneConfig) -> None:
        super().__init__()
        sizes = [int(column.max()) + 1 for column in rows.ids.T]
        bags = {name: int(ids.max(initial=0)) + 1 for name, ids in rows.bags.items()}
        schema = Schema(
            task="watch_time",
            unit="s",
            fields=tuple(Field(str(place), size) for place, size in enumerate(sizes)),
            bags=tuple(Bag(name, size, rows.bags[name].shape[1]) for name, size in bags.items()),
            numeric=() if rows.numeric is None else tuple(map(str, range(rows.numeric.shape[1]))),
            content=0 if rows.content is None else rows.content.shape[1],
        )
        self.backbone = Backbone(schema, config)
        self.backbone.table.slot = 0
        first = np.cumsum([0, *sizes, *bags.values()])  # each column's place in the one table
        lengths = [1] * len(sizes) + [bag.length for bag in schema.bags]
        self.first = torch.from_numpy(np.repeat(first[:-1], lengths))  # [fields + sum of bag lengths]
        self.embedding = nn.Embedding(int(first[-1]), config.dim, sparse=True)
        nn.init.normal_(self.embedding.weight, std=self.backbone.table.std)

    def forward(self, rows: Rows, index: Tensor) -> Tensor:
        """The representation of the rows at `index` [B]: [B, hidden]."""
        at = index.numpy()
        bags = {name: torch.from_numpy(ids[at]) for name, ids in rows.bags.items()}
        ids = torch.from_numpy(rows.ids[at])
        members = torch.cat([ids, *bags.values()], dim=1) + self.first  # [B, fields + sum of bag lengths]
        content = None
        if rows.content is not None and rows.content_row is not None:
            content = torch.from_numpy(rows.content[rows.content_row[at]])
        return self.backbone(
            Batch(
                ids=ids,
                bags=bags,
                numeric=None if rows.numeric is None else torch.from_numpy(rows.numeric[at]),
                content=content,
                duration=None,
                bucket=None,
                label=None,
                targets={},
                rows=(self.embedding(members),),
                draws=None,
                step=torch.zeros(()),
                progress=torch.zeros(()),
            )
        )


def _train(model: Instances, rows: Rows) -> None:
    """TR: squared error of one linear unit in standard deviations of y."""
    assert rows.label is not None
    y = torch.from_numpy(np.asarray(rows.label, np.float32))
    y = y / y.std(correction=0).clamp_min(1e-6)
    head = nn.Linear(model.backbone.out, 1)
    nn.init.constant_(head.bias, float(y.mean()))
    dense = torch.optim.Adam([*model.backbone.parameters(), *head.parameters()], lr=_LR)
    sparse = torch.optim.SparseAdam(model.embedding.parameters(), lr=_LR)  # only the batch's rows move
    for _ in range(max(_STEPS, _EPOCHS * len(y) // _BATCH)):
        index = torch.randint(len(y), (_BATCH,))
        loss = (head(model(rows, index))[:, 0] - y[index]).square().mean()
        dense.zero_grad()
        sparse.zero_grad()
        loss.backward()
        dense.step()
        sparse.step()
