"""Keys folded by the compiled kernel against jax's own."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from nets.kernels import library
from nets.kernels.keys import quick_key
from tests.marks import needs_kernels


class _Draws(nn.Module):
    @nn.compact
    def __call__(self) -> jax.Array:
        return jax.random.normal(jax.random.fold_in(self.make_rng("dropout"), 3), (7,))


@needs_kernels()
@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_keys_are_those_of_jax(seed: int) -> None:
    assert library.is_native()
    words = np.asarray([0, 1, 77, 2**31, 2**32 - 1], np.uint32)

    def folded(key: jax.Array) -> jax.Array:
        twice = [jax.random.fold_in(jax.random.fold_in(key, word), 5) for word in words]
        return jnp.stack([jax.random.key_data(key) for key in twice])

    run = jax.jit(lambda key: folded(quick_key(key)))
    key = jax.random.key(seed)
    assert "denseq_fold_in" in run.lower(key).as_text()
    np.testing.assert_array_equal(run(key), folded(key))


@needs_kernels()
def test_what_is_drawn_and_split_is_that_of_jax() -> None:
    assert library.is_native()

    def drawn(key: jax.Array) -> jax.Array:
        first, second = jax.random.split(key)
        within = _Draws().apply({}, rngs={"dropout": first})
        return jnp.stack([jnp.asarray(within), jax.random.uniform(second, (7,))])

    key = jax.random.key(4)
    made = jax.jit(lambda key: drawn(quick_key(key)))(key)
    np.testing.assert_array_equal(made, jax.jit(drawn)(key))


@needs_kernels()
def test_members_have_keys_and_words_of_their_own() -> None:
    assert library.is_native()
    keys = jax.random.split(jax.random.key(0), (3, 2))
    steps = jnp.arange(3)

    def folded(key: jax.Array, step: jax.Array) -> jax.Array:
        return jax.random.key_data(jax.random.fold_in(key, step))

    def over_members(fold) -> jax.Array:
        return jax.jit(jax.vmap(jax.vmap(fold, (0, None))))(keys, steps)

    made = over_members(lambda key, step: folded(quick_key(key), step))
    np.testing.assert_array_equal(made, over_members(folded))


def test_without_a_kernel_and_of_another_kind_a_key_is_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = jax.random.key(0, impl="rbg")
    assert quick_key(other) is other
    monkeypatch.setattr(library, "is_at_hand", lambda: False)
    key = jax.random.key(0)
    assert quick_key(key) is key
