"""The recurrence against a float64 loop over each row's own steps, and its derivatives.

Derivatives are held against finite differences.
"""

from __future__ import annotations

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads
from marks import slow

from nets.recurrence import Carry, lstm
from nets.recurrence_scan import LayerInputs, scanned_layer

T = 5
B = 4
F = 3
H = 2
LENGTHS = np.array([5, 0, 1, 4], np.int32)


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def loop(
    given: dict, lengths: np.ndarray, reverse: tuple[bool, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outputs [b, t, d, h] and final h and c [d, b, h], by a loop that never touches padding."""
    x, kernel, recurrent, bias, (h0, c0), mask = given.values()
    outputs = np.zeros((x.shape[0], x.shape[1], len(reverse), h0.shape[-1]))
    last_h = h0.copy()
    last_c = c0.copy()
    for d, backwards in enumerate(reverse):
        for b, length in enumerate(lengths):
            h = h0[d, b]
            c = c0[d, b]
            for t in reversed(range(length)) if backwards else range(length):
                i, f, n, o = np.split(
                    x[b, t] @ kernel[d] + (h * mask[d, b]) @ recurrent[d] + bias[d], 4
                )
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(n)
                h = sigmoid(o) * np.tanh(c)
                outputs[b, t, d] = h
            last_h[d, b] = h
            last_c[d, b] = c
    return outputs, last_h, last_c


def arguments(n_directions: int, seed: int = 0, n_rows: int = B) -> dict:
    rng = np.random.default_rng(seed)
    d = n_directions
    return {
        "x": rng.normal(size=(n_rows, T, F)),
        "kernel": rng.normal(size=(d, F, 4 * H)),
        "recurrent": rng.normal(size=(d, H, 4 * H)) * 0.7,
        "bias": rng.normal(size=(d, 4 * H)),
        "carry": tuple(rng.normal(size=(d, n_rows, H)) for _ in range(2)),
        "mask": rng.integers(0, 2, size=(d, n_rows, H)) * 2.0,
    }


def run(
    given: dict,
    lengths: np.ndarray | jax.Array | None,
    reverse: tuple[bool, ...],
    forward_mode: bool = False,
) -> tuple[jax.Array, Carry]:
    weights = (given["kernel"], given["recurrent"], given["bias"], given["carry"])
    return lstm(
        given["x"], *weights, lengths, given["mask"], reverse=reverse, forward_mode=forward_mode
    )


def narrow(tree: object, dtype: type = jnp.float32) -> dict:
    return jax.tree.map(lambda value: np.asarray(value, dtype), tree)


def loss(
    given: dict,
    lengths: jax.Array | None,
    reverse: tuple[bool, ...],
    forward_mode: bool = False,
) -> jax.Array:
    """Of all that the core returns, each number with its own weight."""
    parts = jax.tree.leaves(run(given, lengths, reverse, forward_mode))
    return sum(
        (jnp.sum(p * jnp.cos(jnp.arange(p.size, dtype=p.dtype)).reshape(p.shape)) for p in parts),
        jnp.zeros(()),
    )


run_jitted = jax.jit(run, static_argnums=2)


# More rows than inputs, and fewer: the two places of the projection.
@pytest.mark.parametrize("lengths", [LENGTHS, LENGTHS[:2], None])
@pytest.mark.parametrize("reverse", [(False,), (True,), (False, True)])
def test_core_equals_a_float64_loop(reverse: tuple[bool, ...], lengths: np.ndarray | None) -> None:
    lengths_b = np.full(B, T) if lengths is None else lengths
    given = arguments(len(reverse), n_rows=len(lengths_b))
    outputs, (h, c) = run_jitted(narrow(given), lengths, reverse)
    # Differentiated, the core takes another path to the same numbers.
    (kept, (kept_h, kept_c)), _ = jax.vjp(
        lambda given: run_jitted(given, lengths, reverse), narrow(given)
    )
    expected = loop(given, lengths_b, reverse)
    for ours, path, truth in zip((outputs, h, c), (kept, kept_h, kept_c), expected, strict=True):
        np.testing.assert_allclose(ours, truth, atol=1e-5, rtol=0)
        np.testing.assert_allclose(path, truth, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("reverse", "lengths", "order"),
    [
        ((False, True), LENGTHS, 1),
        *slow(((True,), LENGTHS, 2), ((False, True), None, 1)),
    ],
)
def test_derivatives_equal_finite_differences(
    reverse: tuple[bool, ...], lengths: np.ndarray | None, order: int
) -> None:
    with jax.enable_x64(True):
        given = narrow(arguments(len(reverse)), jnp.float64)
        function = jax.jit(partial(loss, lengths=lengths, reverse=reverse))
        check_grads(function, (given,), order, modes=["rev"], atol=1e-5, rtol=1e-5)


def test_float32_gradients_equal_float64_ones() -> None:
    given = arguments(2)
    gradient = jax.jit(partial(jax.grad(loss), reverse=(False, True)))
    with jax.enable_x64(True):
        truth = jax.tree.map(np.asarray, gradient(narrow(given, jnp.float64), LENGTHS))
    ours = gradient(narrow(given), LENGTHS)
    for mine, exact in zip(jax.tree.leaves(ours), jax.tree.leaves(truth), strict=True):
        assert mine.dtype == jnp.float32 and exact.dtype == np.float64
        np.testing.assert_allclose(mine, exact, atol=1e-5 * max(1, np.abs(exact).max()), rtol=0)


def test_forward_mode_is_refused() -> None:
    given = narrow(arguments(1))
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(lambda given: run(given, None, (False,))[0], (given,), (given,))


@pytest.mark.slow
@pytest.mark.parametrize("reverse", [(False,), (False, True)])
def test_forward_mode_by_request(reverse: tuple[bool, ...]) -> None:
    """Along one line: the slope and the curve of central differences in float64."""
    with jax.enable_x64(True):
        given = narrow(arguments(len(reverse)), jnp.float64)
        along = jax.tree.map(lambda array: jnp.cos(jnp.arange(array.size)), given)
        along = jax.tree.map(lambda line, array: line.reshape(array.shape), along, given)

        def at(step: jax.Array) -> jax.Array:
            moved = jax.tree.map(lambda array, line: array + step * line, given, along)
            return loss(moved, LENGTHS, reverse, forward_mode=True)

        slope, curve = jax.jit(lambda s: (jax.jacfwd(at)(s), jax.hessian(at)(s)))(0.0)
        small = 1e-4
        below, here, above = (float(at(step)) for step in (-small, 0.0, small))
        np.testing.assert_allclose(slope, (above - below) / (2 * small), rtol=1e-5)
        np.testing.assert_allclose(curve, (above - 2 * here + below) / small**2, rtol=1e-4)


def test_inputs_that_are_not_floating_are_refused() -> None:
    given = narrow(arguments(1)) | {"x": jnp.zeros((B, T, F), jnp.int32)}
    with pytest.raises(TypeError, match="floating-point numbers, not int32"):
        run(given, None, (False,))


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        (
            "kernel",
            (1, F + 1, 4 * H),
            r"kernel_dfg has the shape \(1, 4, 8\), expected \(1, 3, 8\)",
        ),
        (
            "recurrent",
            (1, H, 4 * H + 4),
            r"recurrent_dhg has the shape \(1, 2, 12\), expected \(1, 2, 8\)",
        ),
        ("bias", (2, 4 * H), r"bias_dg has the shape \(2, 8\), expected \(1, 8\)"),
        (
            "mask",
            (1, B, H + 1),
            r"recurrent_mask_dbh has the shape \(1, 4, 3\), expected \(1, 4, 2\)",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_named(name: str, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(narrow(arguments(1)) | {name: jnp.zeros(shape)}, None, (False,))


def test_lengths_of_other_rows_are_named() -> None:
    with pytest.raises(ValueError, match=r"lengths_b has the shape \(3,\), expected \(4,\)"):
        run(narrow(arguments(1)), LENGTHS[:3], (False,))


@settings(max_examples=25)
@given(
    lengths=st.lists(st.integers(0, T), min_size=B, max_size=B),
    content=st.floats(-1e30, 1e30),
    extra=st.sampled_from([0, 3]),
)
def test_padding_reaches_neither_answer_nor_gradient(
    lengths: list[int], content: float, extra: int
) -> None:
    reverse = (False, True)
    given = narrow(arguments(2))
    lengths_b = np.array(lengths, np.int32)
    mask_bt1 = (np.arange(T + extra)[None] < lengths_b[:, None])[:, :, None]
    wider_x = np.pad(given["x"], ((0, 0), (0, extra), (0, 0)))
    padded_x = np.where(mask_bt1, wider_x, np.float32(content))
    outputs, carry = jax.device_get(run_jitted(given, lengths_b, reverse))
    padded_outputs, padded_carry = jax.device_get(
        run_jitted(given | {"x": padded_x}, lengths_b, reverse)
    )
    np.testing.assert_allclose(padded_outputs[:, :T], outputs, atol=1e-6, rtol=0)
    assert not np.where(mask_bt1[:, :, None], 0, padded_outputs).any()
    for mine, exact in zip(padded_carry, carry, strict=True):
        np.testing.assert_allclose(mine, exact, atol=1e-6, rtol=0)
    gradient = jax.device_get(gradient_of_outputs(given, lengths_b))
    padded = jax.device_get(gradient_of_outputs(given | {"x": padded_x}, lengths_b))
    assert not np.where(mask_bt1, 0, padded["x"]).any()
    for mine, exact in zip(
        jax.tree.leaves(padded | {"x": padded["x"][:, :T]}), jax.tree.leaves(gradient), strict=True
    ):
        np.testing.assert_allclose(mine, exact, atol=1e-5 * max(1, np.abs(exact).max()), rtol=0)


@jax.jit
@jax.grad
def gradient_of_outputs(given: dict, lengths_b: jax.Array) -> jax.Array:
    """Of a sum that weighs a step the same at every padding width."""
    outputs_btdh, carry = run(given, lengths_b, (False, True))
    weight_t = jnp.cos(jnp.arange(outputs_btdh.shape[1], dtype=jnp.float32))
    return (
        jnp.sum(outputs_btdh * weight_t[None, :, None, None])
        + jnp.sum(carry.h_dbh)
        + 2 * jnp.sum(carry.c_dbh)
    )


@settings(max_examples=25)
@given(lengths=st.lists(st.integers(0, T), min_size=B, max_size=B), row=st.integers(0, B - 1))
def test_a_row_alone_and_in_a_batch_agree(lengths: list[int], row: int) -> None:
    reverse = (False, True)
    given = narrow(arguments(2))
    lengths_b = np.array(lengths, np.int32)
    alone = jax.tree.map(lambda value: value, given)
    alone["x"] = given["x"][row : row + 1]
    alone["mask"] = given["mask"][:, row : row + 1]
    alone["carry"] = tuple(part[:, row : row + 1] for part in given["carry"])
    outputs, carry = jax.device_get(run_jitted(given, lengths_b, reverse))
    row_outputs, row_carry = jax.device_get(run_jitted(alone, lengths_b[row : row + 1], reverse))
    np.testing.assert_allclose(row_outputs[0], outputs[row], atol=1e-6, rtol=0)
    for mine, all_rows in zip(row_carry, carry, strict=True):
        np.testing.assert_allclose(mine[:, 0], all_rows[:, row], atol=1e-6, rtol=0)


def test_length_zero_passes_the_carry_and_gives_weights_no_gradient() -> None:
    given = narrow(arguments(2))
    lengths_b = np.zeros(B, np.int32)
    outputs, carry = jax.device_get(run_jitted(given, lengths_b, (False, True)))
    assert not outputs.any()
    np.testing.assert_array_equal(carry.h_dbh, given["carry"][0])
    np.testing.assert_array_equal(carry.c_dbh, given["carry"][1])
    gradient = jax.device_get(gradient_of_outputs(given, lengths_b))
    assert all(not gradient[name].any() for name in ("x", "kernel", "recurrent", "bias", "mask"))
    np.testing.assert_array_equal(gradient["carry"][0], np.ones((2, B, H)))
    np.testing.assert_array_equal(gradient["carry"][1], np.full((2, B, H), 2.0))


def test_bfloat16_inputs_keep_a_float32_carry() -> None:
    # Every step adds 2^-9 to c, which bfloat16's eight bits lose beyond c = 1/2.
    size = 1
    n_steps = 600
    bias_dg = jnp.array([[30.0, 30.0, np.arctanh(2**-9), 30.0]], jnp.bfloat16)
    x_btf = jnp.zeros((1, n_steps, 1), jnp.bfloat16)
    zeros_d1g = jnp.zeros((1, 1, 4 * size), jnp.bfloat16)
    outputs, carry = lstm(x_btf, zeros_d1g, zeros_d1g, bias_dg, reverse=(False,))
    assert outputs.dtype == jnp.bfloat16 and carry.c_dbh.dtype == jnp.float32
    np.testing.assert_allclose(carry.c_dbh, n_steps * 2**-9, rtol=5e-3)


def test_vmapped_members_equal_members_one_by_one() -> None:
    members = [narrow(arguments(2, seed)) for seed in range(3)]
    stacked = jax.tree.map(lambda *parts: np.stack(parts), *members)
    gradient = partial(jax.grad(loss), lengths=LENGTHS, reverse=(False, True))
    together = jax.device_get(jax.jit(jax.vmap(gradient))(stacked))
    alone_of = jax.jit(gradient)
    for k, member in enumerate(members):
        for mine, alone in zip(
            jax.tree.leaves(together), jax.tree.leaves(alone_of(member)), strict=True
        ):
            np.testing.assert_allclose(mine[k], alone, atol=1e-5, rtol=1e-5)


def test_descent_inside_a_scan_equals_descent_step_by_step() -> None:
    gradient = partial(jax.grad(loss), lengths=LENGTHS, reverse=(False, True))

    def step(given: dict, _: None) -> tuple[dict, None]:
        return jax.tree.map(lambda value, slope: value - 0.01 * slope, given, gradient(given)), None

    start = narrow(arguments(2))
    scanned, _ = jax.jit(lambda given: jax.lax.scan(step, given, None, length=3))(start)
    stepped = start
    step_once = jax.jit(step)
    for _ in range(3):
        stepped, _ = step_once(stepped, None)
    for mine, other in zip(jax.tree.leaves(scanned), jax.tree.leaves(stepped), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="reads what XLA made for a CPU")
@pytest.mark.parametrize(
    ("lengths", "n_members"), [(LENGTHS, None), *slow((LENGTHS, 2), (None, None), (None, 2))]
)
def test_the_training_buffer_is_updated_in_place(
    lengths: np.ndarray | None, n_members: int | None
) -> None:
    def scanned_loss(given: dict) -> jax.Array:
        weights = given["kernel"], given["recurrent"], given["bias"]
        parts = scanned_layer(
            (False, True),
            LayerInputs(given["x"], *weights, *given["carry"], lengths, given["mask"]),
        )
        return sum((jnp.sum(jnp.sin(part)) for part in parts), jnp.zeros(()))

    given = narrow(arguments(2))
    gradient = jax.grad(scanned_loss)
    if n_members:
        given = jax.tree.map(lambda value: jnp.stack([value] * n_members), given)
        gradient = jax.vmap(gradient)
    program = jax.jit(gradient).lower(given).compile().as_text()
    shape = rf"f32\[(?:{n_members},)?{T},(?:{n_members},)?{B},{4 * H}\]"
    assert re.search(shape, program), "the buffer is not where this test looks for it"
    assert not re.findall(rf"{shape}\S* copy\(", program)
