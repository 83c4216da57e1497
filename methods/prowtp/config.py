"""ProWTP's hyper-parameters and the paper's ablations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from methods.backbone import BackboneConfig


@dataclass(frozen=True)
class Config(BackboneConfig):
    """The paper's settings where it gives them: beta, the sampled share, D; the rest is reasoned beside the field."""

    backbone: Literal["mlp", "dcn"] = "mlp"  # f; ProWTP takes any

    # Stage I
    prototypes: Literal["hvq", "vq", "kmeans", "random", "none"] = "hvq"  # none: g(f(x)), which is TR
    clusters: int = 4  # C
    codes: int = 20  # K of each cluster; A.12 shows CK = 80
    buckets: int = 5  # D, duration buckets with a mixture each
    vectors: int = 2000  # L, vectors w of each bucket
    size: int = 64  # n, the length of w
    training: int = 1200  # steps of the codebook's training

    # Stage II
    alignment: Literal["suot", "ot", "uot", "l2", "none"] = "suot"
    combine: Literal["alpha", "straight_through", "literal"] = "alpha"  # the weights in Eq. 12, see the class
    rho: float = 0.1  # lambda = rho CK: a prototype with twice its share costs 2 rho more of cosine distance
    rho_rows: float = 1.0  # UOT's weight of the rows, in units of the batch: with lambda alone its plan would be 0
    tau: float = 0.2  # of Eq. 9, 11 and 34
    w_assign: float = 0.1  # of L_assign
    beta: float = 0.1  # of L_compact, Eq. 33
    percent: int = 20  # of the batch that L_compact sees
    literal_compact: bool = False  # Eq. 11 as a sum, as printed
    raw: bool = False  # the label in its own unit, as Eq. 12 prints, not in standard deviations
    steps: int = 25  # of the transport's solver, at most

    def __post_init__(self) -> None:
        for name, least in {
            "clusters": 1,
            "codes": 1,
            "buckets": 1,
            "vectors": 1,
            "size": 2,
            "training": 1,
            "steps": 1,
        }.items():
            if getattr(self, name) < least:
                raise ValueError(f"ProWTP needs {name} >= {least}, not {getattr(self, name)}")
        if not 0 <= self.percent <= 100:
            raise ValueError(f"percent is a part of the batch, 0 to 100, not {self.percent}")

    @property
    def count(self) -> int:
        """CK."""
        return self.clusters * self.codes


VARIANTS: Mapping[str, Mapping[str, Any]] = {
    # Table 2; w/o HVQ-VAE is Table 3's `random`, w/o SUOT Table 4's `no_alignment`
    "no_assign": {"w_assign": 0.0},
    "no_compact": {"percent": 0},
    "without": {"prototypes": "none"},  # w/o ProWTP: TR
    # Table 3
    "vqvae": {"prototypes": "vq"},
    "kmeans": {"prototypes": "kmeans"},
    "random": {"prototypes": "random"},
    # Tables 4 and 9
    "ot": {"alignment": "ot"},
    "uot": {"alignment": "uot"},
    "l2": {"alignment": "l2"},
    "no_alignment": {"alignment": "none"},
    # Figure 3; 20 is the default
    **{f"k{codes}": {"codes": codes} for codes in (4, 8, 12, 16, 24)},
    # Table 5; 20 % is the default
    **{f"compact_{part}": {"percent": part} for part in (10, 30, 50, 100)},
    # another f, alone and under ProWTP
    "dcn": {"backbone": "dcn"},
    "dcn_without": {"backbone": "dcn", "prototypes": "none"},
    # readings of the paper
    "straight_through": {"combine": "straight_through"},
    "straight_through_no_assign": {"combine": "straight_through", "w_assign": 0.0},
    "literal": {"combine": "literal"},
    "printed": {"w_assign": 1.0, "literal_compact": True, "raw": True},  # Eq. 33 with nothing scaled
}
