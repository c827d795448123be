"""LSTM layers against PyTorch, flax and Keras on JAX: milliseconds to train a step and to infer.

    pip install -e ".[bench]" && python bench/lstm.py [--rows 1 32] [--steps 24] [--hidden 64] \
        [--sides ours pytorch]

All side by side in one process, in turns, from the same weights on the same rows: one layer of one
or both directions (concatenated), every step's output through a linear layer to one number, mean
squared error, adam. The loss before the first update is printed as the largest relative difference
from ours: it shows that all compute the same. Each measures one step per call, as a user's loop has
it, in nine rounds. By default the whole grid: 96 shapes, over an hour on two cores. "peak" is the
share of what a product of large matrices reaches in the same run, in our inference.

"ours" is what nets.LSTM computes with here, on a CPU the compiled kernel; "portable" is its scans.
Every call takes fresh memory for what a training step keeps, and the pages of it cost as much as
the arithmetic: --keep-memory has glibc keep them for all sides, so that the kernels alone are
compared.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

os.environ.setdefault("KERAS_BACKEND", "jax")

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

import nets
from nets.kernels import library
from nets.recurrence import lstm

INPUTS = 8
ROUNDS = 9
# Seconds before each turn: threads of whoever went before spin for a while, and would slow the
# next.
PAUSE = 0.1


class Case(NamedTuple):
    """Sizes of one comparison, and the weights and rows that all sides begin with."""

    x: np.ndarray
    y: np.ndarray
    hidden: int
    directions: int
    layer: Any
    dense: np.ndarray


class Side(NamedTuple):
    """One library's net: `train()` makes an update and gives its loss, `infer()` gives the outputs.

    Both return when they are done.
    """

    train: Callable[[], float]
    infer: Callable[[], Any]


Make = Callable[[Case], Side]


def make_case(rows: int, steps: int, hidden: int, directions: int) -> Case:
    random = np.random.default_rng(0)
    x = random.standard_normal((rows, steps, INPUTS), np.float32)
    layer = nets.LSTM((hidden,), bidirectional=directions == 2).init(
        jax.random.key(0), jnp.asarray(x)
    )["params"]
    dense = random.standard_normal((hidden * directions, 1), np.float32) / np.float32(hidden**0.5)
    # A tree's dicts come back sorted: backward before forward.
    made = jax.tree.map(np.asarray, layer)["layer_0"]
    weights = {name: made[name] for name in ("forward", "backward")[:directions]}
    return Case(x, np.cumsum(x[:, :, :1], 1) / 10, hidden, directions, weights, dense)


class OverTime(nn.Module):
    """A recurrent layer and a linear one over every step."""

    layer: nn.Module
    ours: bool

    @nn.compact
    def __call__(self, x_btf: jax.Array) -> jax.Array:
        outputs = self.layer(x_btf)[0] if self.ours else self.layer(x_btf)
        return outputs @ self.param("dense", nn.initializers.zeros_init(), (outputs.shape[-1], 1))


def in_jax(case: Case, layer: nn.Module, params: Any, ours: bool) -> Side:
    net = OverTime(layer, ours)
    optimizer = optax.adam(1e-3)
    x = jnp.asarray(case.x)
    y = jnp.asarray(case.y)

    def objective(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.square(net.apply({"params": params}, x) - y).mean()

    def update(params: Any, state: Any, x: jax.Array, y: jax.Array) -> tuple[Any, Any, jax.Array]:
        loss, grads = jax.value_and_grad(objective)(params, x, y)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    step = jax.jit(update, donate_argnums=(0, 1))
    apply = jax.jit(lambda params, x: net.apply({"params": params}, x))
    params = jax.tree.map(jnp.array, params)
    box = [params, optimizer.init(params)]
    for function, arguments in ((step, (*box, x, y)), (apply, (params, x))):
        function.lower(*arguments)  # traced here, whatever is another side's afterwards

    def train() -> float:
        box[0], box[1], loss = step(box[0], box[1], x, y)
        return float(jax.block_until_ready(loss))

    return Side(train, lambda: jax.block_until_ready(apply(box[0], x)))


def ours(case: Case) -> Side:
    layer = nets.LSTM((case.hidden,), bidirectional=case.directions == 2)
    return in_jax(case, layer, {"layer": {"layer_0": case.layer}, "dense": case.dense}, ours=True)


def portable(case: Case) -> Side:
    """Ours without the compiled kernel."""
    kernel = library.is_native
    library.is_native = lambda: False
    lstm.clear_cache()
    try:
        return ours(case)
    finally:
        library.is_native = kernel
        lstm.clear_cache()


def flax(case: Case) -> Side:
    def cell(weights: dict[str, np.ndarray]) -> dict[str, Any]:
        kernels, recurrents, biases = (
            np.split(weights[n], 4, -1) for n in ("kernel", "recurrent_kernel", "bias")
        )
        inputs = {f"i{gate}": {"kernel": k} for gate, k in zip("ifgo", kernels, strict=True)}
        hidden = {
            f"h{g}": {"kernel": r, "bias": b}
            for g, r, b in zip("ifgo", recurrents, biases, strict=True)
        }
        return inputs | hidden

    layers = {f"{name}_rnn": nn.RNN(nn.OptimizedLSTMCell(case.hidden)) for name in case.layer}
    if case.directions == 1:
        params = {"layer": {"cell": cell(case.layer["forward"])}, "dense": case.dense}
        return in_jax(case, layers["forward_rnn"], params, ours=False)
    params = {
        "layer": {f"{n}_rnn": {"cell": cell(weights)} for n, weights in case.layer.items()},
        "dense": case.dense,
    }
    return in_jax(case, nn.Bidirectional(**layers), params, ours=False)


def pytorch(case: Case) -> Side:
    import torch

    layer = torch.nn.LSTM(INPUTS, case.hidden, batch_first=True, bidirectional=case.directions == 2)
    dense = torch.nn.Linear(case.hidden * case.directions, 1, bias=False)
    with torch.no_grad():
        for weights, ending in zip(case.layer.values(), ("", "_reverse"), strict=False):
            getattr(layer, f"weight_ih_l0{ending}").copy_(torch.tensor(weights["kernel"].T))
            getattr(layer, f"weight_hh_l0{ending}").copy_(
                torch.tensor(weights["recurrent_kernel"].T)
            )
            getattr(layer, f"bias_ih_l0{ending}").copy_(torch.tensor(weights["bias"]))
            getattr(layer, f"bias_hh_l0{ending}").zero_()
        dense.weight.copy_(torch.tensor(case.dense.T))
    x = torch.tensor(case.x)
    y = torch.tensor(case.y)
    optimizer = torch.optim.Adam([*layer.parameters(), *dense.parameters()], lr=1e-3)

    def train() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.mse_loss(dense(layer(x)[0]), y)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    def infer() -> Any:
        with torch.inference_mode():
            return dense(layer(x)[0])

    return Side(train, infer)


def keras(case: Case) -> Side:
    import keras

    layer = keras.layers.LSTM(case.hidden, return_sequences=True)
    layer = layer if case.directions == 1 else keras.layers.Bidirectional(layer)
    layers = [layer, keras.layers.Dense(1, use_bias=False)]
    net = keras.Sequential([keras.layers.Input(case.x.shape[1:]), *layers])
    names = ("kernel", "recurrent_kernel", "bias")
    layers[0].set_weights([weights[name] for weights in case.layer.values() for name in names])
    layers[1].set_weights([case.dense])
    net.compile(keras.optimizers.Adam(1e-3), "mse")
    return Side(
        lambda: float(net.train_on_batch(case.x, case.y)), lambda: net.predict_on_batch(case.x)
    )


def keep_memory() -> bool:
    """Has glibc keep freed memory, so that pages are not zeroed again; False where it cannot.

    To be called before jax computes first. The process stays as big as it once was.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    set_option = ctypes.CDLL(None).mallopt
    # malloc.h's names, in lower case
    mmap_max = -4
    trim_threshold = -1
    top_pad = -2
    options = ((mmap_max, 0), (trim_threshold, 2**31 - 1), (top_pad, 1 << 26))
    return all([set_option(option, value) == 1 for option, value in options])


def time_in_turns(calls: dict[str, Callable[[], Any]], seconds: float) -> dict[str, float]:
    """Milliseconds a call of each side: the median of ROUNDS rounds, in which all take turns.

    A round's figure is the median of `seconds` of calls one upon the other, as a training loop has
    them. Calls of half that time go first: threads that sleep take milliseconds to wake, caches to
    fill.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            time.sleep(PAUSE)
            run_for(call, seconds / 2)
            times[name].append(statistics.median(run_for(call, seconds)) * 1e3)
    return {name: statistics.median(values) for name, values in times.items()}


def run_for(call: Callable[[], Any], seconds: float) -> list[float]:
    """The seconds of each call, until they add up to so many."""
    taken: list[float] = []
    while sum(taken) < seconds:
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return taken


def peak(size: int = 1024) -> float:
    """Operations a second of a product of two large matrices by XLA."""
    a = jnp.ones((size, size))
    product = jax.jit(jnp.matmul).lower(a, a).compile()
    return 2 * size**3 / min(run_for(lambda: product(a, a).block_until_ready(), 1.0))


def compare(
    shape: tuple[int, int, int, int], makes: Sequence[Make], seconds: float, peak: float
) -> None:
    case = make_case(*shape)
    sides = {make.__name__: make(case) for make in makes}
    losses = {name: side.train() for name, side in sides.items()}
    for side in sides.values():
        side.train()
        side.infer()
    train = time_in_turns({name: side.train for name, side in sides.items()}, seconds)
    infer = time_in_turns({name: side.infer for name, side in sides.items()}, seconds)
    apart = max(abs(loss / losses["ours"] - 1) for loss in losses.values())
    label = "{:>4}{:>5}{:>5}{:>3}".format(*shape)
    cells = [f"{train[name]:>8.2f} /{infer[name]:>7.2f}" for name in sides]
    ratios = [
        f"{train[n] / train['ours']:.2f} {infer[n] / infer['ours']:.2f}" for n in list(sides)[1:]
    ]
    rows, steps, hidden, directions = shape
    operations = 2 * rows * steps * (INPUTS + hidden) * 4 * hidden * directions
    share = operations / (infer["ours"] / 1e3) / peak
    print(
        label + "".join(cells) + "   " + "   ".join(ratios) + f"   {apart:.0e}   {share:.0%}",
        flush=True,
    )


SIDES = {make.__name__: make for make in (ours, portable, pytorch, flax, keras)}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 32, 64, 256])
    parser.add_argument("--steps", type=int, nargs="+", default=[24, 100, 500])
    parser.add_argument("--hidden", type=int, nargs="+", default=[32, 64, 128, 256])
    parser.add_argument("--directions", type=int, nargs="+", default=[1, 2])
    parser.add_argument(
        "--sides", nargs="+", choices=SIDES, default=list(SIDES), help="ours always comes first"
    )
    parser.add_argument("--seconds", type=float, default=0.05)
    parser.add_argument("--keep-memory", action="store_true")
    arguments = parser.parse_args()
    memory = "kept by glibc" if arguments.keep_memory and keep_memory() else "as it comes"
    print(
        f"{jax.devices()[0].device_kind}, {os.cpu_count()} cores, jax {jax.__version__}; "
        f"ms train / infer"
    )
    print(f"ours: {library.core()}; memory {memory}")
    most = peak()
    print(f"a product of matrices: {most / 1e9:.0f} Gflop/s")
    names = list(dict.fromkeys(["ours", *arguments.sides]))
    print(
        "   B    T    H  D" + "".join(f"{name:>17}" for name in names) + "   ratios, losses, peak"
    )
    grid = itertools.product(
        arguments.rows, arguments.steps, arguments.hidden, arguments.directions
    )
    for sizes in grid:
        compare(sizes, [SIDES[name] for name in names], arguments.seconds, most)
