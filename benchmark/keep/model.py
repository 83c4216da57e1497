"""From a trained replica to its folder and back: weights as safetensors, everything else as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from benchmark.files.errors import UserError
from benchmark.keep import folder
from benchmark.keep.codec import NotKept, Reader, Writer
from benchmark.records.record import Metrics
from datasets.schema import Bag, Field, Rows, Schema

if TYPE_CHECKING:
    import torch

    from benchmark.train.trainer import Trainer
    from benchmark.train.validation import Predictor
    from methods.base import Estimator

_WEIGHTS, _ABOUT, _ENCODER = "weights.safetensors", "model.json", "encoder.json"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What `model.json` says."""

    format: int = 1
    dataset: str
    method: str
    module: str
    title: str
    variant: str
    seed: int
    config: dict[str, Any]
    schema: dict[str, Any]
    learned: Any  # what the method's `fit` returned, see `codec`
    step: int = 0  # of the optimiser, at the end
    buffers: list[str] = []
    banks: int = 0  # embedding tables
    metrics: dict[str, Metrics] = {}
    files: dict[str, str] = {}  # the method's import closure: file -> hash
    data: str = ""  # fingerprint of the table that it was trained on
    table: dict[str, Any] = {}  # the description of that table
    unit: str = ""
    versions: dict[str, str] = {}


@dataclass(frozen=True)
class Model:
    """A kept model, opened."""

    about: About
    schema: Schema
    encoder: bytes
    predictor: "Predictor | None"  # of a method that is trained by gradients
    estimator: "tuple[Estimator, Any] | None"  # of another: the method and what it has learned

    def predict(self, rows: Rows) -> np.ndarray:
        """The value of each row in the label's unit, float32 [n]: the bits of the run that the model is from."""
        if self.predictor is not None:
            return self.predictor.predict(rows)[0].astype(np.float32)
        assert self.estimator is not None
        method, learned = self.estimator
        return np.asarray(method.predict(learned, rows.without_label()), np.float64).astype(np.float32)

    def quantiles(self, rows: Rows, levels: Sequence[float]) -> np.ndarray | None:
        """float32 [n, levels]; None where the method has no distribution."""
        from methods.capabilities import Distribution

        if self.predictor is None or not issubclass(self.predictor.stack.method, Distribution):
            return None
        return self.predictor.quantiles(rows, levels)[0].astype(np.float32)


def keep_trained(place: Path, about: About, encoder: bytes, trainer: "Trainer", replica: int) -> None:
    """Keep one replica of a stack that is trained. about: with neither learned, step, buffers nor banks.

    Raises UserError where what the method has learned cannot be written out."""
    stack = trainer.stack
    tensors = {f"parameter.{name}": value for name, value in stack.layout.named(stack.flat[replica]).items()}
    tensors |= {f"buffer.{name}": value[replica] for name, value in stack.buffers.items()}
    tensors |= {f"bank.{k}": value[replica] for k, value in enumerate(trainer.final_rows)}
    more = {"step": int(trainer.step_number[0]), "buffers": list(stack.buffers), "banks": len(trainer.final_rows)}
    _write(place, about, encoder, stack.fitted[replica], tensors, more)


def keep_fitted(place: Path, about: About, encoder: bytes, learned: Any) -> None:
    """Keep what an estimator has learned. Raises UserError where it cannot be written out."""
    _write(place, about, encoder, learned, {}, {})


def _write(
    place: Path, about: About, encoder: bytes, learned: Any, tensors: "dict[str, torch.Tensor]", more: dict[str, Any]
) -> None:
    from safetensors.torch import save

    writer = Writer()
    try:
        tree = writer.tree(dict(learned) if hasattr(learned, "keys") else learned)
    except NotKept as error:
        raise UserError(f"the model of {about.title} cannot be kept: {error}; keep another with --only") from None
    whole = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in {**tensors, **writer.tensors}.items()}
    content = msgspec.structs.replace(about, learned=tree, **more)
    files = {
        _ABOUT: msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n",
        _WEIGHTS: save(whole),
        _ENCODER: encoder,
    }
    folder.write(place, files | writer.objects)


def opened(place: Path) -> Model:
    """The model in a folder. Raises UserError where it is damaged, or its method is no longer there."""
    from safetensors.torch import load

    files = folder.read(place)
    try:
        about = msgspec.json.decode(files[_ABOUT], type=About)
        tensors = load(files[_WEIGHTS])
        schema = _schema(about.schema)
        method = _method(about)
        learned = Reader(tensors, files.__getitem__).value(about.learned)
        config = method.Config(**{k: tuple(v) if isinstance(v, list) else v for k, v in about.config.items()})
        return _restored(about, schema, files[_ENCODER], method, config, learned, tensors)
    except (KeyError, ValueError, TypeError, AttributeError, RuntimeError, ImportError) as error:
        what = " ".join(str(error).split())[:200]
        raise UserError(f"--model {place}: cannot be opened by the code that is here ({type(error).__name__}: "
                        f"{what}); keep it again with `run --table T.toml --keep-model`") from None  # fmt: skip


def _restored(
    about: About, schema: Schema, encoder: bytes, method: Any, config: Any, learned: Any,
    tensors: "dict[str, torch.Tensor]",
) -> Model:  # fmt: skip
    from methods.base import Method

    if not issubclass(method, Method):
        return Model(about, schema, encoder, None, (method(config), learned))
    import torch

    from benchmark.train.stack import Stack
    from benchmark.train.validation import Predictor

    # a pair: one replica alone has other bits
    stack = Stack(method, schema, [config] * 2, [about.seed] * 2, [learned] * 2, torch.device("cpu"), torch.float32)
    stack.flat = stack.layout.flat({name: _pair(tensors[f"parameter.{name}"]) for name in stack.layout.shapes}, 2)
    stack.buffers = {name: _pair(tensors[f"buffer.{name}"]) for name in about.buffers}
    rows = [_pair(tensors[f"bank.{k}"]) for k in range(about.banks)]
    return Model(about, schema, encoder, Predictor(stack, rows, torch.tensor(about.step), 1), None)


def _pair(tensor: "torch.Tensor") -> "torch.Tensor":
    import torch

    return torch.stack([tensor, tensor])


def _method(about: About) -> Any:
    from methods.registry import classes

    return next(cls for cls in classes(about.module) if cls.name == about.method)


def schema_dict(schema: Schema) -> dict[str, Any]:
    """A schema as JSON has it."""
    return asdict(schema)


def _schema(kept: dict[str, Any]) -> Schema:
    return Schema(
        **{
            **kept,
            "fields": tuple(Field(**f) for f in kept["fields"]),
            "bags": tuple(Bag(**b) for b in kept["bags"]),
            "numeric": tuple(kept["numeric"]),
            "truth": tuple(kept["truth"]),
        }
    )
