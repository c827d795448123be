"""Dense nets on an accelerator: milliseconds of an update of one net and of K at once.

    python bench/accelerator_dense.py --seconds=65 [--quick]

The shapes of bench/dense.py (two layers of 128, dropout .1, rmsprop) and of bench/population.py
(two layers of 64, adam). Ours is a whole program of epochs, one call. PyTorch has its rows on the
card and takes one step after the other ("torch"), or replays a step recorded as a CUDA graph
("torch_graph"): batches are copied into its fixed inputs. K nets of PyTorch are K times one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import dense
import jax
import jax.numpy as jnp
import population
from accelerator_sides import (
    has_torch,
    in_cuda_graph,
    milliseconds,
    say,
    synchronize,
    torch_device,
)

from train.config import Population
from train.config.members import pooled
from train.data.load import load_dataset
from train.loop import choose_driver
from train.population.groups import prepare_population
from train.population.vmapped import init_members


class Net(NamedTuple):
    """What PyTorch trains: layers, dropout, and the optimizer's name."""

    hidden: tuple[int, ...]
    dropout: float
    optimizer: str


def torch_times(net: Net, rows: dense.Rows, rounds: int, least: float) -> dict[str, float | None]:
    """Milliseconds of an update, by PyTorch's loop and by a CUDA graph."""
    if not has_torch():
        return {"torch": None, "torch_graph": None}
    import torch

    torch.manual_seed(0)
    device = torch_device()
    x, y = (torch.from_numpy(array).to(device) for array in (rows.x, rows.y))
    layers: list[Any] = []
    width = x.shape[1]
    for hidden in net.hidden:
        layers += [torch.nn.Linear(width, hidden), torch.nn.ReLU(), torch.nn.Dropout(net.dropout)]
        width = hidden
    module = torch.nn.Sequential(*layers, torch.nn.Linear(width, 1)).to(device)
    on_card = device.type == "cuda"
    made: dict[str, Any] = {
        "rmsprop": torch.optim.RMSprop(
            module.parameters(), lr=1e-3, alpha=0.9, eps=1e-7, capturable=on_card
        ),
        "adam": torch.optim.Adam(module.parameters(), lr=1e-3, capturable=on_card),
    }
    optimizer = made[net.optimizer]
    batch_x = x[: rows.batch].clone()
    batch_y = y[: rows.batch].clone()

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.mse_loss(module(batch_x)[:, 0], batch_y).backward()
        optimizer.step()

    def calls_of(advance: Callable[[], object]) -> Callable[[int], None]:
        def calls(n: int) -> None:
            done = 0
            while done < n:
                order = torch.randperm(len(x), device=device)
                for start in range(0, len(x) - rows.batch + 1, rows.batch):
                    chosen = order[start : start + rows.batch]
                    batch_x.copy_(x[chosen])
                    batch_y.copy_(y[chosen])
                    advance()
                    done += 1
                    if done == n:
                        break
            synchronize()

        return calls

    found: dict[str, float | None] = {"torch": milliseconds(calls_of(step), rounds, least)}
    replay = in_cuda_graph(step)
    found["torch_graph"] = None if replay is None else milliseconds(calls_of(replay), rounds, least)
    return found


def compare_dense(n: int, rounds: int, least: float) -> None:
    """One net on n rows."""
    columns, batch, epochs = dense.SHAPES.get(n, (8, 32, 2))
    rows = dense.make_rows(n, columns, batch)
    side = dense.ours(rows)
    steps = -(-n // batch)
    ours = milliseconds(lambda k: side.train(k * epochs), rounds, least) / (epochs * steps)
    row: dict[str, object] = {"rows": n, "batch": batch, "hidden": "128-128", "nets": 1}
    row |= {"ours": ours}
    row |= torch_times(Net((128, 128), dense.DROPOUT, "rmsprop"), rows, rounds, least)
    say(**with_ratios(row))


def compare_population(k: int, n: int, rounds: int, least: float) -> None:
    """K nets on n rows, as one program."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        epochs = 30
        config = population.tables(folder, 64, n, 32, epochs)
        config = replace(config, population=Population(seeds=k)) if k > 1 else config
        (run,) = prepare_population(config, load_dataset(pooled(config)), folder)
        state = init_members(run)
        call = choose_driver(run).compile(run, state)
        steps = run.program.steps_per_epoch * epochs

        def calls(n_calls: int) -> None:
            for _ in range(n_calls):
                fresh = jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), state)
                last = call(run.data, fresh, jnp.int32(1))
            jax.block_until_ready(last)

        ours = milliseconds(calls, rounds, least) / steps
    row: dict[str, object] = {"rows": n, "batch": 32, "hidden": "64-64", "nets": k, "ours": ours}
    times = torch_times(Net((64, 64), 0.0, "adam"), dense.make_rows(n, 10, 32), rounds, least)
    for side, time_of_one in times.items():
        row[side] = None if time_of_one is None else k * time_of_one
    say(**with_ratios(row))


def with_ratios(row: dict[str, object]) -> dict[str, object]:
    """The row, and how many times ours each side takes."""
    ours = row["ours"]
    ratios: dict[str, object] = {}
    for side in ("torch", "torch_graph"):
        theirs = row[side]
        if isinstance(theirs, float) and isinstance(ours, float):
            ratios[f"{side}_ratio"] = theirs / ours
    return row | ratios


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=65)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    began = time.monotonic()
    least = 0.02 if options.quick else 0.3
    work: list[tuple[str, Callable[[], None]]] = []
    for k in (1, 2) if options.quick else (1, 8, 64):
        n = 100 if options.quick else 442
        work.append((f"{k} nets", lambda k=k, n=n: compare_population(k, n, 3, least)))
    for n in (100,) if options.quick else (442, 16512, 1_000_000):
        work.append((f"{n} rows", lambda n=n: compare_dense(n, 3, least)))
    for name, measure in work:
        if time.monotonic() - began > options.seconds:
            say(note=f"the time was over: {name} left out")
            continue
        try:
            measure()
        except Exception as error:
            say(note=f"{name}: {type(error).__name__}: {str(error)[:500]}")


if __name__ == "__main__":
    main()
