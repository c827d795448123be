"""Clusters: seconds for five passes over 100,000 rows x 16, and the inertia or error they end in.

    pip install -e ".[bench]" && python bench/clusters.py [--rows 100000] [--rounds 3] [--seed 0]

K-means by mini-batches against scikit-learn's MiniBatchKMeans, both from one k-means++ start, and a
self-organising map against MiniSom, in turns in one process. Compilation is excluded, and printed
apart; starts are excluded too.

A map's two errors are traded for each other by how far its neighbourhood shrinks, so MiniSom is
shown at two widths. The batch form moves its units once a pass: five moves are few, and twenty
still take a tenth of MiniSom's time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import nets
from nets.maps import map_distances
from nets.units import squared_distances
from train.config import Competitive, Config, SelfOrganizingMap, Table, Train
from train.core.network import make_units
from train.core.optim import make_optimizer
from train.core.program import Data, Program
from train.core.state import init_state
from train.core.step import train_epoch
from train.core.tasks import make_tasks
from train.core.weights import init_weights
from train.data.dataset import Batch
from train.data.table.dataset import TableDataset
from train.data.table.encoder import TableEncoder

COLUMNS = 16
UNITS = 50
SHAPE = (10, 10)
EPOCHS = 5
BATCH = 1024
# Seconds before each turn: threads of whoever went before spin for a while, and would slow the
# next.
PAUSE = 0.5


def make_rows(n: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(UNITS, COLUMNS)) * 3
    return (centres[random.integers(UNITS, size=n)] + random.normal(size=(n, COLUMNS))).astype(
        np.float32
    )


def ours(
    x: np.ndarray, net: Competitive | SelfOrganizingMap, epochs: int = EPOCHS
) -> tuple[Callable[[], np.ndarray], np.ndarray, float]:
    """A function that trains afresh and gives the units, their start, and the time to compile.

    The time is in seconds.
    """
    n = len(x)
    config = Config(
        data=Table(scaling="none"), net=net, train=Train(epochs=epochs, batch_size=BATCH)
    )
    network = make_units(config.data, net, TableEncoder((), (), ()))
    n_steps = -(-n // BATCH)
    tasks = make_tasks((nets.HeadShape("cluster", "cluster", 1),), "auto")
    optimizer = make_optimizer(config.optim, 1)
    program = Program(
        network, TableDataset.take, tasks, optimizer, config, n_steps * epochs, n_steps
    )
    rows = jnp.arange(n, dtype=jnp.int32)
    arrays = Batch({"numbers": jnp.asarray(x)}, {"cluster": jnp.full(n, -1)}, jnp.ones(n))
    data = Data(arrays, jnp.ones(n), rows, rows[:0], {"inputs": {}}, jax.random.key(0))
    weights = init_weights(
        network, data.statistics, {"numbers": jnp.asarray(x[:20_000])}, jax.random.key(0)
    )

    def run(data: Data, state: Any) -> Any:
        return jax.lax.fori_loop(
            0, epochs, lambda _, state: train_epoch(program, data, state)[0], state
        )

    state = init_state(weights, optimizer, average=False)
    began = time.perf_counter()
    compiled = jax.jit(run).lower(data, state).compile()
    compile_seconds = time.perf_counter() - began

    def train() -> np.ndarray:
        return np.asarray(compiled(data, state).weights.params["units"][0])

    return train, np.asarray(weights.params["units"][0]), compile_seconds


def scikit_learns(x: np.ndarray, start: np.ndarray) -> np.ndarray:
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(
        UNITS,
        init=start,
        n_init=1,
        batch_size=BATCH,
        max_iter=EPOCHS,
        max_no_improvement=None,
        tol=0.0,
        reassignment_ratio=0.0,
        compute_labels=False,
    )
    return model.fit(x).cluster_centers_


def minisoms(x: np.ndarray, start: np.ndarray, width: float) -> np.ndarray:
    from minisom import MiniSom

    model = MiniSom(*SHAPE, COLUMNS, sigma=width, learning_rate=0.5, random_seed=0)
    model._weights = start.reshape(*SHAPE, COLUMNS).astype(np.float64)
    model.train(x, EPOCHS * len(x), random_order=True)
    return model._weights.reshape(-1, COLUMNS)


def quality(x: np.ndarray, units: np.ndarray, shape: tuple[int, int] | None) -> str:
    distance_nk = np.asarray(squared_distances(jnp.asarray(x), jnp.asarray(units, jnp.float32)))
    if shape is None:
        return f"inertia {distance_nk.min(1).sum():,.0f}"
    two = np.argpartition(distance_nk, 1, 1)[:, :2]
    apart = (map_distances(shape, "rectangular") >= 1.5)[two[:, 0], two[:, 1]].mean()
    return f"quantisation error {np.sqrt(distance_nk.min(1)).mean():.3f}, topographic {apart:.3f}"


def turn(train: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    time.sleep(PAUSE)
    began = time.perf_counter()
    units = train()
    return time.perf_counter() - began, units


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    x = make_rows(arguments.rows, arguments.seed)
    kmeans, start, seconds = ours(x, Competitive(units=UNITS, rule="mini_batch"))
    sides = {"k-means": {f"denseq (compiled in {seconds:.1f} s)": kmeans}, "map": {}}
    sides["k-means"]["scikit-learn"] = partial(scikit_learns, x, start)
    for rule, epochs in (("online", EPOCHS), ("batch", EPOCHS), ("batch", 4 * EPOCHS)):
        train, first, seconds = ours(x, SelfOrganizingMap(shape=SHAPE, rule=rule), epochs)
        sides["map"][f"denseq, {rule}, {epochs} passes (compiled in {seconds:.1f} s)"] = train
    for width in (1.5, 2.0):
        sides["map"][f"MiniSom, width {width}, {EPOCHS} passes"] = partial(
            minisoms, x, first, width
        )
    for name, programs in sides.items():
        seconds_of: dict[str, list[float]] = {side: [] for side in programs}
        found = {}
        for _ in range(arguments.rounds):
            for side, train in programs.items():
                spent, found[side] = turn(train)
                seconds_of[side].append(spent)
        for side, spent in seconds_of.items():
            text = quality(x, found[side], SHAPE if name == "map" else None)
            print(f"{name:8} {side:48} {statistics.median(spent):8.2f} s  {text}", flush=True)


if __name__ == "__main__":
    main()
