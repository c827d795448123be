"""Training rows varied inside the compiled program: anew at every update, never at an evaluation.

A strength may be traced, so that the members of a population can differ in it; only one that is
known before tracing to be off costs nothing. Inputs are preprocessed ones. Shapes: b batch, f
number columns, c category columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp

from nets.base import Array, Arrays
from nets.dropout import is_off, random_bits
from train.config.bounded import Auto, resolved
from train.config.net_options import LSTM, Net
from train.config.options import Augment
from train.core.augment_sequences import normal, stretch, uniform, vary_steps
from train.core.program import AUGMENT_KEY, Data, Program
from train.data.dataset import Batch

Inputs = dict[str, Array]

EPSILON = 1e-6  # parameter of a Beta distribution: less would ask for the logarithm of 0


def augmented(
    program: Program, data: Data, step: Array, batch: Batch[Array], mask_b: Array
) -> tuple[Batch[Array], ...]:
    """The batch varied as the config says, as the batches that `gradients` takes.

    One batch; with mixup or cutmix two of the same mixed inputs, the first with the rows' own
    targets, the second with those of the rows they are mixed with, each weighted by its share.
    """

    def draw_rows(key: Array) -> Batch[Array]:
        """As many rows, drawn from all that train; of weight 0 beside what only fills up."""
        n = jnp.asarray(data.train.shape[0] if data.n_train is None else data.n_train, jnp.uint32)
        rows_b = data.train[random_bits(key, batch.weight.shape) % n]
        weight_b = data.train_weight[rows_b] * mask_b
        return program.batch(data, rows_b)._replace(weight=weight_b)

    config = program.config
    return augment(
        jax.random.fold_in(jax.random.fold_in(data.key, AUGMENT_KEY), step),
        batch,
        draw_rows,
        _options_at(config.augment, step, program.total_steps),
        config.net,
        data.statistics.get("inputs", {}),
        program.network.missing_columns,
    )


def _options_at(options: Augment, step: Array, total_steps: int) -> Augment:
    """The options at an update: rows are mixed by `mixup` until its share of all has passed."""
    until = resolved(options.mixup_until)
    strength = resolved(options.mixup)
    if is_off(strength) or is_off(1 - until):
        return options
    return replace(options, mixup=jnp.where(step < until * total_steps, strength, 0.0))


def augment(
    key: Array,
    batch: Batch[Array],
    draw_rows: Callable[[Array], Batch[Array]],
    options: Augment,
    net: Net,
    statistics: Arrays,
    missing: tuple[int, ...] = (),
) -> tuple[Batch[Array], ...]:
    """Batches of the same varied inputs, whose weighted losses are to be added.

    They are the batch, and where rows are mixed also the targets of those they are mixed with.
    `draw_rows(key)` gives as many rows drawn from all training rows, with their weights, which are
    0 beside what only fills the batch up. Of `statistics` the "mean" and "spread" [f] of a table's
    preprocessed numbers are read; `missing` are the number columns that have a flag. An LSTM among
    the options of the `net` has strengths of its own.
    """
    if not is_on(options, net):
        return (batch,)
    vary_key, other_key, mix_key, mate_key = jax.random.split(key, 4)

    def draw_inputs() -> Arrays:
        return draw_rows(other_key).inputs

    if "length" in batch.inputs:
        of_steps = net if isinstance(net, LSTM) else LSTM()
        inputs = vary_steps(vary_key, batch.inputs, draw_inputs, options, of_steps)
        batch = batch._replace(inputs=inputs, length=inputs["length"])
    else:
        inputs = _vary_cells(vary_key, batch.inputs, draw_inputs, options, statistics, missing)
        batch = batch._replace(inputs=inputs)
    if is_off(resolved(options.mixup)) and is_off(options.cutmix):
        return (batch,)
    return _mix(mix_key, batch, draw_rows(mate_key), options, missing)


def is_on(options: Augment, net: Net) -> bool:
    """Whether anything may be varied."""
    strengths: list[float | Auto] = [*options.strengths().values(), *net.strengths().values()]
    return not all(is_off(resolved(strength)) for strength in strengths)


def reads_spread(options: Augment) -> bool:
    """Whether a table's numbers need their "mean" and "spread" among the statistics."""
    return not (is_off(options.noise) and is_off(options.drop))


def _vary_cells(
    key: Array,
    inputs: Arrays,
    draw_inputs: Callable[[], Arrays],
    options: Augment,
    statistics: Arrays,
    missing: tuple[int, ...],
) -> Inputs:
    """Rows of a table with noise on numbers, then cells of other rows, then cells left out."""
    noise_key, swap_key, drop_key = jax.random.split(key, 3)
    inputs = dict(inputs)
    if not is_off(options.noise):
        x_bf = inputs["numbers"]
        x_bf = x_bf + options.noise * statistics["spread"][None] * normal(noise_key, x_bf.shape)
        inputs["numbers"] = x_bf
    if not is_off(options.swap):
        chosen = _choose_cells(swap_key, inputs, options.swap)
        inputs = _replace_cells(inputs, draw_inputs(), chosen, missing)
    if not is_off(options.drop):
        blank = {name: jnp.zeros_like(array) for name, array in inputs.items()}
        if "numbers" in inputs:
            blank["numbers"] += statistics["mean"][None]
        chosen = _choose_cells(drop_key, inputs, options.drop)
        inputs = _replace_cells(inputs, blank, chosen, missing)
    return inputs


def _choose_cells(key: Array, inputs: Arrays, rate: float | Array) -> Inputs:
    """Masks of the cells of numbers and codes, each chosen with probability `rate`."""
    names = [name for name in ("numbers", "codes") if name in inputs]
    chosen = {}
    for name, own_key in zip(names, jax.random.split(key, len(names)), strict=True):
        chosen[name] = uniform(own_key, inputs[name].shape) < rate
    return chosen


def _replace_cells(
    inputs: Arrays, others: Arrays, chosen: Inputs, missing: tuple[int, ...]
) -> Inputs:
    """The inputs with the chosen cells of `others`; a flag goes with its number."""
    if "missing" in inputs:
        chosen = chosen | {"missing": chosen["numbers"][:, jnp.array(missing)]}
    replaced = dict(inputs)
    for name, cells in chosen.items():
        replaced[name] = jnp.where(cells, others[name], inputs[name])
    return replaced


def _mix(
    key: Array, batch: Batch[Array], mate: Batch[Array], options: Augment, missing: tuple[int, ...]
) -> tuple[Batch[Array], Batch[Array]]:
    """Each row mixed with another, once with either's target.

    `mixup` (Zhang et al. 2018) adds up shares of their numbers, `cutmix` (Yun et al. 2019; on
    tables as in SAINT, Somepalli et al. 2021) takes each cell from one of the two. A category is of
    one. The share is one number a batch, as in the authors' code: a Beta is dear to draw. The
    losses of the two targets are added in the same shares: after cutmix in those of the cells that
    each row gave.
    """
    share_key, cell_key = jax.random.split(key)
    share = _draw_share(share_key, options)
    share_b = jnp.full(len(batch.weight), share)
    theirs = mate.inputs
    inputs = dict(batch.inputs)
    if "length" in inputs:
        stretched_btf = stretch(theirs["numbers"], theirs["length"], inputs["length"])
        inputs["numbers"] = _interpolate(inputs["numbers"], stretched_btf, share)
    else:
        chosen = _choose_cells(cell_key, inputs, 1 - share)
        mixed = _replace_cells(inputs, theirs, chosen, missing)
        if is_off(resolved(options.mixup)):
            cells_bc = jnp.concatenate(list(chosen.values()), -1)
            share_b = 1 - cells_bc.mean(-1, dtype=jnp.float32)
        else:
            for name in [name for name in ("numbers", "missing") if name in inputs]:
                mixed[name] = _interpolate(inputs[name], theirs[name], share)
        inputs = mixed
    weight_b = mate.weight * (1 - share_b)
    mate = mate._replace(inputs=inputs, weight=weight_b, length=batch.length)
    return batch._replace(inputs=inputs, weight=batch.weight * share_b), mate


def _draw_share(key: Array, options: Augment) -> Array:
    """The share of the batch's own rows in a mix, Beta(a, a); 1 where a is 0."""
    mixup = resolved(options.mixup)
    strength = options.cutmix if is_off(mixup) else mixup
    strength = jnp.asarray(strength, jnp.float32)
    parameter = jnp.maximum(strength, EPSILON)
    return jnp.where(strength > 0, jax.random.beta(key, parameter, parameter), 1.0)


def _interpolate(x: Array, other: Array, share: Array) -> Array:
    return share * x + (1 - share) * other
