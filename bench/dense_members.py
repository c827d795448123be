"""Dense nets side by side by the compiled kernel and by XLA: processor time of a training step.

    python bench/dense_members.py [--widths 128 256] [--batches 32 64 128 256] [--nets 1 2 5 8 32]

Two hidden layers with dropout .1 and a linear output, gradient descent on random rows, vmapped over
nets that each have weights of their own. Both take turns in one process; each figure is the median
of the rounds' ratios, processor time of the kernel over that of XLA, which says as much where other
programs use the machine. The table tells from how many rows on the kernel should be taken (`suits`
in nets/kernels/dense_choice.py).
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from unittest.mock import patch

import jax
import jax.numpy as jnp

import nets
from nets.base import Array, Tree
from nets.kernels import library

COLUMNS = 8
SECONDS = 0.15  # of processor time for a turn, so that what starts a call does not count
DROPOUT = 0.1
RATE = 1e-3


def steps_by(kernel: bool, width: int, batch: int, n_nets: int, activation: str) -> Callable:
    """Calls of so many training steps of all nets by one of the two, compiled."""
    body = nets.Dense((width, width), activation=activation, dropout=DROPOUT)
    keys = jax.random.split(jax.random.key(0), n_nets)
    x_bf = jax.random.normal(jax.random.key(1), (batch, COLUMNS))

    def start(key: Array) -> Tree:
        return body.init(key, x_bf, train=False), jnp.full((width,), 0.1)

    def loss(weights: Tree, key: Array) -> Array:
        variables, head_h = weights
        h_bh = body.apply(variables, x_bf, train=True, rngs={"dropout": key})
        return jnp.square(h_bh @ head_h - x_bf.sum(1)).mean()  # type: ignore[operator]

    def step(i: Array, weights: Tree, key: Array) -> Tree:
        grads = jax.grad(loss)(weights, jax.random.fold_in(key, i))
        return jax.tree.map(lambda weight, grad: weight - RATE * grad, weights, grads)

    def run(weights: Tree, n: Array) -> Tree:
        def train(weights: Tree, key: Array) -> Tree:
            return jax.lax.fori_loop(0, n, partial(step, key=key), weights)

        return jax.vmap(train)(weights, keys)

    weights = jax.vmap(start)(keys)
    with patch("nets.dense.suits", return_value=kernel):
        call = jax.jit(run)
        jax.block_until_ready(call(weights, 1))
    return lambda n: jax.block_until_ready(call(weights, n))


def processor_seconds(call: Callable, n: int) -> float:
    began = time.process_time()
    call(n)
    return time.process_time() - began


def ratio(width: int, batch: int, n_nets: int, activation: str, rounds: int) -> float:
    """Processor time of the kernel over that of XLA."""
    both = [steps_by(kernel, width, batch, n_nets, activation) for kernel in (True, False)]
    n = max(1, int(SECONDS * 20 / processor_seconds(both[1], 20)))
    found = [[processor_seconds(call, n) for call in both] for _ in range(rounds)]
    return statistics.median(kernel / xla for kernel, xla in found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--widths", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 64, 128, 256])
    parser.add_argument("--nets", type=int, nargs="+", default=[1, 2, 5, 8, 32])
    parser.add_argument("--activation", default="relu")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    machine = f"{jax.devices()[0].device_kind}, {os.cpu_count()} cores, jax {jax.__version__}"
    print(f"{machine}, {library.core()}, {asked.activation}, load {os.getloadavg()[0]:.1f}")
    print(f"{'width, batch':<14}" + "".join(f"{n:>8}" for n in asked.nets))
    for width in asked.widths:
        for batch in asked.batches:
            line = [ratio(width, batch, n, asked.activation, asked.rounds) for n in asked.nets]
            cells = "".join(f"{value:>8.2f}" for value in line)
            print(f"{f'{width}, {batch}':<14}{cells}", flush=True)
