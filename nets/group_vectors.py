"""A learned vector of each group of a series. b windows, g groups, e numbers of a vector."""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp

from nets.base import Array

START = 0.1  # deviation of vectors that have not learned


class GroupVectors(nn.Module):
    """Numbers of groups [b] -> vectors [b, e]; that of a group it did not learn is their mean."""

    n_groups: int
    size: int

    @nn.compact
    def __call__(self, series_b: Array) -> Array:
        held = self.get_variable("params", "vector")
        # Of a net that goes on with further groups, those that it began with.
        n_groups = self.n_groups if held is None else held.shape[0]
        start = nn.initializers.normal(START)
        vector_ge = self.param("vector", start, (n_groups, self.size))
        is_known_b1 = ((series_b >= 0) & (series_b < n_groups))[:, None]
        own_be = vector_ge[jnp.clip(series_b, 0, n_groups - 1)]
        return jnp.where(is_known_b1, own_be, vector_ge.mean(0)[None])
