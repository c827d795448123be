"""Training rows varied inside the compiled program: anew at every update, never at an evaluation.

A strength may be traced, so that the members of a population can differ in it; only one that is
known before tracing to be off costs nothing. Inputs are prepared ones. Shapes: b batch, f number
columns, c category columns.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from nets.dropout import is_off
from train.config.bounded import resolved
from train.config.net_options import Net
from train.config.options import Augment
from train.core.augment_sequences import normal, stretched, uniform, varied_steps
from train.data.dataset import Batch

Array = jax.Array
Inputs = dict[str, Array]
EPSILON = 1e-6  # parameter of a Beta distribution: less would ask for the logarithm of 0


def augment(
    key: Array,
    batch: Batch,
    others: Callable[[Array], Batch],
    options: Augment,
    net: Any,
    statistics: Any,
    missing: tuple[int, ...] = (),
) -> tuple[Batch, ...]:
    """Batches with one and the same varied inputs, whose weighted losses are to be added: the
    batch, and where rows are mixed also the targets of those they are mixed with.

    `others(key)` are as many rows drawn from all training rows, with their weights. Of `statistics`
    the "mean" and "spread" [f] of a table's prepared numbers are read; `missing` are the number
    columns that have a flag.
    """
    if not is_on(options, net):
        return (batch,)
    vary_key, other_key, mix_key, mate_key = jax.random.split(key, 4)

    def strangers() -> Inputs:
        return others(other_key).inputs

    if "length" in batch.inputs:
        inputs = varied_steps(vary_key, batch.inputs, strangers, options, net)
        batch = batch._replace(inputs=inputs, length=inputs["length"])
    else:
        inputs = _varied_cells(vary_key, batch.inputs, strangers, options, statistics, missing)
        batch = batch._replace(inputs=inputs)
    if is_off(options.mixup) and is_off(options.cutmix):
        return (batch,)
    return _mixed(mix_key, batch, others(mate_key), options, missing)


def is_on(options: Augment, net: Net) -> bool:
    """Whether anything may be varied."""
    strengths = [getattr(options, field.name) for field in dataclasses.fields(options)]
    strengths += map(resolved, net.strengths().values())
    return not all(is_off(strength) for strength in strengths)


def reads_spread(options: Augment) -> bool:
    """Whether a table's numbers need their "mean" and "spread" among the statistics."""
    return not (is_off(options.noise) and is_off(options.drop))


def _varied_cells(
    key: Array,
    inputs: Inputs,
    strangers: Callable[[], Inputs],
    options: Augment,
    statistics: Any,
    missing: tuple[int, ...],
) -> Inputs:
    """Rows of a table with noise on numbers, then cells of other rows, then cells left out."""
    noise_key, swap_key, drop_key = jax.random.split(key, 3)
    if not is_off(options.noise):
        x_bf = inputs["numbers"]
        x_bf = x_bf + options.noise * statistics["spread"][None] * normal(noise_key, x_bf.shape)
        inputs = inputs | {"numbers": x_bf}
    if not is_off(options.swap):
        inputs = _replaced(inputs, strangers(), _chosen(swap_key, inputs, options.swap), missing)
    if not is_off(options.drop):
        blank = {name: jnp.zeros_like(array) for name, array in inputs.items()}
        if "numbers" in inputs:
            blank["numbers"] += statistics["mean"][None]
        inputs = _replaced(inputs, blank, _chosen(drop_key, inputs, options.drop), missing)
    return inputs


def _chosen(key: Array, inputs: Inputs, rate: Any) -> Inputs:
    """Which cells of numbers and codes are chosen, each with probability `rate`."""
    names = [name for name in ("numbers", "codes") if name in inputs]
    keys = jax.random.split(key, len(names))
    return {
        name: uniform(k, inputs[name].shape) < rate for name, k in zip(names, keys, strict=True)
    }


def _replaced(inputs: Inputs, others: Inputs, chosen: Inputs, missing: tuple[int, ...]) -> Inputs:
    """The inputs with the chosen cells of `others`; a flag goes with its number."""
    if "missing" in inputs:
        chosen = chosen | {"missing": chosen["numbers"][:, jnp.array(missing)]}
    return inputs | {
        name: jnp.where(cells, others[name], inputs[name]) for name, cells in chosen.items()
    }


def _mixed(
    key: Array, batch: Batch, mate: Batch, options: Augment, missing: tuple[int, ...]
) -> tuple[Batch, Batch]:
    """Each row mixed with another: `mixup` (Zhang et al. 2018) adds up shares of their numbers,
    `cutmix` (Yun et al. 2019; on tables as in SAINT, Somepalli et al. 2021) takes each cell from
    one of the two. A category is of one.

    The share is one number a batch, as in the authors' code: a Beta is dear to draw. The losses of
    the two targets are added in the same shares: after cutmix in those of the cells that each row
    gave.
    """
    share_key, cell_key = jax.random.split(key)
    cut = is_off(options.mixup)
    strength = jnp.asarray(options.cutmix if cut else options.mixup, jnp.float32)
    parameter = jnp.maximum(strength, EPSILON)
    share = jnp.where(strength > 0, jax.random.beta(share_key, parameter, parameter), 1.0)
    share_b = jnp.full(len(batch.weight), share)
    inputs = batch.inputs
    theirs = mate.inputs
    if "length" in inputs:
        stretched_btf = stretched(theirs["numbers"], theirs["length"], inputs["length"])
        inputs = inputs | {"numbers": _between(inputs["numbers"], stretched_btf, share)}
    else:
        chosen = _chosen(cell_key, inputs, 1 - share)
        mixed = _replaced(inputs, theirs, chosen, missing)
        if cut:
            cells_bc = jnp.concatenate(list(chosen.values()), -1)
            share_b = 1 - cells_bc.mean(-1, dtype=jnp.float32)
        else:
            added = [name for name in ("numbers", "missing") if name in inputs]
            mixed |= {name: _between(inputs[name], theirs[name], share) for name in added}
        inputs = mixed
    mask_b = (batch.weight > 0).astype(jnp.float32)
    mate = mate._replace(
        inputs=inputs, weight=mate.weight * mask_b * (1 - share_b), length=batch.length
    )
    return batch._replace(inputs=inputs, weight=batch.weight * share_b), mate


def _between(x: Array, other: Array, share: Array) -> Array:
    return share * x + (1 - share) * other
