"""The heads of a net: a linear layer for each, and predictions in the target's own units.

A head is "regression" (o numbers), "binary" (one logit) or "multiclass" (k logits). A regression
head may also predict its uncertainty: NAME.quantiles [b, o, q], or the parts of a density
(`nets/densities.py`) such as NAME.deviation [b, o]. Shapes: b batch, h
hidden, o outputs, q quantiles, p further numbers for each output.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets import densities, quantiles
from nets.base import Array, Arrays, Params
from nets.checks import check_name
from nets.densities import EPSILON as EPSILON
from nets.densities import Density
from nets.linear import Linear, OwnLinear

T = TypeVar("T")
ROW_KINDS = ("regression", "binary", "multiclass")  # of heads that answer once a row


class HeadShape(NamedTuple):
    """A head's name, kind and number of outputs, and what else it predicts."""

    name: str
    kind: str
    size: int
    quantiles: tuple[float, ...] = ()
    """Levels in increasing order, .5 among them: the median is the prediction. (): no quantiles."""
    deviation: bool = False
    """Whether it predicts a standard deviation beside the mean, that of its `density`."""
    categories: tuple[int, ...] = ()
    """Of `nets.Autoencoder`: how many values each category column has that it reconstructs."""
    density: Density = "gaussian"
    floors: tuple[float, ...] = ()
    """Lower bounds of its numbers in encoded units, -inf for none."""
    amounts: bool = False
    """Whether its outputs are logarithms of the means of amounts."""

    @property
    def n_spread(self) -> int:
        """Numbers p for each output beside the prediction: how sure it is."""
        if self.quantiles:
            return len(self.quantiles) - 1
        return densities.N_PARTS[self.density] if self.deviation else 0

    @property
    def n_scaled_spread(self) -> int:
        """How many of these, the first ones, are in the target's own units."""
        return densities.N_SCALED_PARTS[self.density] if self.deviation else self.n_spread

    @property
    def counts(self) -> bool:
        """Whether its outputs are logarithms of means, of counts or amounts."""
        return self.amounts or (self.deviation and self.density in densities.COUNTS)

    @property
    def width(self) -> int:
        """Numbers that its layer gives."""
        return self.size * (1 + self.n_spread) + sum(self.categories)


class Heads(nn.Module):
    """One linear layer per head over the same hidden vector: standardised numbers, or logits.

    With `members`, one per head and member: [b * k, h] -> [b * k, o].
    """

    heads: tuple[HeadShape, ...]
    kernel_init: str = "glorot_uniform"
    parametrization: str = "standard"
    members: int | None = None

    def __post_init__(self) -> None:
        for head in self.heads:
            check_name(f"head {head.name!r}: kind", head.kind, ROW_KINDS)
        super().__post_init__()

    @nn.compact
    def __call__(self, x_bh: Array) -> dict[str, Array]:
        outputs = {}
        for head, name in named_heads(self.heads):
            outputs |= split_outputs(self._linear(head.width, name)(x_bh), head)
        return outputs

    def _linear(self, width: int, name: str) -> nn.Module:
        form = (self.kernel_init, self.parametrization)
        if self.members is None:
            return Linear(width, *form, name=name)
        return OwnLinear(width, self.members, *form, name=name)


def split_outputs(raw: Array, head: HeadShape) -> dict[str, Array]:
    """The outputs {NAME: [b, o]} and the spread of a head, from its layer's [b, o * (1 + p)]."""
    if not head.n_spread:
        return {head.name: raw}
    raw_bop = raw.reshape(raw.shape[0], head.size, 1 + head.n_spread)
    return with_spread(raw_bop[..., 0], shifted_softplus(raw_bop[..., 1:]), head)


def shifted_softplus(raw: Array) -> Array:
    """softplus, shifted so that 0 gives 1: a new net has the spread of the training targets."""
    return jax.nn.softplus(raw + math.log(math.expm1(1)))


def with_spread(prediction_bo: Array, spread_bop: Array, head: HeadShape) -> dict[str, Array]:
    """{NAME: predictions}, and NAME.quantiles [b, o, q] or parts of a density [b, o] beside them.

    These are made of positive numbers [b, o, p].
    """
    if not head.n_spread:
        return {head.name: prediction_bo}
    if head.deviation:
        parts = densities.density_parts(head.name, head.density, spread_bop)
        return {head.name: prediction_bo, **parts}
    quantiles_boq = quantiles.around_median(prediction_bo, spread_bop, head.quantiles)
    return {head.name: prediction_bo, f"{head.name}.quantiles": quantiles_boq}


def named_heads(heads: tuple[HeadShape, ...]) -> list[tuple[HeadShape, str]]:
    """Each head, and the name of its layer among the parameters."""
    return list(zip(heads, readable_names(tuple(head.name for head in heads)), strict=True))


def constant_params(params: Params, heads: tuple[HeadShape, ...]) -> Params | None:
    """The parameters with the kernels of all heads at 0, so that every row is given the biases.

    None unless every head predicts numbers of rows.
    """
    if any(head.kind != "regression" for head in heads):
        return None
    found = dict(params)
    for _, name in named_heads(heads):
        found[name] = {**found[name], "kernel": jnp.zeros_like(found[name]["kernel"])}
    return found


def readable_names(names: tuple[str, ...]) -> list[str]:
    """Distinct names fit for a checkpoint's path, which is letters and digits."""
    # The prefix keeps a column called "name" or "init" off the attributes of a Linen module, which
    # it may not shadow.
    return [re.sub(r"\W+", "_", f"head_{i}_{name}") for i, name in enumerate(names)]


def predictions_of(
    outputs: Arrays,
    head: HeadShape,
    statistics: Arrays,
    *,
    clip: bool,
    log_link: bool,
) -> dict[str, Array]:
    """A head's predictions, quantiles and deviations in the target's units, each by its name."""
    predictions = {
        head.name: to_target_units(
            outputs[head.name], head, statistics, clip=clip, log_link=log_link
        )
    }
    if head.deviation:
        predictions |= densities.parts_in_units(
            head.name, head.density, outputs, predictions[head.name], statistics["scale"]
        )
    if head.quantiles:
        name = f"{head.name}.quantiles"
        of_level = [outputs[name][..., i] for i in range(len(head.quantiles))]
        quantiles_boq = jnp.stack(
            [to_target_units(x, head, statistics, clip=clip, log_link=False) for x in of_level],
            axis=-1,
        )
        predictions[name] = quantiles.in_order(quantiles_boq, head.quantiles.index(0.5))
    return _above_floors(predictions, head)


def _above_floors(predictions: dict[str, Array], head: HeadShape) -> dict[str, Array]:
    """Predictions and quantiles, none of them below the head's floors."""
    if not any(floor > -math.inf for floor in head.floors):
        return predictions
    floor_1o = jnp.array(head.floors, jnp.float32)[None]
    raised = {head.name: jnp.maximum(predictions[head.name], floor_1o)}
    if head.quantiles:
        name = f"{head.name}.quantiles"
        raised[name] = jnp.maximum(predictions[name], floor_1o[..., None])
    return predictions | raised


def add_log_means(
    outputs: Mapping[str, T], heads: tuple[HeadShape, ...], statistics: Mapping[str, Arrays]
) -> dict[str, T | Array]:
    """Outputs whose logarithms of means begin at that of the training rows' mean."""
    moved: dict[str, T | Array] = dict(outputs)
    for head in heads:
        log_mean = outputs[head.name]
        if head.counts and isinstance(log_mean, jax.Array):
            moved[head.name] = densities.add_log_mean(log_mean, statistics[head.name]["center"])
    return moved


def with_base_rates(
    answers: Arrays, head: HeadShape, statistics: Arrays, where_b: Array
) -> dict[str, Array]:
    """The answers of a head of classes, with the rates of training rows where `where_b`.

    {} for numbers, and where the rates are not known.
    """
    if head.kind not in ("binary", "multiclass") or "rate" not in statistics:
        return {}
    probability = answers[head.name]
    if head.kind == "binary":
        return {head.name: jnp.where(where_b, statistics["rate"][-1], probability)}
    return {head.name: jnp.where(where_b[:, None], statistics["rate"][None], probability)}


def to_target_units(
    outputs_bo: Array,
    head: HeadShape,
    statistics: Arrays,
    *,
    clip: bool,
    log_link: bool,
) -> Array:
    """A head's outputs in the target's own units.

    They are numbers [b, o], P(second class) [b], or probabilities [b, k]. `clip` holds numbers
    within the range of the training targets. `log_link` (Poisson) takes outputs as logarithms.
    Logits are divided by a "temperature" among the statistics, if there is one.
    """
    if head.kind in ("binary", "multiclass") and "temperature" in statistics:
        outputs_bo = outputs_bo / statistics["temperature"]
    if head.kind == "binary":
        return jax.nn.sigmoid(outputs_bo[:, 0])
    if head.kind == "multiclass":
        return jax.nn.softmax(outputs_bo)
    if log_link:
        values_bo = jnp.exp(outputs_bo)
    else:
        values_bo = outputs_bo * statistics["scale"][None] + statistics["center"][None]
    if not clip:
        return values_bo
    return jnp.clip(values_bo, statistics["low"][None], statistics["high"][None])


def standardise_target(target: Array, head: HeadShape, statistics: Arrays) -> Array:
    """Training targets as the loss wants them: numbers standardised, classes as they are."""
    if head.kind != "regression" or head.counts:
        return target
    return (target - statistics["center"][None]) / statistics["scale"][None]
