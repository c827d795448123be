"""A stack of dense layers by plain operations: the truth that the compiled kernel is held against.

Shapes: b batch, f inputs, h outputs of a layer, l layers.
"""

from __future__ import annotations

from typing import NamedTuple

from nets.activations import ACTIVATIONS
from nets.base import Array
from nets.dropout import Words, dropout_by
from nets.linear import scaled


class Form(NamedTuple):
    """What is known of all layers before tracing."""

    activation: str
    parametrization: str = "standard"


class DenseLayers(NamedTuple):
    """A stack of layers and its inputs; one array a layer in each tuple."""

    x_bf: Array
    kernels_fh: tuple[Array, ...]
    biases_h: tuple[Array, ...]
    slopes_h: tuple[Array, ...] | None = None
    """Learned mixtures of activation (1) and identity (0)."""
    words: tuple[Words, ...] | None = None
    """What dropout draws by; None: no dropout."""
    rate: Array | None = None


def dense_layers(form: Form, given: DenseLayers) -> Array:
    """The outputs of the last layer [b, h], each linear, activation and dropout."""
    h_bh = given.x_bf
    for i, (kernel_fh, bias_h) in enumerate(zip(given.kernels_fh, given.biases_h, strict=True)):
        z_bh = scaled(h_bh @ kernel_fh, len(kernel_fh), form.parametrization) + bias_h[None]
        h_bh = ACTIVATIONS[form.activation](z_bh)
        if given.slopes_h is not None:
            h_bh = z_bh + given.slopes_h[i][None] * (h_bh - z_bh)
        if given.words is not None and given.rate is not None:
            h_bh = dropout_by(given.words[i], h_bh, given.rate)
    return h_bh


def widths_of(given: DenseLayers) -> tuple[int, ...]:
    """The inputs of the first layer, and the outputs of each."""
    return (given.x_bf.shape[-1], *(bias_h.shape[0] for bias_h in given.biases_h))
