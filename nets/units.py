"""Units among rows: their distances, where they start, and the means of what they win.

Shapes: b batch, n rows, d features, k units, e = d + 1, c candidates, g coordinates of a unit on
its map.
"""

from __future__ import annotations

import math
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from nets.base import Array
from nets.maps import map_places

Start = Literal["kmeans++", "rows", "normal", "plane"]


def exact_product(one: Array, other: Array) -> Array:
    """The product of two matrices in float32, on a GPU too, whose default keeps ten bits."""
    return jnp.matmul(one, other, precision=lax.Precision.HIGHEST)


def squared_distances(x_bd: Array, units_kd: Array) -> Array:
    """|x - w|^2 of each row to each unit [b, k], by one product of matrices; not below 0.

    From the units' mean, so that columns far from 0 do not cancel: the error is about 1e-7 of the
    squared distance from there, of row and unit.
    """
    centre_d = units_kd.mean(0)
    x_bd = x_bd - centre_d[None]
    units_kd = units_kd - centre_d[None]
    x2_b = jnp.square(x_bd).sum(-1)
    w2_k = jnp.square(units_kd).sum(-1)
    return jnp.maximum(x2_b[:, None] - 2 * exact_product(x_bd, units_kd.T) + w2_k[None], 0)


def two_nearest(x_bd: Array, units_kd: Array) -> tuple[Array, Array]:
    """The two nearest units of each row, int32 [b, 2], and |x - w|^2 to the nearest [b].

    Among a few candidates differences decide, which do not cancel.
    """
    n_candidates = min(4, units_kd.shape[0])
    _, near_bc = lax.top_k(-squared_distances(x_bd, units_kd), n_candidates)
    distance_bc = jnp.square(x_bd[:, None] - units_kd[near_bc]).sum(-1)
    _, order_b2 = lax.top_k(-distance_bc, 2)
    return jnp.take_along_axis(near_bc, order_b2, 1), distance_bc.min(1)


def start_units(
    key: Array,
    x_nd: Array,
    n_units: int,
    start: Start,
    shape: tuple[int, int] | None = None,
    weight_n: Array | None = None,
) -> Array:
    """Units [k, d] before the first update.

    "kmeans++": rows far from each other; "rows": any distinct places of the file; "normal":
    anywhere about the rows' mean, twice as far spread as they; "plane": a map of this `shape` laid
    over the plane of the two main components. A row of weight 3 is as likely as three rows; None:
    all weigh the same.
    """
    if start == "kmeans++":
        return kmeans_plus_plus(key, x_nd, n_units, weight_n)
    if start == "rows":
        n = x_nd.shape[0]
        share_n = None if weight_n is None else weight_n / weight_n.sum()
        return x_nd[jax.random.choice(key, n, (n_units,), replace=n < n_units, p=share_n)]
    if weight_n is None:
        mean_d = x_nd.mean(0)
        deviation_d = x_nd.std(0)
    else:
        mean_d = jnp.average(x_nd, 0, weight_n)
        deviation_d = jnp.sqrt(jnp.average(jnp.square(x_nd - mean_d[None]), 0, weight_n))
    if start == "normal" or shape is None:
        return mean_d[None] + 2 * deviation_d[None] * jax.random.normal(
            key, (n_units, x_nd.shape[1])
        )
    places = map_places(shape, "rectangular")
    place_kg = jnp.asarray((places - places.mean(0)) / np.maximum(places.std(0), 1e-6), jnp.float32)
    centred_nd = x_nd - mean_d[None]
    if weight_n is not None:
        centred_nd *= jnp.sqrt(weight_n / weight_n.mean())[:, None]
    value_d, axis_dd = jnp.linalg.eigh(exact_product(centred_nd.T, centred_nd) / x_nd.shape[0])
    n_axes = min(2, x_nd.shape[1])
    # The longer side of the map lies along the longer axis of the rows; the second, or only, one is
    # the last.
    longer = [0, 1] if shape[0] >= shape[1] else [1, 0]
    axes_gd = (axis_dd * jnp.sqrt(jnp.maximum(value_d, 0))[None]).T[::-1][:n_axes]
    return mean_d[None] + exact_product(place_kg[:, jnp.array(longer[:n_axes])], axes_gd)


def kmeans_plus_plus(key: Array, x_nd: Array, n_units: int, weight_n: Array | None = None) -> Array:
    """Units by greedy k-means++ [k, d] (Arthur & Vassilvitskii 2007).

    Each is a row, drawn with a probability proportional to its squared distance from those before;
    of 2 + log k draws, the one that leaves the smallest sum (as scikit-learn). A row of weight 3 is
    as three rows; None: all weigh the same.
    """
    n = x_nd.shape[0]
    n_candidates = 2 + int(math.log(n_units))
    first_key, key = jax.random.split(key)
    if weight_n is None:
        first_d = x_nd[jax.random.randint(first_key, (), 0, n)]
    else:
        first_d = x_nd[jax.random.choice(first_key, n, p=weight_n / weight_n.sum())]

    def weighted(distance: Array) -> Array:
        return distance if weight_n is None else distance * weight_n

    def add(nearest_n: Array, key: Array) -> tuple[Array, Array]:
        mass_n = weighted(nearest_n)
        draw_c = jax.random.uniform(key, (n_candidates,)) * mass_n.sum()
        row_c = jnp.minimum(jnp.searchsorted(jnp.cumsum(mass_n), draw_c, side="right"), n - 1)
        left_cn = jnp.minimum(nearest_n[None], squared_distances(x_nd[row_c], x_nd))
        best = jnp.argmin(jax.vmap(weighted)(left_cn).sum(1))
        return left_cn[best], x_nd[row_c[best]]

    nearest_n = squared_distances(x_nd, first_d[None])[:, 0]
    _, others = lax.scan(add, nearest_n, jax.random.split(key, n_units - 1))
    return jnp.concatenate([first_d[None], others])


def winner_sums(x_bd: Array, weight_b: Array, winner_b: Array, n_units: int) -> Array:
    """The weighted sum of the rows that each unit won and, last, their weight [k, d + 1]."""
    won_bk = jax.nn.one_hot(winner_b, n_units) * weight_b[:, None]
    one_b = jnp.ones((x_bd.shape[0], 1), x_bd.dtype)
    return exact_product(won_bk.T, jnp.concatenate([x_bd, one_b], 1))


def unit_means(units_kd: Array, sums_ke: Array) -> Array:
    """The means of `winner_sums` sums; a unit that won nothing stays."""
    weight_k = sums_ke[:, -1:]
    return jnp.where(weight_k > 0, sums_ke[:, :-1] / jnp.where(weight_k > 0, weight_k, 1), units_kd)
