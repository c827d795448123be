"""Members that share weights: seconds of an update of 32 of them over those of one net so wide.

    python bench/members.py [--quick]

The two take turns within one process, so that what else runs on the machine touches both; the ratio
is the median over rounds. "equal batches": each member sees as many rows in an update as the one
net, so that an epoch costs all members a pass over the rows. "equal products": each sees a 32nd of
them, so that a shared weight sees as many rows as the one net's. Compilation is excluded.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
from population import one_round, write_rows

from train.config import Config, Dense, Optim, Table
from train.data.load import load_dataset
from train.loop import choose_driver
from train.run.prepare import prepare
from train.run.run import Run

MEMBERS = 32


class Timer:
    """A compiled run and the state that it begins with."""

    def __init__(self, run: Run):
        self.run = run
        self.state = choose_driver(run).init(run)
        self.call = choose_driver(run).compile(run, self.state)
        self.seconds_per_update()  # warms up

    def seconds_per_update(self) -> float:
        """Of a round of training from the same beginning."""
        fresh = jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), self.state)
        jax.block_until_ready(fresh)
        began = time.perf_counter()
        jax.block_until_ready(self.call(self.run.data, fresh, jnp.int32(1)))
        return (time.perf_counter() - began) / self.run.program.total_steps


def timer(path: Path, net: Dense, batch_size: int, epochs: int) -> Timer:
    config = Config(
        data=Table(path=str(path), target="y", test=0),
        net=net,
        optim=Optim(name="adamw", learning_rate=1e-3),
        train=one_round(epochs, batch_size),
    )
    with tempfile.TemporaryDirectory() as folder:
        return Timer(prepare(config, load_dataset(config), Path(folder)))


def compare(path: Path, n: int, net: Dense, batch_size: int, rounds: int) -> None:
    """A line for one width and number of rows."""
    many = replace(net, members=MEMBERS)
    small = max(1, batch_size // MEMBERS)
    epochs = max(1, round(100 * batch_size / n))
    one = timer(path, net, batch_size, epochs)
    equal = timer(path, many, batch_size, 1)
    thin = timer(path, many, small, max(1, round(50 * small / n)))
    found = []
    for _ in range(rounds):
        alone = one.seconds_per_update()
        found.append((alone, equal.seconds_per_update() / alone, thin.seconds_per_update() / alone))
    alone, of_equal, of_thin = (statistics.median(column) for column in zip(*found, strict=True))
    print(
        f"{n:>7,}{batch_size:>7}{net.hidden!s:>18}{1e3 * alone:>12.3f}"
        f"{of_equal:>15.1f}{of_thin:>16.1f}",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few rounds, one width")
    quick = parser.parse_args().quick
    print(f"{jax.devices()[0].device_kind}, {os.cpu_count()} cores, jax {jax.__version__}")
    print("   rows  batch            hidden   one net, ms  equal batches  equal products")
    with tempfile.TemporaryDirectory() as folder:
        for n, batch_size in ((500, 32), (5000, 128), (20_000, 256)):
            path = Path(folder) / f"{n}.parquet"
            write_rows(path, n)
            for hidden in ((64, 64),) if quick else ((64, 64), (256, 256), (256, 256, 256)):
                compare(path, n, Dense(hidden), batch_size, 1 if quick else 3)
