"""The compiled embeddings of numbers against plain formulas in float64."""

from __future__ import annotations

import hashlib
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nets
from nets.base import Tree
from nets.embeddings import DENSE_FEATURES, Bins, Waves, embed_numbers
from nets.kernels import library
from nets.kernels.embeddings import native_embedding
from tests.marks import needs_kernels
from tests.nets.test_native_bits import run_python

pytestmark = needs_kernels()

TOLERANCE = 2e-6  # of an array's largest value, or of 1
Given = Bins | Waves


def make_bins(
    n_rows: int, n_columns: int, n_edges: int, size: int, seed: int, *, narrow: float = 0.0
) -> Bins:
    """Some edges stand twice, some `narrow` apart; some numbers are edges or beyond all."""
    random = np.random.default_rng(seed)
    edges_fe = np.sort(random.normal(size=(n_columns, n_edges)).astype(np.float32), 1)
    for edges_e in edges_fe[:, : n_edges // 2]:
        edges_e[1::3] = edges_e[: len(edges_e[1::3]) * 3 : 3] + np.float32(narrow)
    edges_fe = np.sort(edges_fe, 1)
    x_bf = 1.5 * random.normal(size=(n_rows, n_columns)).astype(np.float32)
    x_bf[::4] = edges_fe[:, random.integers(n_edges)]
    shapes = ((n_columns, size), (n_columns, size), (n_columns, n_edges - 1, size))
    parts = [jnp.asarray(random.normal(size=shape), jnp.float32) for shape in shapes]
    return Bins(jnp.asarray(x_bf), jnp.asarray(edges_fe), *parts)


def make_waves(n_rows: int, n_columns: int, n_waves: int, seed: int) -> Waves:
    random = np.random.default_rng(seed)
    shapes = (
        (n_rows, n_columns),
        (n_columns, n_waves),
        (n_columns, n_waves),
        (n_columns, n_waves, DENSE_FEATURES),
        (n_columns, DENSE_FEATURES),
    )
    x, frequency, phase, kernel, bias = (
        jnp.asarray(random.normal(size=shape), jnp.float32) for shape in shapes
    )
    return Waves(x, 0.1 * frequency, phase, kernel, bias)


def pull_of(given: Given) -> np.ndarray:
    shape = jax.eval_shape(embed_numbers, given).shape
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def by_formulas(given: Given, pull: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """The features, and the gradients of all parameters."""
    parts = [np.asarray(part, np.float64) for part in given]
    pull = pull.astype(np.float64)
    if isinstance(given, Bins):
        x, edges, kernel, bias, bins = parts
        # Single precision decides what is a width of 0.
        width = np.asarray(np.diff(np.asarray(given.edges_fe), axis=1), np.float64)
        below = x[:, :, None] - edges[None, :, :-1]
        share = np.clip(below / np.maximum(width, 1e-6)[None], 0, 1) * (width > 0)
        is_known = (edges[:, -1] > edges[:, 0])[None, :, None]
        features = x[:, :, None] * kernel + bias + np.einsum("bfe,fek->bfk", share, bins)
        pull = pull * is_known
        grads = [
            np.einsum("bf,bfk->fk", x, pull),
            pull.sum(0),
            np.einsum("bfe,bfk->fek", share, pull),
        ]
        return features * is_known, grads
    x, frequency, phase, kernel, bias = parts
    turn = 2 * np.pi * x[:, :, None]
    angle = turn * frequency + phase
    mapped = np.einsum("bfe,fek->bfk", np.cos(angle), kernel) + bias
    d = pull[:, :, :DENSE_FEATURES]
    rise = -np.sin(angle) * np.einsum("bfk,fek->bfe", d, kernel)
    of_kernel = np.einsum("bfe,bfk->fek", np.cos(angle), d)
    features = np.concatenate([mapped, x[:, :, None]], -1)
    return features, [(rise * turn).sum(0), rise.sum(0), of_kernel, d.sum(0)]


def both(function, given: Given, pull: jax.Array) -> tuple:
    """The features, and the gradient of all parameters."""
    n_fixed = 2 if isinstance(given, Bins) else 1

    def run(parameters: tuple) -> jax.Array:
        return function(type(given)(*given[:n_fixed], *parameters))

    features, back = jax.vjp(run, tuple(given[n_fixed:]))
    return features, back(pull)[0]


native_both = jax.jit(partial(both, native_embedding))
plain_both = jax.jit(partial(both, embed_numbers))


def assert_close(ours: Tree, truth: Tree, tolerance: float = TOLERANCE) -> None:
    for mine, other in zip(jax.tree.leaves(ours), jax.tree.leaves(truth), strict=True):
        assert mine.shape == other.shape
        atol = tolerance * max(float(np.abs(other).max()), 1.0)
        np.testing.assert_allclose(mine, other, atol=atol, rtol=0)


def check(given: Given) -> None:
    """Sums over rows by how large they would be had their terms not cancelled: by the root."""
    pull = pull_of(given)
    features, grads = native_both(given, pull)
    truth, wanted = by_formulas(given, pull)
    assert_close(features, truth)
    assert_close(list(grads), wanted, TOLERANCE * max(1.0, len(pull) ** 0.5 / 4))


# Sizes around a vector's and around the rows that are taken together.
@pytest.mark.parametrize(
    ("n_rows", "n_columns", "n_edges", "size"), [(256, 3, 49, 16), (601, 2, 5, 19), (1, 1, 2, 1)]
)
def test_bins_equal_the_formulas(n_rows: int, n_columns: int, n_edges: int, size: int) -> None:
    check(make_bins(n_rows, n_columns, n_edges, size, 0))


def test_bins_narrower_than_counts_are_full_where_the_formula_says() -> None:
    edges = np.float32([[0, 1e-7, 2e-7, 3e-7, 1, 1, 2]])
    x_bf = np.float32([[0], [2.5e-7], [9e-7], [1.1e-6], [1], [1.5], [2], [-1]])
    given = make_bins(len(x_bf), 1, edges.shape[1], 3, 0)._replace(x_bf=x_bf, edges_fe=edges)
    check(given)


def test_a_column_of_one_edge_gives_zeros() -> None:
    given = make_bins(20, 2, 5, 4, 0)
    given = given._replace(edges_fe=given.edges_fe.at[1].set(0.5))
    check(given)
    assert not np.asarray(native_both(given, pull_of(given))[0])[:, 1].any()


@pytest.mark.parametrize(("n_rows", "n_columns", "n_waves"), [(256, 3, 16), (601, 2, 5), (1, 1, 1)])
def test_waves_equal_the_formulas(n_rows: int, n_columns: int, n_waves: int) -> None:
    check(make_waves(n_rows, n_columns, n_waves, 0))


@pytest.mark.parametrize("angle", [3.0, 900.0, 8000.0, 1e5, 1e9])
def test_waves_are_right_far_out(angle: float) -> None:
    """By the phase, which no product rounds."""
    random = np.random.default_rng(0)
    given = make_waves(40, 1, 7, 0)
    phase = jnp.asarray(random.uniform(-angle, angle, size=(1, 7)), jnp.float32)
    given = given._replace(frequency_fe=0 * given.frequency_fe, phase_fe=phase)
    check(given)
    wrong = native_embedding(given._replace(x_bf=given.x_bf * jnp.nan))
    assert np.isnan(wrong).all(), "a number that is none stays none"


@pytest.mark.slow
@settings(max_examples=25)
@given(
    n_rows=st.integers(1, 700),
    n_columns=st.integers(1, 9),
    n_parts=st.integers(2, 70),
    size=st.integers(1, 40),
    narrow=st.sampled_from([0.0, 3e-7, 1e-3]),
    seed=st.integers(0, 99),
)
def test_all_sizes_equal_the_formulas(
    n_rows: int, n_columns: int, n_parts: int, size: int, narrow: float, seed: int
) -> None:
    check(make_bins(n_rows, n_columns, n_parts, size, seed, narrow=narrow))
    check(make_waves(n_rows, n_columns, n_parts, seed))


MADE: list[Given] = [make_bins(30, 3, 6, 5, 0), make_waves(30, 3, 6, 0)]


@pytest.mark.parametrize("given", MADE, ids=["bins", "waves"])
def test_vmapped_members_equal_members_one_by_one(given: Given) -> None:
    """Members share the rows, which are not copied."""
    others = type(given)(given.x_bf, *(part[::-1] for part in given[1:]))
    if isinstance(given, Bins):
        others = others._replace(edges_fe=given.edges_fe + 0.25)
    stacked = jax.tree.map(lambda *parts: jnp.stack(parts), given, others)
    stacked = stacked._replace(x_bf=given.x_bf)
    axes: Tree = type(given)(*(None if i == 0 else 0 for i in range(len(given))))  # type: ignore[arg-type]
    pull = pull_of(given)
    run = jax.jit(jax.vmap(partial(both, native_embedding), in_axes=(axes, None)))
    lowered = run.lower(stacked, pull)
    assert "tensor<1x30x3xf32>" in lowered.as_text(), "shared rows are not copied"
    answers = run(stacked, pull)
    for k, own in enumerate((given, others)):
        assert_close(jax.tree.map(lambda part, k=k: part[k], answers), plain_both(own, pull))


@pytest.mark.parametrize("given", MADE, ids=["bins", "waves"])
def test_gradients_of_rows_and_second_derivatives_are_those_of_plain_operations(
    given: Given,
) -> None:
    def derivatives(function) -> tuple:
        def of_all(given: Given) -> jax.Array:
            return jnp.square(function(given)).sum()

        def size(parameters: tuple) -> jax.Array:
            own = type(given)(*given[: len(given) - len(parameters)], *parameters)
            features, gradient = both(function, own, pull_of(given))
            leaves = jax.tree.leaves((features, gradient))
            return sum((jnp.square(leaf).sum() for leaf in leaves), jnp.zeros(()))

        return jax.jit(jax.grad(of_all))(given), jax.jit(jax.grad(size))(tuple(given[-3:]))

    assert_close(derivatives(native_embedding), derivatives(embed_numbers), 1e-5)


def table_network(hidden: tuple[int, ...], embedding: str) -> nets.TableNetwork:
    heads = nets.Heads((nets.HeadShape("y", "regression", 1),))
    inputs = nets.Inputs(embedding=embedding)
    return nets.TableNetwork(inputs, nets.Dense(hidden), heads, scaling="none")


@pytest.mark.parametrize(
    ("embedding", "target"),
    [("piecewise_linear_b", "denseq_bins"), ("densely_periodic", "denseq_waves")],
)
def test_a_net_trains_by_the_kernel_and_answers_without(embedding: str, target: str) -> None:
    network = table_network((128, 128), embedding)
    rows = {"numbers": MADE[0].x_bf}
    bounds = {
        "center": jnp.zeros(1),
        "scale": jnp.ones(1),
        "low": jnp.zeros(1),
        "high": jnp.ones(1),
    }
    fitted = {"edges": MADE[0].edges_fe, "fill": jnp.zeros(3)}
    statistics = {"inputs": fitted, "targets": {"y": bounds}}
    variables: Tree = dict(nets.init_variables(network, jax.random.key(0), rows, statistics))
    params = variables.pop("params")
    params = jax.tree.map(lambda part: part + 0.01, params)  # maps of bins begin at 0

    def loss(params: Tree, train: bool) -> jax.Array:
        outputs: Tree = network.apply({"params": params, **variables}, rows, train=train)
        return jnp.square(outputs["y"]).sum()

    steps = jax.jit(jax.grad(partial(loss, train=True)))
    assert f"{target}_backward" in steps.lower(params).as_text()
    assert "denseq_" not in jax.jit(partial(loss, train=False)).lower(params).as_text()
    with library.portable():
        plain = jax.jit(jax.grad(partial(loss, train=True)))
        assert "denseq_" not in plain.lower(params).as_text()
        truth = plain(params)
    assert_close(steps(params), truth, 4e-6)


def test_nets_too_small_for_the_kernel_embed_without() -> None:
    network = table_network((64, 64), "densely_periodic")
    rows = {"numbers": jax.ShapeDtypeStruct((20, 3), jnp.float32)}
    statistics = {"inputs": {"fill": jnp.zeros(3)}, "targets": {"y": {}}}
    init = partial(nets.init_variables, network, jax.random.key(0))
    variables = jax.eval_shape(init, rows, statistics)
    run = jax.jit(partial(network.apply, train=True))
    assert "denseq_" not in run.lower(variables, rows).as_text()


def digest() -> str:
    """The bits of features and gradients."""
    found = hashlib.sha256()
    for numbers in (make_bins(700, 9, 49, 16, 0), make_waves(700, 9, 16, 0)):
        for leaf in jax.tree.leaves(native_both(numbers, pull_of(numbers))):
            found.update(np.asarray(leaf).tobytes())
    return found.hexdigest()


@pytest.mark.slow
def test_bits_are_those_of_every_number_of_threads() -> None:
    program = "import tests.nets.test_native_embeddings as t; print(t.digest())"
    printed = {tuple(run_python(["-c", program], NPROC=str(n))) for n in (1, 2, 3)}
    assert printed == {(digest(),)}
