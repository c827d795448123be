"""Whole networks for rows of a table by the compiled kernel, against the networks themselves."""

from __future__ import annotations

import ctypes

import jax
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import nets
from nets.base import Tree, Variables
from nets.kernels import dense, library
from nets.kernels.table_structures import Memory
from nets.kernels.tables import NativeTable, suits
from nets.table import TableNetwork
from tests.marks import needs_kernels
from tests.nets.test_native_bits import run_python
from tests.small_nets import drawn

pytestmark = needs_kernels()

TOLERANCE = 2e-6  # of an answer's largest value
NUMBERS = nets.HeadShape("y", "regression", 2)
HEADS = (nets.HeadShape("is it", "binary", 1), nets.HeadShape("kind", "multiclass", 5))
SIZES = (2, 4, 9)  # of categories: as signs, one-hot, as vectors
N_NUMBERS = 3
ONE_OUTPUT = nets.Heads(tuple(head for head in HEADS if head.kind == "binary"))


def make_network(
    embedding: str = "none",
    scaling: str = "standard",
    hidden: tuple[int, ...] = (20, 17),
    activation: str = "mish",
    form: str = "ntk",
    *,
    numbers: bool = True,
    codes: bool = True,
    line: bool = False,
    clip: bool = False,
    floors: tuple[float, ...] = (),
) -> TableNetwork:
    """A network whose numbers and categories, and heads, are of all kinds."""
    return TableNetwork(
        nets.Inputs(
            SIZES if codes else (),
            one_hot=5,
            embedding=embedding if numbers else "none",
            embedding_size=6,
            input_scale=True,
        ),
        nets.Dense(hidden, activation, parametrization=form, activation_slope=form == "ntk"),
        nets.Heads((NUMBERS._replace(floors=floors), *HEADS), parametrization=form),
        scaling=scaling,
        missing_columns=(0, 2) if numbers else (),
        clip_outputs=clip,
        linear_start=line,
    )


def make_rows(n: int, network: TableNetwork, seed: int = 0) -> dict[str, np.ndarray]:
    """Encoded rows, with missing numbers, and unseen categories among them."""
    random = np.random.default_rng(seed)
    rows: dict[str, np.ndarray] = {}
    if network.missing_columns:
        rows["numbers"] = random.normal(size=(n, N_NUMBERS)).astype(np.float32)
        rows["numbers"][random.uniform(size=(n, N_NUMBERS)) < 0.1] = np.nan
    if network.inputs.category_sizes:
        rows["codes"] = random.integers(0, np.array(SIZES) + 1, (n, 3)).astype(np.int32)
    return rows


def make_variables(network: TableNetwork, seed: int = 0) -> Variables:
    """Parameters about 1, and statistics whose edges and knots may stand upon each other."""
    random = np.random.default_rng(seed)
    edges_fq = np.sort(random.normal(size=(N_NUMBERS, 8)), 1)
    edges_fq[0, 3], edges_fq[1] = edges_fq[0, 4], 0.5
    inputs: dict[str, Tree] = {}
    if network.missing_columns:
        inputs |= {
            "fill": random.normal(size=N_NUMBERS),
            "center": random.normal(size=N_NUMBERS),
            "scale": random.uniform(0.5, 2, N_NUMBERS),
            "knots": np.sort(random.normal(size=(N_NUMBERS, 50)) * 3, 1),
            "edges": edges_fq,
        }
    if network.inputs.category_sizes:
        inputs["seen"] = random.integers(0, 2, (len(SIZES), max(SIZES) + 1))
    if network.linear_start:
        outputs = 2 + sum(head.size for head in HEADS)
        inputs["line"] = {
            "bias": random.normal(size=outputs),
            "numbers": random.normal(size=(N_NUMBERS, outputs)),
            "missing": random.normal(size=(2, outputs)),
            "codes": random.normal(size=(len(SIZES), max(SIZES) + 1, outputs)),
        }
    bounds = {"low": np.array([-1.0, -2.0]), "high": np.array([1.5, 2.0])}
    targets = {
        "y": {"center": random.normal(size=2), "scale": random.uniform(0.5, 2, 2), **bounds},
        "is it": {"temperature": np.float32(1.7)},
        "kind": {},
    }
    statistics = jax.tree.map(np.float32, {"inputs": inputs, "targets": targets})
    rows = make_rows(2, network)
    columns = network.apply({"statistics": statistics}, rows, method="preprocess")
    given = {"statistics": statistics}
    scale = 0.7 if network.body.parametrization == "ntk" else 0.15
    return {**drawn(network, columns, given=given, scale=scale, train=False), **given}


def answers_of(network: TableNetwork, variables: Variables, rows: dict[str, np.ndarray]) -> Tree:
    predict = jax.jit(lambda variables, rows: network.apply(variables, rows, method="predict"))
    return jax.tree.map(np.asarray, predict(variables, rows))


def truth_of(network: TableNetwork, variables: Variables, rows: dict[str, np.ndarray]) -> Tree:
    """The network's own answers, in float64; of quantiles in float32, on which their tails hang."""
    if network.scaling == "quantile":
        return answers_of(network, variables, rows)

    def double(array: np.ndarray) -> np.ndarray:
        return array.astype(np.float64) if array.dtype == np.float32 else array

    with jax.enable_x64(True):
        return answers_of(network, *jax.tree.map(double, (dict(variables), rows)))


def assert_right(network: TableNetwork, n_rows: int, tolerance: float = TOLERANCE) -> None:
    """The kernel's answers are the network's, and have the same bits for any of the rows.

    Where float32 itself is further off, the kernel may be off by twice as much as XLA's program:
    wide layers whose weights are not divided by their width make rounding errors grow.
    """
    variables = make_variables(network)
    rows = make_rows(n_rows, network)
    truth = truth_of(network, variables, rows)
    native = NativeTable(network, variables)
    ours = native(rows)
    assert ours.keys() == truth.keys()
    for name, other in truth.items():
        assert ours[name].shape == other.shape and ours[name].dtype == np.float32
        allowed = tolerance * max(float(np.abs(other).max()), 1.0)
        if np.abs(ours[name] - other).max() > allowed:
            single = answers_of(network, variables, rows)[name]
            allowed = 2 * float(np.abs(single - other).max())
        np.testing.assert_allclose(ours[name], other, rtol=0, atol=allowed)
    random = np.random.default_rng(n_rows)
    for first, last in [
        (0, 1),
        (n_rows - 1, n_rows),
        *np.sort(random.integers(0, n_rows + 1, (3, 2))),
    ]:
        some = native({name: array[first:last] for name, array in rows.items()})
        for name in ours:
            np.testing.assert_array_equal(some[name], ours[name][first:last])


@pytest.mark.parametrize(
    ("network", "n_rows"),
    [
        (make_network("piecewise_linear_b", line=True, clip=True, floors=(-0.4, -np.inf)), 101),
        (make_network("densely_periodic", "robust", (65, 130), "selu", "standard"), 7),
        (make_network(numbers=False, hidden=(1,)), 30),
        (make_network("none", "none", codes=False, activation="gelu"), 50),
        # One output, of hidden layers that fill no vector, and some blocks of vectors and more.
        (make_network(hidden=(20, 17)).clone(output=ONE_OUTPUT), 30),
        (make_network(hidden=(65, 150)).clone(output=ONE_OUTPUT), 60),
    ],
)
def test_answers_are_those_of_the_network_whatever_rows_stand_beside(
    network: TableNetwork, n_rows: int
) -> None:
    assert_right(network, n_rows)


def test_tables_too_large_to_be_multiplied_beforehand_are_looked_up_as_features(
    monkeypatch,
) -> None:
    monkeypatch.setattr("nets.kernels.table_rows.MAX_BINS", 0)
    monkeypatch.setattr("nets.kernels.table_rows.MAX_CODES", 0)
    assert_right(make_network("piecewise_linear_b"), 70)


def test_quantiles_are_those_of_the_network_but_for_their_tails() -> None:
    # In a tail a number hangs on the last bit of its share of the rows.
    assert_right(make_network("piecewise_linear_b", "quantile"), 300, tolerance=1e-5)


@pytest.mark.slow
@settings(max_examples=60)
@example(
    embedding="piecewise_linear_b",
    scaling="robust",
    activation="linear",
    form="standard",
    hidden=[276, 276, 276],
    columns=(True, False),
    n_rows=276,
)
@given(
    embedding=st.sampled_from(["none", "piecewise_linear_b", "densely_periodic"]),
    scaling=st.sampled_from(["none", "standard", "robust"]),
    activation=st.sampled_from(dense.ACTIVATIONS),
    form=st.sampled_from(["ntk", "standard"]),
    hidden=st.lists(st.integers(1, 300), min_size=1, max_size=3),
    columns=st.sampled_from([(True, True), (True, False), (False, True)]),
    n_rows=st.integers(1, 700),
)
def test_all_sizes_are_those_of_the_network(
    embedding: str,
    scaling: str,
    activation: str,
    form: str,
    hidden: list[int],
    columns: tuple[bool, bool],
    n_rows: int,
) -> None:
    numbers, codes = columns
    network = make_network(
        embedding, scaling, tuple(hidden), activation, form, numbers=numbers, codes=codes
    )
    # The angles of waves are rounded too, before their cosines are taken.
    assert_right(network, n_rows, 1e-5 if embedding == "densely_periodic" else TOLERANCE)


@pytest.mark.parametrize(
    "change",
    [
        {"body": nets.Dense((64, 64))},
        {"body": nets.Dense((128, 128), norm="layer")},
        {"body": nets.Dense((128, 128), "relu6")},
        {"inputs": nets.Inputs(embedding="periodic")},
        {"log_link": True},
        {"output": nets.Heads((NUMBERS._replace(quantiles=(0.1, 0.5)),))},
    ],
)
def test_other_networks_are_left_to_jax(change: dict) -> None:
    network = make_network(hidden=(128, 128))
    assert suits(network) and not suits(network.clone(**change))


@pytest.mark.parametrize("size", [1, 15, 16, 17])
def test_arrays_begin_a_line_of_the_cache(size: int) -> None:
    memory = Memory()
    for array in (np.arange(size), np.arange(2.0 * size).reshape(2, size)[:, ::-1]):
        address = memory.floats(array)
        assert address is not None and address % 64 == 0
        found = np.ctypeslib.as_array((ctypes.c_float * array.size).from_address(address))
        np.testing.assert_array_equal(found, array.ravel())


def digest() -> str:
    """The bits of answers to many rows."""
    network = make_network("piecewise_linear_b", hidden=(128, 128))
    answers = NativeTable(network, make_variables(network))(make_rows(500, network))
    return "".join(array.tobytes().hex()[-4000:] for array in answers.values())


@pytest.mark.slow
def test_bits_are_those_of_a_single_core() -> None:
    assert library.is_native()
    program = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
        "import tests.nets.test_native_tables as t; from nets.kernels import library\n"
        "assert library.is_native(); print(t.digest())"
    )
    assert run_python(["-c", program]) == [digest()]
