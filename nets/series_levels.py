"""The levels of a series' columns: what each window is scaled by, its group's or those of all.

Shapes: b windows or flat rows, h horizon, c columns read (the o targets first), g groups.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp

from nets.base import Array, Arrays, Statistics

SERIES = "series"  # the number of each window's group among inputs
TABLE = "group_center"  # among statistics, where groups have scales of their own
LEVEL = "value.level"  # among outputs: mean and scale of each window's targets [b, 2, o]
ERROR = "value.error"  # and how large errors are in its group [b, o]


class ColumnLevels(NamedTuple):
    """What is taken out of each window's columns, (x - center) / scale, both [b, c] or [1, c]."""

    center: Array
    scale: Array


def group_levels(statistics: Statistics, series_b: Array) -> ColumnLevels:
    """The levels of groups by their numbers [b, c]; a scale of 0 for one that is not known."""
    center_gc = statistics[TABLE]
    n_groups = center_gc.shape[0]
    is_known_b1 = ((series_b >= 0) & (series_b < n_groups))[:, None]
    place_b = jnp.clip(series_b, 0, n_groups - 1)
    scale_bc = jnp.where(is_known_b1, statistics["group_scale"][place_b], 0.0)
    return ColumnLevels(center_gc[place_b], scale_bc)


def target_levels(
    statistics: Statistics, arrays: Arrays, n_targets: int, horizon: int
) -> ColumnLevels:
    """The levels of targets over the horizon [b, h * o], or [1, h * o] where all share them.

    `arrays` hold what tells a window's: "value.level", or the number of its group.
    """
    if LEVEL in arrays:
        center_bo = arrays[LEVEL][:, 0]
        scale_bo = arrays[LEVEL][:, 1]
    elif SERIES in arrays and TABLE in statistics:
        center_bo, scale_bo = group_levels(statistics, arrays[SERIES])
    else:
        center_bo = statistics["center"][None]
        scale_bo = statistics["scale"][None]
    return ColumnLevels(
        over(center_bo[:, :n_targets], horizon), over(scale_bo[:, :n_targets], horizon)
    )


def over(x_bo: Array, horizon: int) -> Array:
    """Values [b, o] repeated at every step of the horizon [b, h * o]."""
    n_rows, n_targets = x_bo.shape
    wide_bho = jnp.broadcast_to(x_bo[:, None], (n_rows, horizon, n_targets))
    return wide_bho.reshape(n_rows, horizon * n_targets)


def own_levels(statistics: Statistics, inputs: Arrays, n_targets: int) -> dict[str, Array]:
    """{"value.level": [b, 2, o] and "value.error": [b, o]} of the targets of scaled windows.

    The first is what they are scaled by, the other how large errors are in their group: that of
    repeating its last season, or what is usual beside the scale of a group that is not known. {}
    where all share them.
    """
    if SERIES not in inputs or TABLE not in statistics:
        return {}
    of_group = group_levels(statistics, inputs[SERIES])
    level_b2c = inputs.get("level")
    if level_b2c is None:
        level_b2c = jnp.stack(of_group, axis=1)
    error_go = statistics["group_error"]
    place_b = jnp.clip(inputs[SERIES], 0, error_go.shape[0] - 1)
    usual_bo = level_b2c[:, 1, :n_targets] * statistics["error_ratio"][None]
    is_known_bo = of_group.scale[:, :n_targets] > 0
    error_bo = jnp.where(is_known_bo, error_go[place_b], usual_bo)
    return {LEVEL: level_b2c[:, :, :n_targets], ERROR: error_bo}
