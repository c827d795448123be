"""nets.LSTM, and nets.Recurrent's GRU, against torch and Keras with the same weights.

lstm_reference.npz holds their outputs, carries and gradients, of one and of both directions;
make_lstm_reference.py made it. Where both are installed it is made anew.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from marks import slow

from nets.convert import gru_from_keras, gru_from_torch, lstm_from_keras, lstm_from_torch
from nets.lstm import LSTM
from nets.readout import last
from nets.recurrence import Carry
from nets.recurrent import Recurrent
from nets.stack import RecurrentStack

HERE = Path(__file__).parent
SIZE = 3
KERAS_MERGES = {"ave": "average"}
Case = dict[str, np.ndarray]


def load(file: Path) -> dict[str, Case]:
    cases: dict[str, Case] = {}
    with np.load(file) as arrays:
        for name in arrays.files:
            case, array = name.split("/", 1)
            cases.setdefault(case, {})[array] = arrays[name]
    return cases


CASES = load(HERE / "lstm_reference.npz")


def cases(library: str, fast: tuple[str, ...]) -> list:
    """Of every cell; the slow suite alone tries those whose name has another ending."""
    names = [name for name in CASES if library in name]
    quick = [name for name in names if name.endswith(fast)]
    assert len(quick) == 2 * len(fast), quick
    return [*quick, *slow(*(name for name in names if name not in quick))]


def part(case: Case, kind: str) -> Case:
    """The arrays KIND/NAME as NAME."""
    return {
        name.removeprefix(kind + "/"): value
        for name, value in case.items()
        if name.startswith(kind + "/")
    }


def per_layer(case: Case, kind: str) -> list[list[np.ndarray]]:
    """The arrays KIND/LAYER/POSITION as a list of lists."""
    names = [name.split("/") for name in part(case, kind) if "/" in name]
    n_layers = 1 + max(int(layer) for layer, _ in names)
    return [
        [case[f"{kind}/{i}/{k}"] for layer, k in names if int(layer) == i] for i in range(n_layers)
    ]


def assert_close(ours: object, theirs: object) -> None:
    """To 1e-5 of the largest value: what float32 leaves of five steps and two layers."""
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for path, mine in jax.tree.leaves_with_path(ours):
        other = np.asarray(dict(jax.tree.leaves_with_path(theirs))[path])
        np.testing.assert_allclose(
            mine, other, atol=1e-5 * max(1, np.abs(other).max()), rtol=0, err_msg=str(path)
        )


def pulled(answers: object, pulls: object) -> jax.Array:
    return jax.tree.reduce(
        jnp.add, jax.tree.map(lambda answer, pull: jnp.sum(answer * pull), answers, pulls)
    )


def is_gru(name: str) -> bool:
    return name.startswith("gru")


def stack(name: str, hidden: tuple[int, ...], **fields: Any) -> RecurrentStack:
    return Recurrent(hidden, cell="gru", **fields) if is_gru(name) else LSTM(hidden, **fields)


@pytest.mark.parametrize("name", cases("torch", fast=("both_lengths",)))
def test_torch_weights_give_torch_outputs_carries_and_gradients(name: str) -> None:
    case = CASES[name]
    bidirectional = "both" in name
    n_directions = 1 + bidirectional
    lengths_b = case.get("lengths")
    net = stack(name, (SIZE, SIZE), bidirectional=bidirectional)
    convert = gru_from_torch if is_gru(name) else lstm_from_torch

    def carry(h: str, c: str, values: Case = case) -> tuple[Carry, ...]:
        """Zeros for the cells that a GRU does not have."""
        layers = [slice(i * n_directions, (i + 1) * n_directions) for i in range(2)]
        cells = values.get(c, np.zeros_like(values[h]))
        return tuple(Carry(jnp.array(values[h][rows]), jnp.array(cells[rows])) for rows in layers)

    def loss(
        params: dict, x_btf: jax.Array, carry_in: tuple[Carry, ...]
    ) -> tuple[jax.Array, tuple]:
        outputs_bth, carry_out = net.apply({"params": params}, x_btf, lengths_b, carry_in)
        return pulled((outputs_bth, carry_out), (case["pull"], carry("pull_h", "pull_c"))), (
            outputs_bth,
            carry_out,
        )

    params = convert(part(case, "weight"))
    gradient = jax.jit(jax.grad(loss, (0, 1, 2), has_aux=True))
    (dparams, dx_btf, dcarry), answers = gradient(params, jnp.array(case["x"]), carry("h", "c"))
    assert_close(answers, (case["outputs"], carry("last_h", "last_c")))
    theirs = part(case, "gradient")
    # Torch's LSTM has two biases where ours has one: the gradient of either is ours.
    once = {
        key: value for key, value in theirs.items() if is_gru(name) or not key.startswith("bias_hh")
    }
    assert_close((dparams, dx_btf, dcarry), (convert(once), theirs["x"], carry("h", "c", theirs)))


@pytest.mark.parametrize("name", cases("keras", fast=("concat", "backwards")))
def test_keras_weights_give_keras_outputs_and_gradients(name: str) -> None:
    case = CASES[name]
    mode = name.removeprefix("gru_").removeprefix("keras_")
    convert = gru_from_keras if is_gru(name) else lstm_from_keras
    backwards = mode == "backwards"
    lengths_b = case["lengths"]
    params = convert(per_layer(case, "weight"), reverse=backwards)
    merge = KERAS_MERGES.get(mode, mode) if mode not in ("one", "backwards") else "concat"
    net = stack(
        name,
        (SIZE,) * len(per_layer(case, "weight")),
        bidirectional=mode not in ("one", "backwards"),
        reverse=backwards,
        merge=merge,
    )
    outputs = case["outputs"]
    pull = case["pull"]
    if backwards:  # Keras answers in the order in which it read
        outputs = outputs[:, ::-1]
        pull = pull[:, ::-1]

    def loss(params: dict, x_btf: jax.Array) -> tuple[jax.Array, tuple]:
        answer, carry = net.apply({"params": params}, x_btf, lengths_b)
        answer = jnp.stack(answer) if isinstance(answer, tuple) else answer
        return jnp.sum(answer * pull), (answer, carry)

    gradient = jax.jit(jax.grad(loss, (0, 1), has_aux=True))
    (dparams, dx_btf), (answer, carry) = gradient(params, jnp.array(case["x"]))
    mask_bt1 = (np.arange(outputs.shape[-2]) < lengths_b[:, None])[:, :, None]
    assert_close(answer, np.where(mask_bt1, outputs, 0))
    assert_close(dparams, convert(per_layer(case, "gradient"), reverse=backwards))
    assert_close(dx_btf, case["gradient/x"])
    if mode == "none":
        assert_close(list(carry[-1].h_dbh), list(case["last"]))
    else:
        assert_close(last(carry[-1], merge), case["last"])


@pytest.mark.slow
def test_reference_is_what_torch_and_keras_say_today(tmp_path: Path) -> None:
    if not (importlib.util.find_spec("torch") and importlib.util.find_spec("keras")):
        pytest.skip("torch and Keras are not installed (the bench extra has them)")
    file = tmp_path / "reference.npz"
    # Keras itself promotes ranks, which this suite forbids its own code.
    environment = {
        name: value for name, value in os.environ.items() if name != "JAX_NUMPY_RANK_PROMOTION"
    }
    subprocess.run(
        [sys.executable, str(HERE / "make_lstm_reference.py"), str(file)],
        check=True,
        env=environment,
    )
    made = load(file)
    assert made.keys() == CASES.keys()
    for name, case in made.items():
        assert case.keys() == CASES[name].keys()
        for array, value in case.items():
            np.testing.assert_allclose(
                CASES[name][array], value, atol=1e-6, rtol=1e-6, err_msg=f"{name}/{array}"
            )


def test_weights_without_bias_have_zero_bias() -> None:
    case = CASES["keras_concat"]
    bare = [[value for value in layer if value.ndim > 1] for layer in per_layer(case, "weight")]
    full = lstm_from_keras(per_layer(case, "weight"))
    for layer, directions in lstm_from_keras(bare).items():
        for direction, weights in directions.items():
            assert not weights["bias"].any() and weights["bias"].shape == (4 * SIZE,)
            np.testing.assert_array_equal(
                weights["recurrent_kernel"], full[layer][direction]["recurrent_kernel"]
            )
    state = part(CASES["torch_one_full"], "weight")
    bare_state = {name: value for name, value in state.items() if not name.startswith("bias")}
    assert not lstm_from_torch(bare_state)["layer_1"]["forward"]["bias"].any()


def test_weights_of_something_else_are_refused() -> None:
    state = part(CASES["torch_one_full"], "weight")
    with pytest.raises(ValueError, match="proj_size"):
        lstm_from_torch(state | {"weight_hr_l0": np.zeros((2, SIZE))})
    with pytest.raises(ValueError, match=r"expected the name weight_ih_l0, found weight"):
        lstm_from_torch({"weight": np.zeros(3)})
    with pytest.raises(ValueError, match=r"layer 1: 4 arrays"):
        weights = per_layer(CASES["keras_one"], "weight")
        lstm_from_keras([weights[0], [*weights[1], weights[1][0]]])


def test_gru_weights_without_bias_have_zero_biases_and_others_are_refused() -> None:
    weights = per_layer(CASES["gru_keras_concat"], "weight")
    bare = [[layer[k] for k in (0, 1, 3, 4)] for layer in weights]
    full = gru_from_keras(weights)
    for name, layer in gru_from_keras(bare).items():
        assert not layer["bias"].any() and not layer["recurrent_bias"].any()
        np.testing.assert_array_equal(layer["recurrent_kernel"], full[name]["recurrent_kernel"])
    state = part(CASES["gru_torch_one_full"], "weight")
    bare_state = {name: value for name, value in state.items() if not name.startswith("bias")}
    assert not gru_from_torch(bare_state)["layer_1"]["recurrent_bias"].any()
    with pytest.raises(ValueError, match="reset_after=False"):
        gru_from_keras([[*weights[0][:2], np.zeros(3 * SIZE)]])
    with pytest.raises(ValueError, match="layer 0: 3 arrays"):
        gru_from_keras([per_layer(CASES["keras_one"], "weight")[0]])
    with pytest.raises(ValueError, match="no torch GRU: expected the name weight_ih_l0"):
        gru_from_torch({"weight": np.zeros(3)})
    with pytest.raises(ValueError, match="gates"):
        gru_from_torch(part(CASES["torch_one_full"], "weight"))


class Module:
    """As torch's module, and Keras' layer: no mapping, no list."""

    def __init__(self, weights: Any):
        self.state_dict = lambda: weights


class Layer:
    def __init__(self, weights: Any):
        self.get_weights = lambda: weights


@pytest.mark.parametrize(
    ("convert", "name"),
    [(lstm_from_torch, "torch_one_full"), (gru_from_torch, "gru_torch_one_full")],
)
def test_a_torch_module_is_as_good_as_its_state(convert, name):
    state = part(CASES[name], "weight")
    jax.tree.map(np.testing.assert_array_equal, convert(Module(state)), convert(state))
    with pytest.raises(
        ValueError, match=r"expected a torch.nn.(LSTM|GRU) or its state_dict\(\), f"
    ):
        convert([state])


@pytest.mark.parametrize(
    ("convert", "name"), [(lstm_from_keras, "keras_one"), (gru_from_keras, "gru_keras_concat")]
)
def test_keras_layers_are_as_good_as_their_weights(convert, name):
    weights = per_layer(CASES[name], "weight")
    layers = list(map(Layer, weights))
    jax.tree.map(np.testing.assert_array_equal, convert(layers), convert(weights))
    with pytest.raises(ValueError, match=r"expected a list of Keras layers, .* found Layer"):
        convert(layers[0])
    with pytest.raises(ValueError, match="layer 0: expected a Keras layer, or the list of"):
        convert(weights[0])


class Parameter:
    """As torch's: no array while it has a gradient, and of bfloat16 none in numpy at all."""

    def __init__(self, values: np.ndarray, dtype: str = "torch.bfloat16", grad: bool = True):
        self.values = values
        self.dtype = dtype
        self.grad = grad

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        if self.grad or self.dtype == "torch.bfloat16":
            raise RuntimeError("Can't call numpy() on it")
        return self.values

    def detach(self) -> Parameter:
        return Parameter(self.values, self.dtype, grad=False)

    def cpu(self) -> Parameter:
        return self

    def float(self) -> Parameter:
        return Parameter(self.values, "torch.float32", self.grad)


def test_parameters_of_a_module_within_another_and_in_bfloat16_are_weights() -> None:
    shapes = {"weight_ih_l0": (12, 2), "weight_hh_l0": (12, 3), "bias_ih_l0": 12, "bias_hh_l0": 12}
    plain = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    nested = {f"encoder.lstm.{name}": Parameter(values) for name, values in plain.items()}
    wanted = lstm_from_torch(plain)
    got = lstm_from_torch(nested | {"encoder.head.weight": Parameter(np.ones(3))})
    jax.tree.map(np.testing.assert_array_equal, got, wanted)
