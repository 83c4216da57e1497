"""ProWTP's Stage I as one step: from training labels and durations to the unit of the target and the prototypes P."""

from typing import Any

import numpy as np
import torch

from datasets.schema import Array
from methods._bins import bin_of, equal_frequency
from methods.prowtp.codebook import train_codebook
from methods.prowtp.config import Config
from methods.prowtp.inside import histogram
from methods.prowtp.mixture import fit_mixtures, sample

SHORTEST = 1e-3  # seconds that a label is divided by, at least


class StageOne:
    """What a replica learns before its training. `fit` sees rows without the unit of their labels and `build` is told
    it, so this waits for it, learns once, and forgets the rows."""

    def __init__(self, label: Array, duration: Array, c: Config, seed: int, codes: Array | None = None) -> None:
        """label, duration: of the training rows [n]. codes: prototypes that are not of labels [CK, d]."""
        self.rows: tuple[Array, Array] | None = (label, duration)
        self.generated, self.by_ratio, self.raw = c.prototypes in ("hvq", "vq"), c.label == "ratio", c.raw
        self.kind, self.buckets, self.vectors, self.size = c.prototypes, c.buckets, c.vectors, c.size
        self.sizes = {"clusters": c.clusters, "codes": c.codes, "width": c.hidden[-1], "steps": c.training}
        self.seed, self.codes = seed, codes
        self.found: dict[str, Any] = {}

    def learned(self, unit: str) -> dict[str, Any]:
        """scale, the standard deviation of the target, 0-d; codes, float32 [CK, d] with a mean square of 1, where P is
        not a parameter; and where P is of labels what `inside` tells of them. unit: of the labels, "s" or "ratio"."""
        if self.rows is None:
            return self.found
        (y, d), self.rows = self.rows, None
        ratio = y if unit == "ratio" else y / np.maximum(d, SHORTEST)
        target = ratio if self.by_ratio else y
        self.found = {"scale": torch.tensor(1.0 if self.raw else max(float(target.std()), 1e-6))}
        if self.generated:
            self._generate(ratio, d)
        if self.codes is not None:
            size = max(float(np.sqrt(np.square(self.codes).mean())), 1e-6)
            self.found["codes"] = torch.from_numpy(self.codes / size)
        return self.found

    def _generate(self, ratio: Array, d: Array) -> None:
        """Section 4.2: a mixture for each duration bucket, vectors of them, and their codebook."""
        rng, edges = np.random.default_rng(self.seed), equal_frequency(d, self.buckets)
        bucket = bin_of(d, edges)
        mixtures = fit_mixtures(ratio, bucket, len(edges) + 1, rng)
        w, of, _ = sample(mixtures, vectors=self.vectors, size=self.size, rng=rng)
        book = train_codebook(w, kind=self.kind, seed=self.seed, **self.sizes)  # type: ignore[arg-type]
        self.codes = book.codes
        ratios = histogram(ratio, bucket, len(edges) + 1)
        self.found |= {"mixtures": mixtures, "ratios": ratios, "w": w, "w_bucket": of, "codebook": book}
