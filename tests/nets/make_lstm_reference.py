"""Make lstm_reference.npz: outputs and gradients of small torch and Keras LSTMs and GRUs.

    KERAS_BACKEND=jax python tests/nets/make_lstm_reference.py [FILE]

They are taken in float64 and kept in float32. Each name is case/array. Gradients are those of
sum(outputs * pull) (+ the same of the final h and c where the case has them); pulls are zero beyond
a row's length.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np
import torch

N_ROWS = 3
N_STEPS = 5
N_INPUTS = 2
SIZE = 3
LENGTHS = np.array([5, 2, 3], np.int32)
VALID = np.arange(N_STEPS) < LENGTHS[:, None]
FILE = Path(__file__).with_name("lstm_reference.npz")


def numbers(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Float64 that float32 holds exactly."""
    return rng.normal(size=shape).astype(np.float32).astype(np.float64)


def torch_case(
    bidirectional: bool, with_lengths: bool, kind: str = "LSTM"
) -> dict[str, np.ndarray]:
    """Arrays of a torch LSTM or GRU of two layers, started from a given h (and c).

    Weights are weight/NAME, their gradients gradient/NAME.
    """
    states = ("h", "c") if kind == "LSTM" else ("h",)
    rng = np.random.default_rng(1)
    directions = 1 + bidirectional
    net = getattr(torch.nn, kind)(
        N_INPUTS, SIZE, 2, bidirectional=bidirectional, batch_first=True, dtype=torch.float64
    )
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.from_numpy(numbers(rng, *parameter.shape)))
    case = {"x": numbers(rng, N_ROWS, N_STEPS, N_INPUTS)}
    case |= {
        name: numbers(rng, 2 * directions, N_ROWS, SIZE)
        for name in (*states, *(f"pull_{name}" for name in states))
    }
    case["pull"] = numbers(rng, N_ROWS, N_STEPS, directions * SIZE)
    if with_lengths:
        case["lengths"] = LENGTHS
        case["pull"] = case["pull"] * VALID[:, :, None]
    given = {name: torch.tensor(case[name], requires_grad=True) for name in ("x", *states)}
    inputs = given["x"]
    if with_lengths:
        lengths = torch.from_numpy(LENGTHS)
        inputs = torch.nn.utils.rnn.pack_padded_sequence(
            inputs, lengths, batch_first=True, enforce_sorted=False
        )
    first = tuple(given[name] for name in states)
    outputs, last = net(inputs, first if kind == "LSTM" else first[0])
    if with_lengths:
        outputs, _ = torch.nn.utils.rnn.pad_packed_sequence(
            outputs, batch_first=True, total_length=N_STEPS
        )
    last = last if kind == "LSTM" else (last,)
    answers = {"outputs": outputs}
    answers |= {f"last_{name}": value for name, value in zip(states, last, strict=True)}
    pulls = {"outputs": "pull", **{f"last_{name}": f"pull_{name}" for name in states}}
    sum((answers[name] * torch.tensor(case[pull])).sum() for name, pull in pulls.items()).backward()
    case |= {name: answer.detach().numpy() for name, answer in answers.items()}
    case |= {f"weight/{name}": value.numpy() for name, value in net.state_dict().items()}
    case |= {f"gradient/{name}": value.grad.numpy() for name, value in net.named_parameters()}
    return case | {f"gradient/{name}": value.grad.numpy() for name, value in given.items()}


def keras_case(
    merges: tuple[str | None, ...], backwards: bool = False, kind: str = "LSTM"
) -> dict[str, np.ndarray]:
    """Arrays of a Keras stack with lengths, a layer a merge mode (None: one direction).

    Weights are weight/LAYER/POSITION. `last` is what the last layer says with
    return_sequences=False. Where directions stay apart, they are stacked.
    """
    rng = np.random.default_rng(2)
    x = numbers(rng, N_ROWS, N_STEPS, N_INPUTS)
    widths = [N_INPUTS] + [2 * SIZE if merge == "concat" else SIZE for merge in merges]

    def make(i: int, return_sequences: bool) -> keras.Layer:
        make_layer = getattr(keras.layers, kind)
        layer = make_layer(SIZE, return_sequences=return_sequences, go_backwards=backwards)
        if merges[i] is not None:
            layer = keras.layers.Bidirectional(layer, None if merges[i] == "none" else merges[i])
        layer.build((N_ROWS, N_STEPS, widths[i]))
        return layer

    layers = [make(i, True) for i in range(len(merges))]
    weights = [
        [numbers(rng, *variable.shape) for variable in layer.trainable_variables]
        for layer in layers
    ]

    def run(weights: list, x: jax.Array, layers: list) -> jax.Array:
        for layer, values in zip(layers, weights, strict=True):
            others = [variable.value for variable in layer.non_trainable_variables]
            x, _ = layer.stateless_call(values, others, x, mask=jax.numpy.array(VALID))
        return jax.numpy.stack(x) if isinstance(x, (list, tuple)) else x

    shape = jax.eval_shape(lambda: run(weights, x, layers)).shape
    pull = numbers(rng, *shape) * (VALID[:, ::-1] if backwards else VALID)[:, :, None]

    @jax.jit
    def differentiate(weights: list, x: jax.Array) -> tuple:
        outputs, pull_back = jax.vjp(lambda w, x: run(w, x, layers), weights, x)
        return (
            outputs,
            pull_back(pull),
            run(weights, x, [*layers[:-1], make(len(merges) - 1, False)]),
        )

    outputs, gradients, last = differentiate(weights, x)
    case = {
        "x": x,
        "lengths": LENGTHS,
        "pull": pull,
        "outputs": outputs,
        "gradient/x": gradients[1],
        "last": last,
    }
    for kind, values in (("weight", weights), ("gradient", gradients[0])):
        case |= {
            f"{kind}/{i}/{k}": value
            for i, layer in enumerate(values)
            for k, value in enumerate(layer)
        }
    return {name: np.asarray(value) for name, value in case.items()}


def main(file: Path) -> None:
    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    kinds = [(directions, steps) for directions in ("one", "both") for steps in ("lengths", "full")]
    cases = {
        f"torch_{d}_{steps}": torch_case(d == "both", steps == "lengths") for d, steps in kinds
    }
    cases |= {
        f"keras_{merge}": keras_case((merge, merge)) for merge in ("concat", "sum", "ave", "mul")
    }
    cases["keras_none"] = keras_case(("concat", "none"))
    cases["keras_one"] = keras_case((None, None))
    cases["keras_backwards"] = keras_case((None,), backwards=True)
    cases |= {
        f"gru_torch_{d}_{steps}": torch_case(d == "both", steps == "lengths", "GRU")
        for d, steps in kinds
    }
    cases |= {
        f"gru_keras_{merge}": keras_case((merge, merge), kind="GRU") for merge in ("concat", "mul")
    }
    cases["gru_keras_one"] = keras_case((None, None), kind="GRU")
    cases["gru_keras_backwards"] = keras_case((None,), backwards=True, kind="GRU")
    arrays = {
        f"{case}/{name}": value for case, values in cases.items() for name, value in values.items()
    }
    narrow = {
        name: value.astype(np.float32) if value.dtype == np.float64 else value
        for name, value in arrays.items()
    }
    np.savez_compressed(file, **narrow)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE)
