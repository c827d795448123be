"""Quantiles that cannot cross: each lies at a distance of its own from the one next to the median.

b rows, o outputs, p = q - 1 distances, q levels.
"""

from __future__ import annotations

from statistics import NormalDist

import jax.numpy as jnp
from jax import lax

from nets.base import Array


def around_median(median_bo: Array, spread_bop: Array, levels: tuple[float, ...]) -> Array:
    """Quantiles [b, o, q] at levels, of which .5 is one, by positive numbers for their distances.

    Each quantile lies further from the median than the one before it, by its number times the
    distance of the two in a standard normal distribution.
    """
    normal = [NormalDist().inv_cdf(level) for level in levels]
    median = levels.index(0.5)
    values = {median: median_bo}
    # Added one by one, not by cumsum: only a running sum is sure to grow in float32 too.
    for i in range(median + 1, len(normal)):
        values[i] = values[i - 1] + spread_bop[..., i - 1] * (normal[i] - normal[i - 1])
    for i in reversed(range(median)):
        values[i] = values[i + 1] - spread_bop[..., i] * (normal[i + 1] - normal[i])
    return jnp.stack([values[i] for i in range(len(normal))], axis=-1)


def in_order(quantiles_boq: Array, median: int) -> Array:
    """Quantiles none of which passes the next one towards the median, not by a rounding either.

    A compiler may compute a sum twice and round it in two ways; the barrier has each computed once.
    """
    quantiles_boq = lax.optimization_barrier(quantiles_boq)
    values = [quantiles_boq[..., i] for i in range(quantiles_boq.shape[-1])]
    for i in range(median + 1, len(values)):
        values[i] = jnp.maximum(values[i], values[i - 1])
    for i in reversed(range(median)):
        values[i] = jnp.minimum(values[i], values[i + 1])
    return jnp.stack(values, axis=-1)
