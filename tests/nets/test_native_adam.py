"""Adam's steps by the compiled kernel against its formula in float64."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nets.base import Tree
from nets.kernels import library
from nets.kernels.adam import AdamScalars, AdamState, native_adam, suits
from nets.kernels.dense_choice import nets_side_by_side
from tests.marks import needs_kernels
from tests.nets.test_native_bits import run_python

TOLERANCE = 2e-6  # of an array's largest value
SHAPES = {"kernel": (64, 17), "bias": (17,), "one": (), "few": (3, 5), "none": (0, 4)}
RATES = (0.9, 0.999, 1e-7, -0.01)
MEMBERS = 5
MANY = 20  # members, of more numbers than one thread takes alone


def draw(seed: int, *members: int, least: float = -1.0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        name: random.uniform(least, 1, (*members, *shape)).astype(np.float32)
        for name, shape in SHAPES.items()
    }


def state_of(*members: int) -> AdamState:
    return AdamState(draw(1, *members), draw(2, *members), draw(3, *members, least=0.0))


def by_hand(rates: tuple[float, ...], gradient: Tree, before: AdamState) -> list[np.ndarray]:
    """Weight, mean and square of one parameter."""
    beta1, beta2, epsilon, scale = rates
    g, w, m, v = (np.asarray(array, np.float64) for array in (gradient, *before))
    m = (1 - beta1) * g + beta1 * m
    v = (1 - beta2) * g**2 + beta2 * v
    return [w + scale * m / (np.sqrt(v) + epsilon), m, v]


def check(found: AdamState, rates: tuple[float, ...], gradients: Tree, before: AdamState) -> None:
    for name in SHAPES:
        own = AdamState(*(tree[name] for tree in before))
        for ours, truth in zip(found, by_hand(rates, gradients[name], own), strict=True):
            largest = np.abs(truth).max(initial=1e-30)
            np.testing.assert_allclose(ours[name], truth, rtol=0, atol=TOLERANCE * largest)


@needs_kernels()
def test_a_step_is_that_of_the_formula() -> None:
    assert library.is_native()
    gradients, before = draw(0), state_of()
    check(jax.jit(native_adam)(AdamScalars(*RATES), gradients, before), RATES, gradients, before)


@needs_kernels()
def test_members_have_rates_of_their_own_or_one_for_all() -> None:
    assert library.is_native()
    gradients, before = draw(0, MEMBERS), state_of(MEMBERS)
    scale_k = np.linspace(-1, 1, MEMBERS).astype(np.float32)

    def step(scale: jax.Array, gradients: Tree, before: AdamState) -> AdamState:
        return native_adam(AdamScalars(*RATES[:3], scale), gradients, before)

    own = jax.jit(jax.vmap(step))(scale_k, gradients, before)
    shared = jax.jit(jax.vmap(step, (None, 0, 0)))(jnp.float32(RATES[3]), gradients, before)
    for found, scales in ((own, scale_k), (shared, [RATES[3]] * MEMBERS)):
        for k, scale in enumerate(scales):
            of_member = jax.tree.map(lambda array, k=k: array[k], (found, gradients, before))
            check(of_member[0], (*RATES[:3], float(scale)), *of_member[1:])


@needs_kernels()
def test_what_is_read_after_a_step_is_as_it_was_before() -> None:
    assert library.is_native()
    gradients, before = draw(0), state_of()

    def step(gradients: Tree, before: AdamState) -> tuple[AdamState, AdamState]:
        after = native_adam(AdamScalars(*RATES), gradients, before)
        return after, jax.tree.map(lambda old, new: 2 * old + 0 * new, before, after)

    doubled = jax.jit(step)(gradients, before)[1]
    jax.tree.map(lambda old, twice: np.testing.assert_array_equal(2 * old, twice), before, doubled)


def digest() -> str:
    """The bits of a step of so many members that threads share them."""
    assert library.is_native()

    def step(gradients: Tree, before: AdamState) -> AdamState:
        return native_adam(AdamScalars(*RATES), gradients, before)

    found = hashlib.sha256()
    for leaf in jax.tree.leaves(jax.jit(jax.vmap(step))(draw(0, MANY), state_of(MANY))):
        found.update(np.asarray(leaf).tobytes())
    return found.hexdigest()


@needs_kernels()
@pytest.mark.slow
def test_bits_are_those_of_every_number_of_threads() -> None:
    program = "import tests.nets.test_native_adam as t; print(t.digest())"
    printed = {tuple(run_python(["-c", program], NPROC=str(n))) for n in (1, 2, 3)}
    assert printed == {(digest(),)}


@needs_kernels()
def test_the_kernel_refuses_arrays_of_different_sizes() -> None:
    asked = [jax.ShapeDtypeStruct((4,), jnp.float32)] * 3
    call = jax.ffi.ffi_call("denseq_adam", asked)
    numbers = jnp.zeros(4)
    assert library.is_native()
    for given in ((jnp.zeros(3), *[numbers] * 3), (*[numbers] * 3, jnp.zeros(5))):
        with pytest.raises(jax.errors.JaxRuntimeError, match="does not fit the others"):
            jax.block_until_ready(call(jnp.zeros(6), *given))
    with pytest.raises(jax.errors.JaxRuntimeError, match="rates of adam are six"):
        jax.block_until_ready(call(jnp.zeros(5), *[numbers] * 4))
    with pytest.raises(jax.errors.JaxRuntimeError, match="does not fit the parameters"):
        jax.block_until_ready(call(jnp.zeros(6), *[numbers] * 5))


@needs_kernels()
@pytest.mark.parametrize(
    ("are_together", "dtype", "is_at_hand", "wanted"),
    [
        (True, jnp.float32, True, True),
        (False, jnp.float32, True, False),
        (True, jnp.bfloat16, True, False),
        (True, jnp.float32, False, False),
    ],
)
def test_it_is_for_float32_of_nets_side_by_side_where_it_was_made(
    are_together: bool,
    dtype: jnp.dtype,
    is_at_hand: bool,
    wanted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert library.is_native()
    if not is_at_hand:
        monkeypatch.setattr(library, "is_at_hand", lambda: False)
    with nets_side_by_side() if are_together else nullcontext():
        assert suits({"a": jnp.zeros(3), "b": jnp.zeros(3, dtype)}) is wanted
        assert suits({}) is False
