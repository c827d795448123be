"""Dense nets: batch normalisation, and the stack of hidden layers.

Shapes: b batch, f features, h hidden.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets.activations import ACTIVATIONS
from nets.base import Array
from nets.batch_axis import sum_over_parts
from nets.checks import check_hidden, check_name, check_rate
from nets.dropout import dropout, is_off, words_of
from nets.kernels import library
from nets.kernels.dense import native_layers
from nets.kernels.dense_choice import suits
from nets.layers import DenseLayers, Form
from nets.linear import INITIALIZERS, PARAMETRIZATIONS, AdaptedLinear, Linear

NORMS = ("none", "layer", "batch")


class BatchNorm(nn.Module):
    """Batch normalisation whose statistics skip padding rows (Ioffe & Szegedy 2015).

    Constants are Keras'. Statistics of the batch are used in training, where the running ones can
    be changed ("batch_stats" is mutable).
    """

    momentum: float = 0.99
    epsilon: float = 1e-3

    @nn.compact
    def __call__(self, x_bf: Array, weight_b: Array | None, *, train: bool) -> Array:
        if x_bf.ndim != 2:
            raise ValueError(f"batch norm is over rows [b, f], not {x_bf.shape}")
        width = x_bf.shape[-1]
        mean_f = self.variable("batch_stats", "mean", jnp.zeros, (width,))
        var_f = self.variable("batch_stats", "var", jnp.ones, (width,))
        scale_f = self.param("scale", nn.initializers.ones_init(), (width,))
        bias_f = self.param("bias", nn.initializers.zeros_init(), (width,))
        mean = mean_f.value
        var = var_f.value
        if train and (self.is_initializing() or self.is_mutable_collection("batch_stats")):
            mask_b = jnp.ones(x_bf.shape[:1])
            if weight_b is not None:
                mask_b = (weight_b > 0).astype(x_bf.dtype)
            n_rows = sum_over_parts(mask_b.sum())
            share_b1 = (mask_b / jnp.maximum(n_rows, 1))[:, None]
            mean = sum_over_parts((share_b1 * x_bf).sum(0))
            var = sum_over_parts((share_b1 * jnp.square(x_bf - mean[None])).sum(0))
            if not self.is_initializing():
                # Nothing is learned from a batch without rows.
                momentum = jnp.where(n_rows > 0, self.momentum, 1.0)
                mean_f.value = momentum * mean_f.value + (1 - momentum) * mean
                var_f.value = momentum * var_f.value + (1 - momentum) * var
        factor_f = jax.lax.rsqrt(var + self.epsilon) * scale_f
        return (x_bf - mean[None]) * factor_f[None] + bias_f[None]


class Dense(nn.Module):
    """Hidden layers, each of them linear, norm, activation and dropout.

    Where `residual`, a layer's input is added to its outputs if widths agree. Takes x_bf and
    returns x_bh of the last hidden width (x_bf itself if `hidden` is empty). `weight_b` is 0 on
    padding rows, which batch normalisation must not see. With `train=True` and a rate above 0,
    needs rngs={"dropout"}. `activation_slope` gives each unit a learned mixture of activation and
    identity, 1 (all activation) at start. With `members`, rows [b * k, f] of so many members, whose
    layers have factors and biases of their own around one kernel. Options that there are not are a
    ValueError.
    """

    hidden: tuple[int, ...] = (64, 64)
    activation: str = "relu"
    kernel_init: str = "glorot_uniform"
    dropout: float | Array = 0.0
    norm: str = "none"
    residual: bool = False
    parametrization: str = "standard"
    activation_slope: bool = False
    members: int | None = None

    def __post_init__(self) -> None:
        check_hidden(self.hidden)
        check_name("activation", self.activation, ACTIVATIONS)
        check_name("kernel_init", self.kernel_init, INITIALIZERS)
        check_rate("dropout", self.dropout)
        check_name("norm", self.norm, NORMS)
        check_name("parametrization", self.parametrization, PARAMETRIZATIONS)
        super().__post_init__()

    @nn.compact
    def __call__(self, x_bf: Array, weight_b: Array | None = None, *, train: bool) -> Array:
        if train and not self.is_initializing() and self.is_plain:
            given = self._given(x_bf)
            if suits(self._form, given) and library.is_native():
                return native_layers(self._form, self._with_dropout(given))
        x_bh = x_bf
        for i, width in enumerate(self.hidden):
            h_bh = self._linear(i, width)(x_bh)
            if self.norm == "batch":
                h_bh = BatchNorm(name=f"norm_{i}")(h_bh, weight_b, train=train)
            elif self.norm == "layer":
                # flax's E[x^2] - E[x]^2 is off by percents where units share an offset of hundreds.
                h_bh = nn.LayerNorm(use_fast_variance=False, name=f"norm_{i}")(h_bh)
            h_bh = self._activate(h_bh, i)
            if train and not is_off(self.dropout):
                h_bh = dropout(jax.random.fold_in(self.make_rng("dropout"), i), h_bh, self.dropout)
            x_bh = x_bh + h_bh if self.residual and x_bh.shape == h_bh.shape else h_bh
        return x_bh

    @property
    def _form(self) -> Form:
        return Form(self.activation, self.parametrization)

    @property
    def is_plain(self) -> bool:
        """Whether a layer is linear, activation and dropout, and nothing else."""
        return bool(self.hidden) and not (self.members or self.residual or self.norm != "none")

    def _given(self, x_bf: Array) -> DenseLayers:
        params = self.variables["params"]
        layers = [params[f"layer_{i}"] for i in range(len(self.hidden))]
        slopes = tuple(params[f"slope_{i}"] for i in range(len(layers)) if self.activation_slope)
        kernels = tuple(layer["kernel"] for layer in layers)
        return DenseLayers(x_bf, kernels, tuple(layer["bias"] for layer in layers), slopes or None)

    def _with_dropout(self, given: DenseLayers) -> DenseLayers:
        if is_off(self.dropout):
            return given
        words = []
        for i, width in enumerate(self.hidden):
            key = jax.random.fold_in(self.make_rng("dropout"), i)
            words.append(words_of(key, given.x_bf.shape[0] * width))
        return given._replace(words=tuple(words), rate=jnp.asarray(self.dropout, jnp.float32))

    def _linear(self, i: int, width: int) -> nn.Module:
        form = (self.kernel_init, self.parametrization)
        if self.members is None:
            return Linear(width, *form, name=f"layer_{i}")
        return AdaptedLinear(width, self.members, *form, first=i == 0, name=f"layer_{i}")

    def _activate(self, x_bh: Array, i: int) -> Array:
        active_bh = ACTIVATIONS[self.activation](x_bh)
        if not self.activation_slope:
            return active_bh
        slope_h = self.param(f"slope_{i}", nn.initializers.ones_init(), x_bh.shape[-1:])
        return x_bh + slope_h[None] * (active_bh - x_bh)
