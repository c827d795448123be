"""Linear layers: one for all rows, and those of members that share its weights.

A row's members stand one after the other in [b * k, ...], so that each shared weight is one product
over all of them. Shapes: b rows, k members, r rows of all members, f features, h hidden, o outputs.
"""

from __future__ import annotations

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from nets.base import Array

INITIALIZERS = {
    "glorot_uniform": nn.initializers.glorot_uniform(),
    "glorot_normal": nn.initializers.glorot_normal(),
    "he_uniform": nn.initializers.he_uniform(),
    "he_normal": nn.initializers.he_normal(),
    "lecun_uniform": nn.initializers.lecun_uniform(),
    "lecun_normal": nn.initializers.lecun_normal(),
    "orthogonal": nn.initializers.orthogonal(),
    "normal": nn.initializers.normal(1.0),
    "zeros": nn.initializers.zeros_init(),
}
PARAMETRIZATIONS = ("standard", "ntk")


def _initializer(kernel_init: str, parametrization: str) -> nn.initializers.Initializer:
    is_normal = parametrization == "ntk" and kernel_init != "zeros"
    return INITIALIZERS["normal" if is_normal else kernel_init]


def scaled(outputs: Array, fan_in: int, parametrization: str) -> Array:
    """Products of inputs and weights, divided by sqrt(number of inputs) if "ntk"."""
    return outputs / math.sqrt(max(fan_in, 1)) if parametrization == "ntk" else outputs


class Linear(nn.Module):
    """x W + b, in its standard form or in that of the neural tangent kernel.

    With `parametrization="ntk"` it is x W / sqrt(fan_in) + b and W starts as N(0, 1), which makes
    one learning rate right for every width (Jacot et al. 2018; as used by RealMLP, Holzmueller et
    al. 2024).
    """

    features: int
    kernel_init: str = "glorot_uniform"
    parametrization: str = "standard"

    @nn.compact
    def __call__(self, x_bf: Array) -> Array:
        fan_in = x_bf.shape[-1]
        initializer = _initializer(self.kernel_init, self.parametrization)
        kernel = self.param("kernel", initializer, (fan_in, self.features))
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        outputs = scaled(x_bf @ kernel, fan_in, self.parametrization)
        return outputs + jnp.expand_dims(bias, range(outputs.ndim - 1))


class AdaptedLinear(nn.Module):
    """s * ((r * x) W) + b: one kernel of all members, r, s and b of each (Wen, Tran & Ba 2020).

    Takes and gives [b * k, ...]. Factors start at 1, biases at 0. The `first` layer has no r: there
    it is the net's `nets.members.Adapter`.
    """

    features: int
    members: int
    kernel_init: str = "glorot_uniform"
    parametrization: str = "standard"
    first: bool = False

    @nn.compact
    def __call__(self, x_rf: Array) -> Array:
        fan_in = x_rf.shape[-1]
        ones = nn.initializers.ones_init()
        shape = (self.members, self.features)
        initializer = _initializer(self.kernel_init, self.parametrization)
        kernel = self.param("kernel", initializer, (fan_in, self.features))
        if not self.first:
            before_kf = self.param("adapter", ones, (self.members, fan_in))
            x_rf = (by_member(x_rf, self.members) * before_kf[None]).reshape(x_rf.shape)
        h_rh = scaled(x_rf @ kernel, fan_in, self.parametrization)
        after_kh = self.param("adapter_out", ones, shape)
        bias_kh = self.param("bias", nn.initializers.zeros_init(), shape)
        return (by_member(h_rh, self.members) * after_kh[None] + bias_kh[None]).reshape(h_rh.shape)


class OwnLinear(nn.Module):
    """A `Linear` of each member's own: [b * k, h] -> [b * k, o]."""

    features: int
    members: int
    kernel_init: str = "glorot_uniform"
    parametrization: str = "standard"

    @nn.compact
    def __call__(self, x_rh: Array) -> Array:
        fan_in = x_rh.shape[-1]
        initializer = _initializer(self.kernel_init, self.parametrization)

        def draw(key: Array, shape: tuple[int, int, int]) -> Array:
            def draw_one(key: Array) -> Array:
                return initializer(key, shape[1:], jnp.float32)

            # One after the other: a QR of many matrices at once can stand still on a CPU.
            return lax.map(draw_one, jax.random.split(key, shape[0]))

        kernel_kho = self.param("kernel", draw, (self.members, fan_in, self.features))
        zeros = nn.initializers.zeros_init()
        bias_ko = self.param("bias", zeros, (self.members, self.features))
        outputs_bko = jnp.einsum("bkh,kho->bko", by_member(x_rh, self.members), kernel_kho)
        outputs_bko = scaled(outputs_bko, fan_in, self.parametrization) + bias_ko[None]
        return outputs_bko.reshape(-1, self.features)


def by_member(x_r: Array, members: int) -> Array:
    """[b * k, ...] -> [b, k, ...]."""
    return x_r.reshape(-1, members, *x_r.shape[1:])
