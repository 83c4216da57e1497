"""ProWTP's hyper-parameters and the paper's ablations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from methods.backbone import BackboneConfig


@dataclass(frozen=True)
class Config(BackboneConfig):
    """The paper's settings where it gives them: beta, the sampled share, D; the rest is reasoned beside the field."""

    backbone: Literal["mlp", "dcn"] = "mlp"  # f; ProWTP takes any

    label: Literal["time", "ratio"] = "time"  # of L_task: ratio, watch time / duration, is multiplied back (A.1.2)

    # Stage I
    prototypes: Literal["hvq", "vq", "kmeans", "random", "none"] = "hvq"  # none: g(f(x)), which is TR
    clusters: int = 4  # C
    codes: int = 20  # K of each cluster; A.12 shows CK = 80
    buckets: int = 5  # D, duration buckets with a mixture each
    vectors: int = 2000  # L, vectors w of each bucket
    size: int = 64  # n, the length of w
    training: int = 1200  # steps of the codebook's training

    # Stage II
    head: Literal["prototypes", "plain"] = "prototypes"  # plain: g(f(x)), beside which prototypes only align f
    linear_h: bool = False  # f ends without ReLU and dropout
    alignment: Literal["suot", "ot", "uot", "l2", "none"] = "suot"
    combine: Literal["alpha", "straight_through", "literal"] = "alpha"  # the weights in Eq. 12, see the class
    rho: float = 0.1  # lambda = rho CK: a prototype with twice its share costs 2 rho more of cosine distance
    rho_rows: float = 1.0  # UOT's weight of the rows, in units of the batch: with lambda alone its plan would be 0
    tau: float = 0.2  # of Eq. 9, 11 and 34
    w_assign: float = 1e-3  # of L_assign; see the class
    beta: float = 1e-3  # of L_compact, Eq. 33
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
        if self.linear_h and self.backbone != "mlp":
            raise ValueError(f"linear_h is of the mlp: {self.backbone} joins its parts by a ReLU")
        if not 0 <= self.percent <= 100:
            raise ValueError(f"percent is a part of the batch, 0 to 100, not {self.percent}")

    @property
    def count(self) -> int:
        """CK."""
        return self.clusters * self.codes


VARIANTS: Mapping[str, Mapping[str, Any]] = {
    # Table 2, one thing removed at a time; w/o HVQ-VAE is Table 3's `random`, w/o SUOT Table 4's `no_alignment`
    "no_assign": {"w_assign": 0.0},
    "no_compact": {"percent": 0},
    "without": {"prototypes": "none"},  # w/o ProWTP: TR
    # Table 2, each row with one thing less than the row above: after `random` the losses, then the alignment. Without
    # both losses nothing reads the plan, so the paper's two last rows are one here
    "cumulative_no_assign": {"prototypes": "random", "w_assign": 0.0},
    "cumulative_no_alignment": {"prototypes": "random", "alignment": "none"},
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
    # what alignment does without the head of prototypes
    "plain_head": {"head": "plain"},
    "strong_alignment": {"w_assign": 0.1, "beta": 0.1},  # a hundred times the default's
    # readings of the paper
    "linear_h": {"linear_h": True},
    "ratio": {"label": "ratio"},
    "straight_through": {"combine": "straight_through"},
    "straight_through_no_assign": {"combine": "straight_through", "w_assign": 0.0},
    "literal": {"combine": "literal"},
    "printed": {"w_assign": 1.0, "beta": 0.1, "literal_compact": True, "raw": True},  # Eq. 33 with nothing scaled
}
