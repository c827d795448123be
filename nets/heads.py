"""What comes out of a net: one linear layer per head, and the head's answer in the target's own units.

A head is "regression" (o numbers), "binary" (one logit) or "multiclass" (k logits).
Shapes: b batch, h hidden, o outputs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets.dense import Linear

Array = jax.Array


class HeadShape(NamedTuple):
    """A head's name, kind and number of outputs."""

    name: str
    kind: str
    size: int


class Heads(nn.Module):
    """One linear layer per head over the same hidden vector: standardised numbers, or logits."""

    heads: tuple[HeadShape, ...]
    kernel_init: str = "glorot_uniform"
    parametrization: str = "standard"

    @nn.compact
    def __call__(self, x_bh: Array) -> dict[str, Array]:
        return {
            head.name: Linear(head.size, self.kernel_init, self.parametrization, name=name)(x_bh)
            for head, name in zip(self.heads, readable_names(tuple(h.name for h in self.heads)), strict=True)
        }


def readable_names(names: tuple[str, ...]) -> list[str]:
    """Distinct names fit for a checkpoint's path: a column may be called anything, a path is letters and digits."""
    # The prefix keeps a column called "name" or "init" off the attributes of a Linen module, which it may not shadow.
    return [re.sub(r"\W+", "_", f"head_{i}_{name}") for i, name in enumerate(names)]


def answer(outputs_bo: Array, head: HeadShape, statistics: Mapping[str, Array], *, clip: bool, log_link: bool) -> Array:
    """A head's outputs in the target's own units: numbers [b, o], P(second class) [b], or probabilities [b, k].

    `clip` holds numbers within the range of the training targets. `log_link` (Poisson) takes outputs as logarithms.
    """
    if head.kind == "binary":
        return jax.nn.sigmoid(outputs_bo[:, 0])
    if head.kind == "multiclass":
        return jax.nn.softmax(outputs_bo)
    if log_link:
        return jnp.exp(outputs_bo)
    values_bo = outputs_bo * statistics["scale"][None] + statistics["center"][None]
    return jnp.clip(values_bo, statistics["low"][None], statistics["high"][None]) if clip else values_bo


def standardise_target(target: Array, head: HeadShape, statistics: Mapping[str, Array]) -> Array:
    """Training targets as the loss wants them: numbers standardised, classes as they are."""
    if head.kind != "regression":
        return target
    return (target - statistics["center"][None]) / statistics["scale"][None]
