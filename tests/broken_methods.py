"""Methods with one fault each, as text: what `check` must name. A sound one is what they are made from."""

SOUND = '''"""A sound method."""

from dataclasses import dataclass

import torch

from methods.backbone import BackboneConfig, Regressor
from methods.base import Method
from methods.capabilities import Distribution


class Mine(Method, Distribution):
    """Absolute error in units of the training deviation, with quantiles around it."""

    space = {"lr": (1e-3, 1e-4), "delta": ("log", 0.1, 10.0)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        delta: float = 1.0

        def __post_init__(self):
            if not self.delta > 0:
                raise ValueError("delta is above 0")

    def fit(self, train, rng):
        return {"scale": torch.tensor(float(train.label.std()))}

    def targets(self, fitted, rows):
        return {"z": torch.from_numpy(rows.label) / fitted["scale"]}

    def build(self, schema, fitted):
        return Regressor(schema, self.config, scale=fitted["scale"])

    def loss(self, module, batch):
        return (module(batch)[:, 0] - batch.targets["z"]).abs().mean()

    def predict(self, module, batch):
        return (module(batch)[:, 0] * module.scale).clamp_min(0)

    def quantiles(self, module, batch, levels=(0.1, 0.5, 0.9)):
        return self.predict(module, batch)[:, None] * (0.5 + torch.tensor(levels))
'''

_LOSS = 'return (module(batch)[:, 0] - batch.targets["z"]).abs().mean()'
_PREDICT = "return (module(batch)[:, 0] * module.scale).clamp_min(0)"
_QUANTILES = "return self.predict(module, batch)[:, None] * (0.5 + torch.tensor(levels))"
_TARGETS = 'return {"z": torch.from_numpy(rows.label) / fitted["scale"]}'

# name -> (what is replaced, by what, a word of the fault, what the author's line holds)
BROKEN = {
    "no_predict": ("def predict(", "def forecast(", "lacks `predict(self, module, batch)", ""),
    "no_class": ("class Mine(Method, Distribution)", "class Mine", "no class that inherits Method", ""),
    "typo_on_import": ("import torch\n", "import torhc\n", "torhc", "import torhc"),
    "broadcast": (_LOSS, 'return (module(batch) - batch.targets["z"]).abs().mean()', "[B, B]", "module(batch) -"),
    "broadcast_in_a_loss_of_torch": (
        _LOSS,
        'return torch.nn.functional.mse_loss(module(batch), batch.targets["z"])',
        "[B, B]",
        "mse_loss",
    ),
    "broadcast_out_of_sight": (
        _LOSS,
        's, z = module(batch), batch.targets["z"]; return (s.expand(-1, len(z)) - z.expand(len(z), -1)).abs().mean()',
        "which row a label belongs to",
        "",
    ),
    "sum": (_LOSS, _LOSS.replace(".mean()", ".sum()"), "take the mean", ""),
    "a_loss_per_row": (_LOSS, _LOSS.replace(".mean()", ""), "take .mean()", ""),
    "across_the_batch": (
        _LOSS,
        's, z = module(batch)[:, 0], batch.targets["z"]; return ((s - z) / z.std()).abs().mean()',
        "across_batch = True",
        "",
    ),
    "labels_unused": (_LOSS, "return module(batch)[:, 0].square().mean()", "labels are shuffled", ""),
    "item": (
        _LOSS,
        "s = module(batch)[:, 0]; s = s / s.abs().max().item(); return (s - 1).abs().mean()",
        "item",
        ".item()",
    ),
    "if_on_a_tensor": (_LOSS, f"if batch.progress > 0.5: pass\n        {_LOSS}", "`if`", "if batch.progress"),
    "mask": (
        _LOSS,
        's, z = module(batch)[:, 0], batch.targets["z"]; return (s - z)[z > 0].abs().mean()',
        "boolean mask",
        "[z > 0]",
    ),
    "torch_draws": (
        _LOSS,
        _LOSS.replace("module(batch)[:, 0]", "torch.rand(()) + module(batch)[:, 0]"),
        "batch.draws",
        "torch.rand",
    ),
    "numpy_draws": (
        _LOSS,
        f"import numpy as np; noise = float(np.random.rand())\n        {_LOSS} + noise",
        "batch.draws",
        "np.random.rand",
    ),
    "dropout_of_its_own": (
        _LOSS,
        _LOSS.replace("module(batch)[:, 0]", "torch.nn.functional.dropout(module(batch), 0.1)[:, 0]"),
        "batch.draws",
        "dropout",
    ),
    "nan": (_LOSS, "return (module(batch)[:, 0] * 0 - 1).log().mean()", "nan", ""),
    "no_gradient": (_LOSS, _LOSS.replace("[:, 0]", "[:, 0].detach()"), "no gradient", ""),
    "gradient_of_nan": (
        _LOSS,
        "s = module(batch)[:, 0]; return torch.where(s > 1e9, (s - s).sqrt(), (s - batch.targets['z']).abs()).mean()",
        "gradient is not finite",
        "",
    ),
    "a_column": (_PREDICT, _PREDICT.replace("[:, 0]", ""), "[62, 1] for 62 rows", ""),
    "reads_the_label": (_PREDICT, "return batch.label.clamp_min(0)", "of None", "batch.label.clamp_min(0)"),
    "of_the_batch": (_PREDICT, "s = module(batch)[:, 0]; return (s / s.mean()).abs() * module.scale", "other rows", ""),
    "in_its_own_unit": (_PREDICT, _PREDICT.replace("module.scale", "module.scale / 60"), "label's unit", ""),
    "negative": (_PREDICT, "return (module(batch)[:, 0] - 0.5) * module.scale", "negative", ""),
    "a_constant": (_LOSS, "return (module(batch)[:, 0] - 1).abs().mean() + 0 * batch.targets['z'].mean()", "", ""),
    "few_targets": (_TARGETS, _TARGETS.replace("rows.label", "rows.label[:-1]"), "one row for each", ""),
    "targets_of_numpy": (_TARGETS, 'return {"z": rows.label}', "make it a tensor", ""),
    "falling_quantiles": (_QUANTILES, _QUANTILES.replace("0.5 +", "1.5 -"), "fall", ""),
    "quantiles_on_their_side": (_QUANTILES, "return self.predict(module, batch)", "[62, 3]", ""),
    "space_beyond_the_config": ('("log", 0.1, 10.0)', "(0.0, 1.0)", "delta is above 0", "raise ValueError"),
    "space_of_nothing": ('"delta": ("log"', '"detla": ("log"', "detla", ""),
    "no_dataclass": ("    @dataclass(frozen=True)\n", "", "frozen", ""),
    "not_python": ("def build(self, schema, fitted):", "def build(self, schema, fitted)", "SyntaxError", "def build"),
    "exits_on_import": ("import torch\n", "import torch, sys; sys.exit(3)\n", "SystemExit", "sys.exit"),
    "targets_in_predict": (_PREDICT, 'return batch.targets["z"] * 1', "`batch.targets` is empty", 'batch.targets["z"]'),
    "supports_true": (
        "    space =",
        "    supports = classmethod(lambda cls, s: True)\n    space =",
        "the reason",
        "",
    ),
    "fit_of_a_shared_generator": (
        'return {"scale"',
        'import numpy as np; np.random.shuffle([1, 2]); return {"scale"',
        "its `rng`",
        "np.random.shuffle",
    ),
    "fit_of_its_rng": ('return {"scale"', 'rng.random(); return {"scale"', "fit_per_seed = True", ""),
    "another_type_of_float": (
        _LOSS,
        's = module(batch); return (s @ torch.ones(1, 1))[:, 0].sub(batch.targets["z"]).abs().mean()',
        "dtype=x.dtype",
        "torch.ones(1, 1)",
    ),
    "draws_in_predict": (
        _PREDICT,
        "return batch.draws.uniform((62,))",
        "`.uniform` of None",
        "batch.draws",
    ),
    "error_in_loss": (_LOSS, "return module(batch)[:, 7].mean() + batch.label.mean()", "IndexError", "[:, 7]"),
}
