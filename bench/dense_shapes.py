"""Dense layers by the compiled kernel and by XLA: epochs of both in turns, over widths and batches.

    python bench/dense_shapes.py [--rows 16512] [--rounds 5] [--widths 32 128] [--batches 32 256]

Rows, nets and optimizer are those of bench/dense.py: two hidden layers, dropout .1. Milliseconds of
an epoch are the least and the median of the rounds; the ratio is XLA's median over the kernel's.
"taken" is what a run takes of the two (`suits` in nets/kernels/dense_choice.py), whose bounds this
table is to tell. The last line is the default recipe for tables (configs/table.py), all of it, on
the rows of bench/population.py. Compilation is excluded.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import jax
import jax.numpy as jnp
from dense import make_rows, ours
from members import Timer
from population import one_round, write_rows

from nets.kernels import library
from nets.kernels.dense_choice import suits
from nets.layers import DenseLayers, Form
from train import config
from train.data.load import load_dataset
from train.run.prepare import prepare

COLUMNS = 8
BATCH = 256  # of the recipe for tables, as "auto" would choose for so many rows

Epoch = Callable[[], object]


def layers_by(kernel: bool, n: int, width: int, batch: int) -> Epoch:
    """An epoch of two layers by one of the two, compiled."""
    with patch("nets.dense.suits", return_value=kernel):
        side = ours(make_rows(n, COLUMNS, batch, width))
        side.train(1)
    return lambda: side.train(1)


def is_taken(width: int, batch: int) -> bool:
    """Whether a run has the kernel for two layers of this width."""

    def of(*shape: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(shape, jnp.float32)

    kernels = (of(COLUMNS, width), of(width, width))
    given = DenseLayers(of(batch, COLUMNS), kernels, (of(width), of(width)))  # type: ignore[arg-type]
    return suits(Form("relu"), given)


def recipe_by(kernel: bool, path: Path) -> Epoch:
    """An epoch of configs/table.py by one of the two, compiled."""
    where = {"data.path": str(path), "data.target": "y", "data.test": "0"}
    recipe = replace(config.load("table", where), train=one_round(1, BATCH))
    with tempfile.TemporaryDirectory() as folder, nullcontext() if kernel else library.portable():
        timer = Timer(prepare(recipe, load_dataset(recipe), Path(folder)))
    return timer.seconds_per_update


def compare(name: str, taken: bool, sides: Sequence[Epoch], rounds: int) -> None:
    """A line: epochs by the kernel and by XLA in turns."""
    seconds: list[list[float]] = [[], []]
    for _ in range(rounds):
        for side, found in zip(sides, seconds, strict=True):
            began = time.perf_counter()
            side()
            found.append(time.perf_counter() - began)
    kernel, xla = (statistics.median(found) for found in seconds)
    cells = [f"{1e3 * value:>10.2f}" for value in (min(seconds[0]), kernel, min(seconds[1]), xla)]
    word = "kernel" if taken else "XLA"
    print(f"{name:<26}{''.join(cells)}{xla / kernel:>8.2f}  {word}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=16512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64, 128, 256, 512])
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 256, 1024])
    asked = parser.parse_args()
    machine = f"{jax.devices()[0].device_kind}, {os.cpu_count()} cores, jax {jax.__version__}"
    print(f"{machine}, {library.core()}, load {os.getloadavg()[0]:.1f}")
    heads = "".join(f"{head:>10}" for head in ("kernel min", "median", "XLA min", "median"))
    print(f"{'ms an epoch':<26}{heads}   ratio  taken")
    for width in asked.widths:
        for batch in asked.batches:
            both = [layers_by(kernel, asked.rows, width, batch) for kernel in (True, False)]
            compare(f"2 x {width}, batch {batch}", is_taken(width, batch), both, asked.rounds)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "rows.parquet"
        write_rows(table, asked.rows)
        both = [recipe_by(kernel, table) for kernel in (True, False)]
        compare("configs/table.py", True, both, asked.rounds)
