"""A learned cycle of a series: values by the place in the day or the week, taken out and put back.

Shapes: b windows, l steps, o targets, w values, n points of a circle, 2c waves of a calendar.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from nets.base import Array


class Circle(NamedTuple):
    """A part of a calendar: the `place` of its sine and cosine, and at how many points it counts.

    Places are counted in pairs of columns, the last pair being 1.
    """

    place: int
    points: int


class Cycle(nn.Module):
    """A value of each target for every point of some circles, such as day and hour; zero at start.

    As in CycleNet (Lin et al. 2024). Between two points a step gets the mean of both, by its
    distance.
    """

    circles: tuple[Circle, ...]
    n_targets: int

    @nn.compact
    def __call__(self, calendar_blc: Array) -> Array:
        """Columns that end with the calendar's sines and cosines [b, l, 2c] -> [b, l, o]."""
        near_blw = jnp.ones((*calendar_blc.shape[:2], 1), calendar_blc.dtype)
        for place, points in self.circles:
            first = calendar_blc.shape[2] - 2 * place
            near_bln = nearness(calendar_blc[..., first : first + 2], points)
            both_blwn = near_blw[..., None] * near_bln[:, :, None]
            near_blw = both_blwn.reshape(*both_blwn.shape[:2], -1)
        shape = (near_blw.shape[2], self.n_targets)
        return near_blw @ self.param("value", nn.initializers.zeros_init(), shape)


def nearness(wave_bl2: Array, n: int) -> Array:
    """How near a place on a circle is to each of n points [b, l, n]: 1 at it, 0 at all others.

    The place is told by its sine and cosine; between two points their sum is 1.
    """
    angles = 2 * np.pi * np.arange(n) / n
    points_2n = jnp.asarray(np.stack([np.sin(angles), np.cos(angles)]), wave_bl2.dtype)
    near_bln = jnp.maximum(wave_bl2 @ points_2n - math.cos(2 * math.pi / n), 0)
    return near_bln / near_bln.sum(-1, keepdims=True)
