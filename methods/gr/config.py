"""GR's hyper-parameters, its two presets and the paper's ablations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from methods.backbone import LARGE, BackboneConfig
from methods.gr.curriculum import Schedule


@dataclass(frozen=True)
class Config(BackboneConfig):
    """The paper's settings (A.1) but for the sizes, which are the shared backbone's, Huber's unit, the read-out and the
    curriculum's end; `method.GR` says why."""

    decoder: Literal["lstm", "gru", "rnn", "transformer"] = "lstm"
    width: int = 64  # of token embeddings and decoder state
    condition: bool = True  # h_i beside every input embedding, not in h_0 alone

    tokens: Literal["dynamic", "binary", "manual"] = "dynamic"  # Algorithm 1, or Table 4's alternatives
    unit: float = 0.0  # of the tokens, in the label's unit; 0: the coarsest of 1, 0.01, 0.001 that fits the labels
    decay: float = 0.99  # alpha of Algorithm 1
    eps: float = 1e-6
    q_start: float = 0.9999
    q_end: float = 0.9
    shortest: bool = False  # least number of tokens instead of the greedy choice
    rel_tol: float = 0.0  # part of a label that its sequence may leave out
    cap: int = 32  # steps at most; fewer where no training sequence is as long

    w_ce: float = 1.0
    w_huber: float = 10.0  # lambda
    huber_unit: Literal["seconds", "deviation", "mad"] = "mad"  # the label's own, or of training labels: see values.py
    delta: float = 1.0  # of Huber's loss, in that unit
    value: Literal["window", "released"] = "window"  # the soft value's definition, see values.py
    value_window: float = 0.5  # the soft value's window, as a part of the numeric tokens

    mixup: Literal["window", "all", "none"] = "window"  # Eq. 8, all tokens, or the likeliest token alone
    window: float = 0.5  # n_w, as a part of the numeric tokens
    schedule: Schedule = "sigmoid"  # of p, see curriculum.py
    cl_end: float = 0.3  # part of the longest possible run after which p = 0.01
    omega: float = 17000.0  # of the schedule "omega"
    p: float = 0.5  # of the schedule "constant"
    sampling: Literal["sample", "batch"] = "sample"  # true or predicted input: drawn for each row, or for a whole batch

    readout: Literal["soft", "argmax"] = "soft"
    beam: int = 1  # sequences kept in prediction; soft: their mean by probability, argmax: the likeliest
    monotone: bool = False  # forbid tokens that rise, in prediction

    def __post_init__(self) -> None:
        for name, least in {"cap": 1, "beam": 1, "cl_end": 1e-6, "omega": 1, "window": 0, "value_window": 0}.items():
            if getattr(self, name) < least:
                raise ValueError(f"GR needs {name} >= {least}, not {getattr(self, name)}")


_LITERAL = {"huber_unit": "seconds", "cl_end": 1.0}
_PAPER = {"dim": 128, "hidden": (128, 128), "dropout": 0.3, "lr": 5e-4, "width": 128, "readout": "argmax"} | _LITERAL
_CODE = _LITERAL | {
    "dim": 128,
    "hidden": (256, 128),
    "dropout": 0.1,
    "lr": 5e-4,
    "width": 128,
    "decoder": "transformer",
    "w_ce": 10.0,
    "w_huber": 1.0,
    "value": "released",
    "mixup": "all",
    "cap": 19,
    "schedule": "epoch",
    "sampling": "batch",
}

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "paper": _PAPER,  # A.1; widths, which it leaves open, as in the released code
    "paper-soft": _PAPER | {"readout": "soft"},
    "code": _CODE,  # the released code without what it learns from test rows
    "argmax": {"readout": "argmax"},
    "large": LARGE | {"width": 128},  # Table 7
    # Table 4
    "manual": {"tokens": "manual"},
    "binary": {"tokens": "binary"},
    # Table 5 b to h
    "no-clem": {"schedule": "constant", "p": 0.0, "mixup": "none"},
    "em-tf": {"schedule": "teacher"},
    "no-em": {"mixup": "none"},
    "linear": {"schedule": "linear"},
    "exponential": {"schedule": "exponential"},
    "p-half": {"schedule": "constant", "p": 0.5},
    "p-zero": {"schedule": "constant", "p": 0.0},
    # Table 8; decay 0.99 with q_end 0.9 is the default
    **{f"q{q}": {"q_end": q / 100} for q in (95, 85, 80)},
    **{f"decay98-q{q}": {"decay": 0.98, "q_end": q / 100} for q in (95, 90, 85, 80)},
    # Figure 5
    "rnn": {"decoder": "rnn"},
    "gru": {"decoder": "gru"},
    "transformer": {"decoder": "transformer"},
    # Figure 6: p = 0.01 at epoch 5, 10, 15, 20 of 20; the default lies between the first two
    **{f"end{part}": {"cl_end": part / 100} for part in (25, 50, 75, 100)},
    # Figure 7; the default is 50 %
    **{f"window{part}": {"window": part / 100} for part in (10, 20, 30, 40, 60)},
    "window-all": {"mixup": "all"},
    # what the paper leaves open or mentions in passing
    "shortest": {"shortest": True},
    "tolerance": {"rel_tol": 1e-3},
    "seconds": {"huber_unit": "seconds"},
    "deviation": {"huber_unit": "deviation"},
    "monotone": {"monotone": True},
    "beam": {"beam": 4},
}
