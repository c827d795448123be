"""Maps of units: where each stands, and who is whose neighbour. k units."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np

from nets.base import Array


def map_places(shape: tuple[int, ...], grid: str) -> np.ndarray:
    """Where the units of a map stand [k, 2], row by row; neighbours are 1 apart.

    In a hexagonal grid every other row is moved by half a place, and rows are sqrt(3)/2 apart.
    """
    row, column = np.indices(shape).reshape(2, -1)
    if grid == "hexagonal":
        return np.stack([row * math.sqrt(3) / 2, column + 0.5 * (row % 2)], 1)
    return np.stack([row, column], 1).astype(float)


def map_distances(shape: tuple[int, ...], grid: str) -> np.ndarray:
    """Distances between the units of a map [k, k]."""
    place_kg = map_places(shape, grid)
    return np.sqrt(((place_kg[:, None] - place_kg[None]) ** 2).sum(-1))


def neighbourhood(distance: Array, radius: float | Array, kind: str) -> Array:
    """The share of a winner's step that a unit takes at this distance d on the map.

    "gaussian": exp(-d^2 / 2 r^2); "bubble": 1 up to r, else 0.
    """
    if kind == "bubble":
        return (distance <= radius).astype(jnp.float32)
    return jnp.exp(-jnp.square(distance) / (2 * jnp.square(radius)))
