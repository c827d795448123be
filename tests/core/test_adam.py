"""Nadam's momentum beyond the updates that its products are kept for."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from train.core.adam import MOMENTUM_FACTOR, scale_by_nadam


def test_nadams_momentum_has_risen_after_a_thousand_updates() -> None:
    np.testing.assert_allclose(MOMENTUM_FACTOR[-1], 1, rtol=1e-15)
    optimizer = scale_by_nadam(0.9, 0.5, 0.0)
    state = optimizer.init(jnp.zeros(1))._replace(count=jnp.int32(5000), mu=jnp.ones(1))
    direction, _ = optimizer.update(jnp.ones(1), state._replace(nu=jnp.ones(1)))
    np.testing.assert_allclose(direction, [1], rtol=1e-6)
