"""Populations: seconds to train K nets as one program, in turns, in PyTorch and in scikit-learn.

    pip install -e ".[bench]" && python bench/population.py [--quick]

The same rows, batch size, epochs and optimizer (adam) for all: nets of two dense layers on 442 and
on 4,000 rows, and LSTMs on sequences of 32 steps. "together" is the population; "in turns" K runs
of the compiled program of one net; "PyTorch" a loop over tensors in memory for one net after the
other, with as many threads as it chooses. Of the latter two MEASURED nets are trained and their
mean time is taken K times, since K nets take K times as long. Compilation is excluded everywhere.
The losses are those of validation rows, means over the first nets (at most MEASURED), which begin
with the same weights everywhere: they show that the same work was done. (PyTorch's batches are
other ones.)

Then folds against scikit-learn's cross_val_score with two processes, and whole commands: 40 nets at
once against five runs of one net. Runs for about eight minutes on two cores, with --quick for about
one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from train.config import LSTM, Config, Dense, Optim, Population, Sequences, Table, Train
from train.config.members import pooled
from train.data.load import load_dataset
from train.loop import choose_driver
from train.population.groups import prepare_population
from train.population.vmapped import init_members
from train.run.prepare import prepare
from train.run.run import Run

ADAM = Optim(name="adam", learning_rate=1e-3, epsilon=1e-8)
MEASURED = 3  # nets trained one after the other
STEPS = 32
CHANNELS = 4
# Seconds before each turn: threads of whoever went before spin for a while, and would slow the
# next.
PAUSE = 0.5
ROOT = Path(__file__).parents[1]


class Timed(NamedTuple):
    """Seconds that the nets took, and the losses on validation rows of the first of them [k]."""

    seconds: float
    losses: Any


def write_rows(path: Path, n: int) -> None:
    """A table of a smooth function of ten columns, with noise."""
    random = np.random.default_rng(0)
    x = random.standard_normal((n, 10))
    y = np.sin(x[:, :3].sum(1)) + x[:, 3] * x[:, 4] / 2 + 0.1 * random.standard_normal(n)
    pq.write_table(pa.table({f"x{i}": x[:, i] for i in range(10)} | {"y": y}), path)


def write_sequences(path: Path, n: int) -> None:
    """Sequences of numbers; the answer is a sum over the steps that a second channel marks."""
    random = np.random.default_rng(0)
    x = random.standard_normal((n, STEPS, CHANNELS))
    y = (x[:, :, 0] * (x[:, :, 1] > 0)).sum(1)
    pq.write_table(pa.table({"x": x.tolist(), "y": y}), path)


def tables(folder: Path, hidden: int, n: int, batch_size: int, epochs: int) -> Config:
    if not (path := folder / f"{n}.parquet").exists():
        write_rows(path, n)
    data = Table(path=str(path), target="y", test=0)
    return Config(
        data=data,
        net=Dense(hidden=(hidden, hidden)),
        optim=ADAM,
        train=one_round(epochs, batch_size),
    )


def sequences(folder: Path, hidden: int, n: int, batch_size: int, epochs: int) -> Config:
    if not (path := folder / f"sequences_{n}.parquet").exists():
        write_sequences(path, n)
    data = Sequences(path=str(path), inputs="x", target="y", test=0)
    net = LSTM(hidden=(hidden,), readout="last")
    return Config(data=data, net=net, optim=ADAM, train=one_round(epochs, batch_size))


def one_round(epochs: int, batch_size: int) -> Train:
    """An evaluation at the end alone: training is what is measured."""
    return Train(epochs=epochs, batch_size=batch_size, eval_every=epochs, restore="last")


def median_of(rounds: int, train: Callable[[], Timed]) -> Timed:
    train()  # warms up
    found = []
    for _ in range(rounds):
        time.sleep(PAUSE)
        found.append(train())
    return Timed(statistics.median(one.seconds for one in found), found[0].losses)


def together(config: Config, rounds: int) -> Timed:
    """All members as one program."""
    with tempfile.TemporaryDirectory() as folder:
        (run,) = prepare_population(config, load_dataset(pooled(config)), Path(folder))
    state = init_members(run)
    call = choose_driver(run).compile(run, state)

    def train() -> Timed:
        fresh = jax.block_until_ready(jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), state))
        began = time.perf_counter()
        _, logs, _ = jax.block_until_ready(call(run.data, fresh, jnp.int32(1)))
        return Timed(time.perf_counter() - began, np.asarray(logs["valid_loss"][0]))

    return median_of(rounds, train)


def first_states(run: Run) -> list[tuple[Run, Any]]:
    """The first runs of one net, and the states that they begin with."""
    runs = [
        replace(run, data=run.data.replace(key=jax.random.key(seed))) for seed in range(MEASURED)
    ]
    return [(own, choose_driver(own).init(own)) for own in runs]


def in_turns(run: Run, rounds: int) -> Timed:
    """Seconds for one net, by the program of a run of one net."""
    runs, states = zip(*first_states(run), strict=True)
    call = choose_driver(run).compile(run, states[0])

    def train() -> Timed:
        fresh = [jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), state) for state in states]
        jax.block_until_ready(fresh)
        losses = []
        began = time.perf_counter()
        for own, state in zip(runs, fresh, strict=True):
            _, logs, _ = jax.block_until_ready(call(own.data, state, jnp.int32(1)))
            losses.append(float(logs["valid_loss"][0]))
        return Timed((time.perf_counter() - began) / MEASURED, losses)

    return median_of(rounds, train)


def torch_net(params: Any) -> Any:
    """A torch module with these weights: two dense layers, or an LSTM whose last step is read."""
    import torch

    def linear(weights: Any) -> Any:
        layer = torch.nn.Linear(*weights["kernel"].shape)
        layer.load_state_dict(
            {"weight": torch.tensor(weights["kernel"].T), "bias": torch.tensor(weights["bias"])}
        )
        return layer

    class Last(torch.nn.Module):
        def __init__(self, weights: Any, head: Any):
            super().__init__()
            self.layer = torch.nn.LSTM(
                len(weights["kernel"]), len(weights["recurrent_kernel"]), batch_first=True
            )
            self.layer.load_state_dict(
                {
                    "weight_ih_l0": torch.tensor(weights["kernel"].T),
                    "weight_hh_l0": torch.tensor(weights["recurrent_kernel"].T),
                    "bias_ih_l0": torch.tensor(weights["bias"]),
                    "bias_hh_l0": torch.zeros(len(weights["bias"])),
                }
            )
            self.head = linear(head)

        def forward(self, x_btf: Any) -> Any:
            return self.head(self.layer(x_btf)[0][:, -1])

    if "lstm" in params:
        (head,) = (weights for name, weights in params.items() if name != "lstm")
        return Last(params["lstm"]["layer_0"]["forward"], head)
    layers = [
        layer for weights in params["body"].values() for layer in (linear(weights), torch.nn.ReLU())
    ]
    return torch.nn.Sequential(*layers, *map(linear, params["output"].values()))


def pytorch(run: Run, rounds: int) -> Timed:
    """Seconds for one net, by a loop over tensors, from the same weights."""
    import torch

    config = run.config
    began_with = [jax.device_get(state.weights.params) for _, state in first_states(run)]
    arrays = run.dataset.take(run.data.arrays, jnp.arange(len(run.data.train_weight)))
    inputs = torch.from_numpy(np.array(arrays.inputs["numbers"], np.float32))
    target = torch.from_numpy(np.array(arrays.target[run.dataset.heads[0].name], np.float32))
    chosen = [
        torch.from_numpy(np.array(rows, np.int64)) for rows in (run.data.train, run.data.valid)
    ]
    (x, y), (x_valid, y_valid) = [(inputs[rows], target[rows]) for rows in chosen]

    def train() -> Timed:
        seconds = 0.0
        losses = []
        for params in began_with:
            net = torch_net(params)
            optimizer = torch.optim.Adam(
                net.parameters(), lr=config.optim.learning_rate, eps=config.optim.epsilon
            )
            began = time.perf_counter()
            for _ in range(config.train.epochs):
                order = torch.randperm(len(x))
                for rows in order.split(config.train.batch_size):
                    optimizer.zero_grad(set_to_none=True)
                    torch.nn.functional.mse_loss(net(x[rows]), y[rows]).backward()
                    optimizer.step()
            with torch.no_grad():
                losses.append(float(torch.nn.functional.mse_loss(net(x_valid), y_valid)))
            seconds += time.perf_counter() - began
        return Timed(seconds / MEASURED, losses)

    return median_of(rounds, train)


def compare(config: Config, many: list[int], rounds: int) -> None:
    """A line for each number of nets."""
    with tempfile.TemporaryDirectory() as folder:
        run = prepare(config, load_dataset(config), Path(folder))
    ours = in_turns(run, rounds)
    theirs = pytorch(run, rounds)
    for k in many:
        whole = together(replace(config, population=Population(seeds=k)), rounds)
        cells = [whole.seconds, k * ours.seconds, k * theirs.seconds]
        ratios = [seconds / whole.seconds for seconds in cells[1:]]
        print(
            f"{config.net.hidden[0]:>6}{k:>6}"
            + "".join(f"{seconds:>11.3f}" for seconds in cells)
            + "".join(f"{ratio:>9.2f}" for ratio in ratios)
            + "".join(
                f"{np.mean(side.losses[: min(k, MEASURED)]):>9.4f}"
                for side in (whole, ours, theirs)
            ),
            flush=True,
        )


def compare_folds(config: Config, rounds: int) -> None:
    """Five folds of one net, trained and judged."""
    from sklearn.model_selection import cross_val_score
    from sklearn.neural_network import MLPRegressor

    whole = together(replace(config, population=Population(folds=5)), rounds)
    table = pq.read_table(config.data.path)
    x = np.column_stack([table[f"x{i}"] for i in range(10)]).astype(np.float32)
    y = np.asarray(table["y"])
    x = (x - x.mean(0)) / x.std(0)
    y = (y - y.mean()) / y.std()
    net = MLPRegressor(
        hidden_layer_sizes=config.net.hidden,
        batch_size=config.train.batch_size,
        max_iter=config.train.epochs,
        alpha=0,
        random_state=0,
        n_iter_no_change=10**6,
    )

    def cross_validate() -> Timed:
        began = time.perf_counter()
        score = cross_val_score(net, x, y, cv=5, n_jobs=2, scoring="neg_mean_squared_error")
        return Timed(time.perf_counter() - began, -score)

    os.environ["PYTHONWARNINGS"] = "ignore"  # its processes tell of each net that it could go on
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = median_of(rounds, cross_validate)
    print(
        f"{config.net.hidden[0]:>6}{whole.seconds:>11.3f}{theirs.seconds:>14.3f}"
        f"{theirs.seconds / whole.seconds:>9.2f}"
        f"{np.mean(whole.losses):>9.4f}{np.mean(theirs.losses):>9.4f}",
        flush=True,
    )


def seconds_of(*options: str) -> float:
    """Of a whole command."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "train.main",
            "--config=configs/diabetes.py",
            f"--workdir={folder}/run",
        ]
        began = time.perf_counter()
        subprocess.run([*command, *options], check=True, capture_output=True, cwd=ROOT)
        return time.perf_counter() - began


def compare_commands(n_single: int) -> None:
    forty = ("--config.population.seeds=8", "--config.population.folds=5")
    seconds_of()  # both leave their compiled programs on the disk
    seconds_of(*forty)
    singles = [seconds_of(f"--config.seed={seed}") for seed in range(n_single)]
    whole = seconds_of(*forty)
    print(
        f"\nconfigs/diabetes.py, whole commands: 40 nets (8 seeds x 5 folds) at once {whole:.1f} s"
    )
    print(
        f"{n_single} runs of one net {sum(singles):.1f} s; 40 nets cost "
        f"{whole / statistics.mean(singles):.2f} of them"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="few nets, few epochs: that all of it runs"
    )
    quick = parser.parse_args().quick
    rounds, few = (1, [1, 8]) if quick else (3, [1, 8, 32, 128])
    print(f"{jax.devices()[0].device_kind}, {os.cpu_count()} cores, jax {jax.__version__}; seconds")
    head = (
        "hidden  nets   together   in turns    PyTorch   ratios to together   losses of the three"
    )
    with tempfile.TemporaryDirectory() as folder:
        for n, batch_size, epochs in ((442, 32, 30), (4000, 64, 5)):
            print(f"\n{n:,} rows x 10, batch {batch_size}, {epochs} epochs, two layers\n{head}")
            for hidden in (16,) if quick else (16, 64, 128):
                compare(tables(Path(folder), hidden, n, batch_size, epochs), few, rounds)
        print(f"\n512 sequences x {STEPS} steps x {CHANNELS}, batch 32, 2 epochs, one LSTM\n{head}")
        for hidden in (16,) if quick else (16, 64, 128):
            compare(sequences(Path(folder), hidden, 512, 32, 2), few[:3], rounds)
        print(
            "\n442 rows x 10, five folds, batch 32, 30 epochs\nhidden   together  "
            "scikit-learn    ratio   losses"
        )
        for hidden in (16,) if quick else (16, 64, 128):
            compare_folds(tables(Path(folder), hidden, 442, 32, 30), rounds)
    compare_commands(1 if quick else 5)
