"""Dense nets against PyTorch, Keras and scikit-learn: seconds per epoch and to an equal loss.

    pip install -e ".[bench]" && python bench/dense.py [--rows 442 16512 1000000] [--rounds 9]
        [--width 128] [--batch 256]

All train side by side in one process, in turns, on the same rows: two hidden layers, ReLU, dropout
.1, rmsprop with Keras' defaults, mean squared error. Each at its best settings: PyTorch as a loop
over tensors in memory (no DataLoader), Keras on JAX with a whole epoch per execution.
scikit-learn's MLPRegressor knows neither dropout nor rmsprop: it trains with adam, without dropout,
which is less work. Compilation is excluded, and printed apart. The loss is that of validation rows.
A turn is a second of rounds, of which the second half is timed: cores that rested are slow first.
"cpu" is the median of an epoch's processor time in milliseconds, which other programs on the
machine change least.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import numpy as np

import nets
from nets.kernels import library
from train.config import Config, Dense, Optim, Train
from train.core.forward import evaluate_split
from train.core.optim import make_optimizer
from train.core.program import Data, Program
from train.core.state import init_state
from train.core.step import train_epoch
from train.core.tasks import make_tasks
from train.core.weights import init_weights
from train.data.dataset import Batch
from train.data.table.dataset import TableDataset

DROPOUT = 0.1
RATE = 1e-3
# Seconds before each turn: threads of whoever went before spin for a while, and would slow the
# next.
PAUSE = 0.5
TURN = 1.0  # seconds of rounds in a turn
# Rows: columns, batch, epochs a round.
SHAPES = {442: (10, 32, 50), 16512: (8, 256, 4), 1_000_000: (50, 1024, 1)}


Point = tuple[float, float]  # seconds of training, and the loss after them


class Rows(NamedTuple):
    """Training and validation rows of a smooth function with noise."""

    x: np.ndarray
    y: np.ndarray
    x_valid: np.ndarray
    y_valid: np.ndarray
    batch: int
    hidden: tuple[int, ...] = (128, 128)


class Side(NamedTuple):
    """One program: `train(n)` runs n epochs, `loss()` is the validation loss after them."""

    train: Callable[[int], object]
    loss: Callable[[], float]


def make_rows(n: int, columns: int, batch: int, width: int = 128) -> Rows:
    random = np.random.default_rng(0)
    n_all = n + max(n // 8, 100)
    x = random.standard_normal((n_all, columns), np.float32)
    y = (
        np.sin(x[:, :3].sum(1))
        + x[:, 3] * x[:, 4] / 2
        + 0.1 * random.standard_normal(n_all, np.float32)
    )
    y = (y / y.std()).astype(np.float32)
    return Rows(x[:n], y[:n], x[n:], y[n:], batch, (width, width))


def ours(rows: Rows) -> Side:
    n, columns = rows.x.shape
    options = Config(
        net=Dense(hidden=rows.hidden, dropout=DROPOUT),
        optim=Optim(name="rmsprop", learning_rate=RATE),
        train=Train(epochs=10**6, batch_size=rows.batch),
    )
    heads = (nets.HeadShape("value", "regression", 1),)
    network = nets.Network(
        nets.Inputs(), nets.Dense(rows.hidden, dropout=DROPOUT), nets.Heads(heads), scaling="none"
    )
    zero = jnp.zeros(1)
    one = jnp.ones(1)
    target = {"value": {"center": zero, "scale": one, "low": zero, "high": one}}
    fitted = {"inputs": {"fill": jnp.zeros(columns)}, "targets": target}
    steps = -(-n // rows.batch)
    tasks = make_tasks(heads, "mse")
    optimizer = make_optimizer(options.optim, 10**6)
    program = Program(network, TableDataset.take, tasks, optimizer, options, steps * 10**6, steps)
    x = np.concatenate([rows.x, rows.x_valid])
    y = np.concatenate([rows.y, rows.y_valid])
    ones = jnp.ones(len(x))
    data = Data(
        Batch({"numbers": jnp.asarray(x)}, {"value": jnp.asarray(y)[:, None]}, ones), ones,
        jnp.arange(n), jnp.arange(n, len(x)), fitted, jax.random.key(0),
    )  # fmt: skip
    weights = init_weights(
        network, fitted, {"numbers": data.arrays.inputs["numbers"][:1]}, jax.random.key(0)
    )
    state = init_state(weights, program.optimizer, average=False)

    def epochs(data: Data, state, n):
        return jax.lax.fori_loop(0, n, lambda _, s: train_epoch(program, data, s)[0], state)

    call = jax.jit(epochs, donate_argnums=1)
    judge = jax.jit(lambda data, weights: evaluate_split(program, data, weights, data.valid)[1])
    box = [state]

    def train(n: int) -> None:
        box[0] = jax.block_until_ready(call(data, box[0], n))

    def loss() -> float:
        sums = judge(data, box[0].weights)
        return float(sums["loss"] / sums["weight"])

    return Side(train, loss)


def pytorch(rows: Rows) -> Side:
    import torch

    torch.manual_seed(0)
    x, y, x_valid, y_valid = (torch.from_numpy(a) for a in rows[:4])
    layers = []
    width = x.shape[1]
    for hidden in rows.hidden:
        layers += [torch.nn.Linear(width, hidden), torch.nn.ReLU(), torch.nn.Dropout(DROPOUT)]
        width = hidden
    net = torch.nn.Sequential(*layers, torch.nn.Linear(width, 1))
    optimizer = torch.optim.RMSprop(net.parameters(), lr=RATE, alpha=0.9, eps=1e-7)

    def train(n: int) -> None:
        net.train()
        for _ in range(n):
            order = torch.randperm(len(x))
            for start in range(0, len(x), rows.batch):
                chosen = order[start : start + rows.batch]
                optimizer.zero_grad(set_to_none=True)
                torch.nn.functional.mse_loss(net(x[chosen])[:, 0], y[chosen]).backward()
                optimizer.step()

    def loss() -> float:
        net.eval()
        with torch.no_grad():
            return float(torch.nn.functional.mse_loss(net(x_valid)[:, 0], y_valid))

    return Side(train, loss)


def keras(rows: Rows) -> Side:
    import keras

    keras.utils.set_random_seed(0)
    layers: list = [keras.layers.Input((rows.x.shape[1],))]
    for hidden in rows.hidden:
        layers += [keras.layers.Dense(hidden, activation="relu"), keras.layers.Dropout(DROPOUT)]
    net = keras.Sequential([*layers, keras.layers.Dense(1)])
    steps = -(-len(rows.x) // rows.batch)
    net.compile(keras.optimizers.RMSprop(RATE), "mse", steps_per_execution=min(steps, 64))

    def train(n: int) -> None:
        net.fit(rows.x, rows.y, batch_size=rows.batch, epochs=n, verbose=0)

    return Side(
        train,
        lambda: float(net.evaluate(rows.x_valid, rows.y_valid, batch_size=4096, verbose=0)),
    )


def scikit_learn(rows: Rows) -> Side:
    from sklearn.neural_network import MLPRegressor

    net = MLPRegressor(
        hidden_layer_sizes=rows.hidden,
        batch_size=rows.batch,
        alpha=0,
        random_state=0,
        max_iter=1,
        warm_start=True,
        n_iter_no_change=10**6,
    )

    def train(n: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            net.set_params(max_iter=n).fit(rows.x, rows.y)

    return Side(train, lambda: float(np.mean((net.predict(rows.x_valid) - rows.y_valid) ** 2)))


def take_turn(side: Side, epochs: int, curve: list[Point]) -> tuple[list[float], list[float]]:
    """Seconds, and seconds of the processor, of each round of a turn; the curve goes on."""
    time.sleep(PAUSE)
    times = []
    worked = []
    while sum(times) < TURN:
        began = time.perf_counter()
        began_work = time.process_time()
        side.train(epochs)
        times.append(time.perf_counter() - began)
        worked.append(time.process_time() - began_work)
        curve.append((curve[-1][0] + times[-1], side.loss()))
    return times, worked


def compare(n: int, rounds: int, width: int, batch: int | None) -> None:
    columns, usual, epochs = SHAPES.get(n, (20, 256, 2))
    rows = make_rows(n, columns, batch or usual, width)
    print(
        f"\n{n:,} rows x {columns}, two layers of {width}, batch {rows.batch}, "
        f"{rounds} turns of rounds of {epochs} epochs"
    )
    sides: dict[str, Side] = {}
    seconds: dict[str, list[float]] = {}
    processor: dict[str, list[float]] = {}
    curves: dict[str, list[Point]] = {}
    for make in (ours, pytorch, keras, scikit_learn):
        began = time.perf_counter()
        side = make(rows)
        side.train(epochs)  # compiles, allocates, warms up
        sides[make.__name__] = side
        seconds[make.__name__] = []
        processor[make.__name__] = []
        curves[make.__name__] = [(0.0, side.loss())]
        print(f"  {make.__name__:<13} first round {time.perf_counter() - began:6.2f} s")
    for _ in range(rounds):
        for name, side in sides.items():
            times, worked = take_turn(side, epochs, curves[name])
            half = len(times) // 2
            seconds[name].append(statistics.median(times[half:]))
            processor[name].append(statistics.median(worked[half:]))
    within = 1.02 * max(min(loss for _, loss in curve) for curve in curves.values())
    base = statistics.median(seconds["ours"]) / epochs
    print(
        f"  {'':<13}{'ms/epoch':>10}{'min':>9}{'max':>9}{'ratio':>8}{'cpu':>9}{'best loss':>11}"
        f"{f's to {within:.4f}':>14}"
    )
    for name, times in seconds.items():
        middle = statistics.median(times) / epochs
        worked = statistics.median(processor[name]) / epochs
        reached = next((t for t, loss in curves[name] if loss <= within), float("nan"))
        print(
            f"  {name:<13}{middle * 1e3:>10.2f}"
            f"{min(times) / epochs * 1e3:>9.2f}{max(times) / epochs * 1e3:>9.2f}"
            f"{middle / base:>8.2f}{worked * 1e3:>9.2f}"
            f"{min(loss for _, loss in curves[name]):>11.4f}{reached:>14.2f}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=list(SHAPES))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--width", type=int, default=128, help="units of each hidden layer")
    parser.add_argument("--batch", type=int, help="rows of a batch")
    arguments = parser.parse_args()
    device = jax.devices()[0].device_kind
    print(f"{device}, {os.cpu_count()} cores, jax {jax.__version__}, {library.core()}")
    for n_rows in arguments.rows:
        compare(n_rows, arguments.rounds, arguments.width, arguments.batch)
