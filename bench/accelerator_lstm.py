"""LSTM layers on an accelerator: milliseconds of a forward and backward pass, side by side.

    python bench/accelerator_lstm.py --seconds=115 [--quick]

Sides: what nets.LSTM computes with here ("ours"), the same by the GPU's own kernel ("kernel") and
by cuDNN ("cudnn") where they are taken, torch.nn.LSTM (cuDNN on a GPU), jax.experimental.rnn
(cuDNN, on GPUs only). Gradients are those of every weight and of the inputs. "lengths" rows have
half of the steps at random, which PyTorch takes packed. The shapes are taken in an order in which
any first part of them is a fair choice, until the time is over. "apart" is the largest difference
of a side's loss from ours, relative to it: all compute the same.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from accelerator_sides import has_torch, milliseconds, say, synchronize, torch_device

import nets
from nets.recurrence import lstm

INPUTS = 32


class Shape(NamedTuple):
    rows: int
    steps: int
    hidden: int
    directions: int
    lengths: bool


class Case(NamedTuple):
    shape: Shape
    x_btf: np.ndarray
    lengths_b: np.ndarray | None
    weights: dict[str, dict[str, np.ndarray]]


class Side(NamedTuple):
    """`calls(n)` makes n passes, `loss()` is the loss of one."""

    calls: Callable[[int], object]
    loss: Callable[[], float]


def make_case(shape: Shape) -> Case:
    numbers = np.random.default_rng(0)
    x_btf = numbers.standard_normal((shape.rows, shape.steps, INPUTS), np.float32)
    lengths_b = None
    if shape.lengths:
        lengths_b = numbers.integers(1, shape.steps + 1, shape.rows).astype(np.int32)
        lengths_b[0] = shape.steps
    net = nets.LSTM((shape.hidden,), bidirectional=shape.directions == 2)
    made = jax.eval_shape(net.init, jax.random.key(0), x_btf)["params"]["layer_0"]
    scale = np.float32(shape.hidden**-0.5)
    weights: dict[str, dict[str, np.ndarray]] = {}
    for direction in ("forward", "backward")[: shape.directions]:
        weights[direction] = {}
        for name, leaf in made[direction].items():
            weights[direction][name] = scale * numbers.standard_normal(leaf.shape, np.float32)
    return Case(shape, x_btf, lengths_b, weights)


def in_jax(loss: Callable[[Any, jax.Array], jax.Array], weights: Any, x_btf: np.ndarray) -> Side:
    passes = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    placed = jax.device_put((weights, x_btf))

    def calls(n: int) -> None:
        last = None
        for _ in range(n):
            last = passes(*placed)
        jax.block_until_ready(last)

    return Side(calls, lambda: float(passes(*placed)[0]))


def ours(case: Case) -> Side:
    net = nets.LSTM((case.shape.hidden,), bidirectional=case.shape.directions == 2)

    def loss(weights: Any, x_btf: jax.Array) -> jax.Array:
        outputs = net.apply({"params": {"layer_0": weights}}, x_btf, case.lengths_b)[0]
        return jnp.square(outputs).mean()

    return in_jax(loss, case.weights, case.x_btf)


def ours_by(core: str, case: Case) -> Side | None:
    """`ours` with the switch at a core; None where that is not taken, and a note why, once."""
    from nets.kernels.gpu import choice

    if jax.default_backend() != "gpu":
        return None
    os.environ[choice.SWITCH] = core
    cast(Any, lstm).clear_cache()
    try:
        chosen = choice.chosen(choice.Kind(case.shape.hidden))
        if chosen.core != core:
            if chosen.reason not in told:
                told.add(chosen.reason)
                say(note=f"{core}: {chosen.reason}")
            return None
        side = ours(case)
        side.loss()  # so that the program is made while the switch is on
        return side
    finally:
        del os.environ[choice.SWITCH]
        cast(Any, lstm).clear_cache()


told: set[str] = set()


def cudnn_weights(case: Case) -> np.ndarray:
    """In the order of jax.experimental.rnn: kernels of both directions, then two biases of each."""
    kernels = []
    biases = []
    for weights in case.weights.values():
        kernels += [weights["kernel"].T.ravel(), weights["recurrent_kernel"].T.ravel()]
        biases += [weights["bias"], np.zeros_like(weights["bias"])]
    return np.concatenate([*kernels, *biases])


def jax_cudnn(case: Case) -> Side | None:
    if jax.default_backend() != "gpu":
        return None
    from jax.experimental import rnn

    shape = case.shape
    state = jnp.zeros((shape.directions, shape.rows, shape.hidden))
    full = np.full(shape.rows, shape.steps, np.int32)
    lengths_b = jnp.asarray(full if case.lengths_b is None else case.lengths_b)

    def loss(weights: jax.Array, x_btf: jax.Array) -> jax.Array:
        found: Any = rnn.lstm(
            x_btf, state, state, weights, lengths_b, INPUTS, shape.hidden, 1, 0.0,
            shape.directions == 2,
        )  # fmt: skip
        return jnp.square(found[0]).mean()

    return in_jax(loss, cudnn_weights(case), case.x_btf)


def pytorch(case: Case) -> Side | None:
    if not has_torch():
        return None
    import torch  # pyright: ignore[reportMissingImports]

    shape = case.shape
    device = torch_device()
    layer = torch.nn.LSTM(
        INPUTS, shape.hidden, batch_first=True, bidirectional=shape.directions == 2
    )
    with torch.no_grad():
        for weights, ending in zip(case.weights.values(), ("", "_reverse"), strict=False):
            for name, array in (
                ("weight_ih", weights["kernel"].T),
                ("weight_hh", weights["recurrent_kernel"].T),
                ("bias_ih", weights["bias"]),
                ("bias_hh", np.zeros_like(weights["bias"])),
            ):
                getattr(layer, f"{name}_l0{ending}").copy_(torch.tensor(array))
    layer = layer.to(device)
    x_btf = torch.tensor(case.x_btf, device=device, requires_grad=True)

    def one() -> Any:
        layer.zero_grad(set_to_none=True)
        x_btf.grad = None
        given: Any = x_btf
        if case.lengths_b is not None:
            given = torch.nn.utils.rnn.pack_padded_sequence(
                x_btf, torch.tensor(case.lengths_b), batch_first=True, enforce_sorted=False
            )
        outputs = layer(given)[0]
        if case.lengths_b is not None:
            outputs = torch.nn.utils.rnn.pad_packed_sequence(
                outputs, batch_first=True, total_length=shape.steps
            )[0]
        loss = outputs.square().mean()
        loss.backward()
        return loss

    def calls(n: int) -> None:
        for _ in range(n):
            one()
        synchronize()

    return Side(calls, lambda: float(one().detach()))


SIDES = {
    "ours": ours,
    "kernel": partial(ours_by, "kernel"),
    "cudnn": partial(ours_by, "cudnn"),
    "torch": pytorch,
    "jax_rnn": jax_cudnn,
}


def compare(shape: Shape, rounds: int, least: float) -> None:
    """A row of the table; what a side raises stands in its note."""
    case = make_case(shape)
    row: dict[str, Any] = {**shape._asdict()}
    losses: dict[str, float] = {}
    for name, make in SIDES.items():
        try:
            if (side := make(case)) is None:
                row[name] = None
                continue
            losses[name] = side.loss()
            row[name] = milliseconds(side.calls, rounds, least)
        except Exception as error:
            row[name] = None
            say(note=f"{name} at {tuple(shape)}: {type(error).__name__}: {str(error)[:300]}")
    if "ours" in losses:
        apart = [abs(loss / losses["ours"] - 1) for loss in losses.values()]
        row["apart"] = float(max(apart))
        for name in losses:
            if name != "ours" and isinstance(row[name], float) and isinstance(row["ours"], float):
                row[f"{name}_ratio"] = row[name] / row["ours"]
    say(**row)


def shapes(quick: bool) -> list[Shape]:
    """All of them, mixed."""
    if quick:
        return [Shape(4, 6, 8, 1, False), Shape(4, 6, 8, 2, True)]
    grid = itertools.product((1, 32, 256), (24, 100, 500), (32, 64, 128, 256, 512), (1, 2))
    found = [Shape(*sizes, lengths) for sizes in grid for lengths in (False, True)]
    found = [shape for shape in found if not (shape.lengths and shape.rows == 1)]
    random.Random(1).shuffle(found)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=115)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    began = time.monotonic()
    all_shapes = shapes(options.quick)
    measure = partial(compare, rounds=3, least=0.01 if options.quick else 0.05)
    for i, shape in enumerate(all_shapes):
        if time.monotonic() - began > options.seconds:
            left = len(all_shapes) - i
            say(note=f"the time was over: {left} of {len(all_shapes)} shapes left out")
            break
        measure(shape)


if __name__ == "__main__":
    main()
