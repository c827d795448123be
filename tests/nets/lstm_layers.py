"""Layers of an LSTM, by the compiled core and by the scans, and how near these must be."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from nets.kernels.lstm import native_layer
from nets.recurrence_scan import Answer, LayerInputs, scanned_layer

MOST = (40, 24, 66, 66)  # rows, steps, inputs, hidden units
TOLERANCE = 2e-6  # of an array's largest value, or of what it would be had nothing cancelled
TERM = 0.25  # of a sum, about which nothing else is known: a pull of 1 by the steepest slope
Sizes = tuple[int, int, int, int]
REVERSE = (False, True)
SMALL = (5, 6, 3, 20)


def make_layer(
    sizes: Sizes, reverse: tuple[bool, ...], seed: int = 0, masked: bool = True
) -> LayerInputs:
    """Inputs of a layer, with weights that keep its gates from saturating.

    Inputs are about 1; a third of all rows have every step.
    """
    (b, t, f, h) = sizes
    d = len(reverse)
    rng = np.random.default_rng(seed)
    carry = (d, b, h)
    shapes = ((b, t, f), (d, f, 4 * h), (d, h, 4 * h), (d, 4 * h), carry, carry)
    scales = (1.0, 1 / (f**0.5), 1 / (h**0.5), 0.5, 1.0, 1.0)
    arrays = [
        np.float32(scale * rng.normal(size=shape))
        for shape, scale in zip(shapes, scales, strict=True)
    ]
    lengths = np.minimum(rng.integers(0, t + t // 2 + 1, size=b), t).astype(np.int32)
    mask = rng.integers(0, 2, size=carry).astype(np.float32) * 2 if masked else None
    return LayerInputs(
        *map(jnp.asarray, arrays), jnp.asarray(lengths), None if mask is None else jnp.asarray(mask)
    )


def make_pulls(sizes: Sizes, reverse: tuple[bool, ...]) -> Answer:
    (b, t, _, h) = sizes
    d = len(reverse)
    rng = np.random.default_rng(1)
    shapes = ((b, t, d, h), (d, b, h), (d, b, h))
    return tuple(jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes)  # type: ignore[return-value]


def both(
    function, reverse: tuple[bool, ...], layer: LayerInputs, pulls: Answer
) -> tuple[Answer, LayerInputs]:
    """The answer, and the gradient of all but the lengths."""
    answer, pull = jax.vjp(
        lambda given: function(reverse, given._replace(lengths_b=layer.lengths_b)),
        layer._replace(lengths_b=None),
    )
    return answer, pull(pulls)[0]


native_both = jax.jit(partial(both, native_layer), static_argnums=0)
scanned_both = jax.jit(partial(both, scanned_layer), static_argnums=0)
native = jax.jit(native_layer, static_argnums=0)


def widened(array: jax.Array | None, shape: tuple[int, ...], gates: int = 1) -> np.ndarray | None:
    """An array with zeros around it, in float64, to this shape.

    Each of the gates that stand together in the last axis is widened by itself.
    """
    if array is None:
        return None
    split = np.asarray(array, np.float64).reshape(*array.shape[:-1], gates, -1)
    wide = np.zeros((*shape[:-1], gates, shape[-1] // gates))
    wide[tuple(slice(n) for n in split.shape)] = split
    return wide.reshape(shape)


def exact(
    reverse: tuple[bool, ...], layer: LayerInputs, pulls: Answer
) -> tuple[Answer, LayerInputs]:
    """What `both` gives of the scans, in float64.

    All sizes are made those of MOST, which changes nothing and compiles once.
    """
    (b, t, f, h) = MOST
    d = len(reverse)
    (n_rows, n_steps, _) = layer.x_btf.shape
    size = layer.h_dbh.shape[-1]
    carry = (d, b, h)
    shapes = ((b, t, f), (d, f, 4 * h), (d, h, 4 * h), (d, 4 * h), carry, carry, (b,), carry)
    with jax.enable_x64(True):
        wide = [
            widened(a, s, 4 if i in (1, 2, 3) else 1)
            for i, (a, s) in enumerate(zip(layer, shapes, strict=True))
        ]
        lengths = np.asarray(wide[6], np.int32)
        wide_pulls = tuple(
            widened(p, s) for p, s in zip(pulls, ((b, t, d, h), carry, carry), strict=True)
        )
        answer, gradient = scanned_both(
            reverse, LayerInputs(*wide)._replace(lengths_b=lengths), wide_pulls
        )

    def narrowed(array: jax.Array, like: jax.Array, gates: int = 1) -> np.ndarray:
        split = np.asarray(array).reshape(*array.shape[:-1], gates, -1)
        part = (*like.shape[:-1], gates, like.shape[-1] // gates)
        return split[tuple(slice(n) for n in part)].reshape(like.shape)

    outputs = np.asarray(answer[0])[:n_rows, :n_steps, :, :size]
    carries = (np.asarray(part)[:, :n_rows, :size] for part in answer[1:])
    parts = [
        None if like is None or i == 6 else narrowed(part, like, 4 if i in (1, 2, 3) else 1)
        for i, (part, like) in enumerate(zip(gradient, layer, strict=True))
    ]
    return (outputs, *carries), LayerInputs(*parts)  # type: ignore[return-value]


def assert_close(
    ours: object, truth: object, tolerance: float = TOLERANCE, n_steps: int = 1, n_rows: int = 1
) -> None:
    """Asserts that each array is within a tolerance, relative to its size.

    A gradient sums over steps and rows, and where its terms cancel their errors need not: a
    rounding is carried to all later steps, so that errors add up with the number of steps; those of
    rows, or of gates, are independent of each other and add up with the root of their number.
    """
    assert jax.tree.structure(ours) == jax.tree.structure(truth)
    least = TERM * n_steps * n_rows**0.5
    for (path, mine), other in zip(
        jax.tree.leaves_with_path(ours), jax.tree.leaves(truth), strict=True
    ):
        assert mine.shape == other.shape, path
        atol = tolerance * max(float(np.abs(other).max()), least)
        np.testing.assert_allclose(mine, other, atol=atol, rtol=0, err_msg=str(path))


def loss(function, reverse: tuple[bool, ...], layer: LayerInputs) -> jax.Array:
    """Of all that a layer answers, each number with its own weight."""
    parts = function(reverse, layer)
    return sum(
        (jnp.sum(p * jnp.cos(jnp.arange(p.size, dtype=p.dtype)).reshape(p.shape)) for p in parts),
        jnp.zeros(()),
    )


def members(n: int) -> LayerInputs:
    return jax.tree.map(
        lambda *parts: jnp.stack(parts), *(make_layer(SMALL, REVERSE, seed) for seed in range(n))
    )


def gradient(function, layer: LayerInputs) -> LayerInputs:
    numbers = layer._replace(lengths_b=None)
    return jax.grad(lambda n: loss(function, REVERSE, n._replace(lengths_b=layer.lengths_b)))(
        numbers
    )


scanned = jax.jit(partial(scanned_layer, REVERSE))
scanned_gradient = jax.jit(partial(gradient, scanned_layer))
