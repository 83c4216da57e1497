"""GR Section 3.2: the encoder, which is the backbone of all methods, and a decoder."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from datasets.schema import Schema
from methods.backbone import Backbone
from methods.base import Fitted
from methods.gr.config import Config
from methods.gr.decoder import Recurrent
from methods.gr.transformer import Transformer
from methods.gr.vocabulary import EOS


class Network(nn.Module):
    """Encoder and decoder, and what is known of the tokens. Class 0 is EOS, then the C - 1 numeric tokens."""

    ids: Tensor  # of the classes in `targets` [C]
    value: Tensor  # g [C], 0 for EOS
    numeric: Tensor  # C - 1
    scale: Tensor  # of Huber's loss
    rows: Tensor  # of the training table

    def __init__(self, schema: Schema, c: Config, fitted: Fitted) -> None:
        super().__init__()
        values, self.survival = fitted["vocabulary"].values, fitted["survival"]
        self.length = len(self.survival)  # T
        classes = 1 + len(values)
        self.backbone = Backbone(schema, c)
        self.decoder: Any
        if c.decoder == "transformer":
            self.decoder = Transformer(classes, self.backbone.out, c.width, c.dropout)
        else:
            self.decoder = Recurrent(c.decoder, classes, self.backbone.out, c.width, condition=c.condition)
        with torch.no_grad():
            self.decoder.out.bias.copy_(fitted["frequency"].log())
        self.register_buffer("ids", (torch.arange(classes) + EOS).to(torch.int16))
        self.register_buffer("value", torch.from_numpy(np.concatenate([[0.0], values])))
        self.register_buffer("numeric", torch.tensor(float(len(values))))
        self.register_buffer("scale", fitted["scale"])
        self.register_buffer("rows", torch.tensor(fitted["rows"]))
