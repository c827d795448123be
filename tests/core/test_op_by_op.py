"""Programs of many operations that give the bits of each called alone."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from train.core.op_by_op import op_by_op


def scaled_twice(x_n: jax.Array) -> jax.Array:
    return x_n * np.float32(1.4142135) * np.float32(0.12)


def drawn(key: jax.Array) -> dict[str, jax.Array]:
    """A kernel that is drawn and scaled, a copy of it, and what nothing is drawn for."""
    kernel = jax.random.normal(jax.random.fold_in(key, 1), (40, 30)) * 0.12
    return {"kernel": kernel, "copy": jnp.array(kernel, copy=True), "zeros": jnp.zeros(3)}


def test_bits_are_those_of_operations_called_one_after_the_other():
    x_n = np.random.default_rng(0).normal(size=500).astype(np.float32)
    truth = x_n * np.float32(1.4142135) * np.float32(0.12)
    assert np.array_equal(op_by_op(scaled_twice, x_n), truth)
    assert not np.array_equal(jax.jit(scaled_twice)(x_n), truth)  # else it would be as good


def test_draws_are_those_of_calls_and_stand_in_buffers_of_their_own():
    key = jax.random.key(3)
    made = op_by_op(drawn, key)
    truth = drawn(key)
    assert all(np.array_equal(made[name], truth[name]) for name in truth)
    assert len({array.unsafe_buffer_pointer() for array in made.values()}) == 3
