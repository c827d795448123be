"""Sums over the parts of a batch, on one device and on several, against the whole batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_nets import keep_mask

from nets.batch_axis import part_of_batch
from nets.dense import BatchNorm
from nets.dropout import random_bits
from train.core.batch_parts import PartResult, Parts, padded_size, sum_over_parts

ROOT = Path(__file__).parents[2]
GRADIENTS = """
import dataclasses, json, sys
from functools import partial
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, Mesh, PartitionSpec
import nets
from tests import core_runs
from train.config.options import Config, Optim, Train
from train.core.batch_parts import BATCH, Parts, padded_size
from train.core.step import gradients

mesh = Mesh(np.array(jax.devices()), (BATCH,), axis_types=(AxisType.Auto,))
P = PartitionSpec()
found = {}
for name, (body, wanted) in json.loads(sys.argv[1]).items():
    config = Config(train=Train(epochs=4, batch_size=10), optim=Optim(l1=1e-2, l2=1e-2))
    program, data, state = core_runs.make_run(config, heads=core_runs.ALL, **body)
    rows = jnp.arange(padded_size(Parts(8), 10)) % 10
    batch = program.take(data.arrays, rows)
    weight_b = jnp.array([3.0, 0.1, 0, 7, 1, 1, 0, 0, 0, 0.5])
    weight_b = jnp.concatenate([weight_b, jnp.zeros(6)])  # some parts have none at all
    batch = batch._replace(weight=weight_b)

    def of(parts, data, state, batch):
        return gradients(dataclasses.replace(program, parts=parts), data, state, (batch,), 10.0)

    whole = jax.jit(partial(of, Parts()))(data, state, batch)
    shared, exact = Parts(4, 4), Parts(8, 4, True)
    specs = dict(mesh=mesh, in_specs=P, out_specs=P, check_vma=False)
    places = np.arange(4)
    ways = {
        "jit": lambda parts: jax.jit(jax.shard_map(partial(of, parts), **specs))(
            data, state, batch
        ),
        "pmap": lambda parts: jax.pmap(
            lambda _, *given: of(parts, *given), BATCH, in_axes=(0, None, None, None), out_axes=None
        )(places, data, state, batch),
    }
    largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(whole[0]))
    for way, call in ways.items():
        for how, parts in (("shared", shared), ("exact", exact)):
            if f"{way} {how}" not in wanted:
                continue
            grads, sums, stats, _ = call(parts)
            off = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), grads, whole[0])
            once = max(jax.tree.leaves(off)) / largest
            rest = zip(jax.tree.leaves((sums, stats)), jax.tree.leaves(whole[1:]), strict=True)
            assert all(np.allclose(a, b, rtol=1e-5, atol=1e-6) for a, b in rest)
            wrong = jax.tree.map(lambda a, b: float(jnp.abs(4 * a - b).max()), grads, whole[0])
            four_times = max(jax.tree.leaves(wrong)) / largest
            found[f"{name}, {way} {how}"] = {"once": once, "four times": four_times}
print(json.dumps(found))
"""
BODIES = {
    "dropout": {"dropout": 0.5},
    "layer norm": {"norm": "layer", "dropout": 0.2},
    "batch norm": {"norm": "batch", "dropout": 0.2},
}


# Exact parts of a batch, which have no mean in common, are refused to batch norm.
WAYS = {
    "dropout": ("jit shared", "pmap shared", "jit exact", "pmap exact"),
    "layer norm": ("jit shared", "pmap exact"),
    "batch norm": ("jit shared", "pmap shared"),
}


@pytest.fixture(scope="module")
def differences() -> dict[str, dict[str, float]]:
    """By how much of the largest gradient those of four devices differ from those of one."""
    flags = os.environ.get("XLA_FLAGS", "")
    environment = os.environ | {
        "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count=4".strip(),
        "PYTHONPATH": str(ROOT),
    }
    asked = {name: (body, WAYS[name]) for name, body in BODIES.items()}
    command = [sys.executable, "-c", GRADIENTS, json.dumps(asked)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(("body", "way"), [(body, way) for body in WAYS for way in WAYS[body]])
def test_raw_gradients_of_four_devices_are_those_of_one(
    body: str, way: str, differences: dict[str, dict[str, float]]
) -> None:
    found = differences[f"{body}, {way}"]
    assert found["once"] < 1e-6
    assert found["four times"] > 1, "the test could not tell a factor"


@settings(max_examples=10)
@given(st.integers(1, 9), st.integers(1, 6))
def test_parts_on_one_device_add_up_to_the_whole(count: int, n_rows: int) -> None:
    size = padded_size(Parts(count), n_rows)
    assert 0 <= size - n_rows < count and size % count == 0
    x_b = np.random.default_rng(0).normal(size=size).astype(np.float32)
    found = sum_over_parts(
        Parts(count, 1, True),
        {"x": jnp.asarray(x_b)},
        lambda rows: PartResult(rows["x"].sum(), 7.0, 2 * rows["x"]),
    )
    np.testing.assert_array_equal(found.per_row, 2 * x_b)
    np.testing.assert_allclose(found.summed, x_b.astype(np.float64).sum(), rtol=1e-5, atol=1e-5)
    assert float(found.common) == 7.0


@pytest.mark.parametrize("batch_axis", [0, 1, 2])
def test_a_row_draws_the_same_wherever_its_batch_is_divided(batch_axis: int) -> None:
    key = jax.random.key(3)
    shape = [3, 4, 5]
    shape[batch_axis] = 6
    whole = np.asarray(random_bits(key, tuple(shape), batch_axis))
    shape[batch_axis] = 2
    pieces = []
    for i in range(3):
        with part_of_batch(jnp.int32(i), None):
            pieces.append(random_bits(key, tuple(shape), batch_axis))
    np.testing.assert_array_equal(np.concatenate(pieces, batch_axis), whole)
    assert len(np.unique(whole)) == whole.size


def test_rows_that_come_after_change_no_draw() -> None:
    key = jax.random.key(5)
    np.testing.assert_array_equal(
        keep_mask(key, 0.5, (2, 7, 3), 1)[:, :4], keep_mask(key, 0.5, (2, 4, 3), 1)
    )


def test_batch_norm_of_parts_takes_the_mean_of_all() -> None:
    x_bf = np.random.default_rng(1).normal(3, 2, (8, 4)).astype(np.float32)
    weight_b = np.array([1, 1, 1, 1, 1, 0, 0, 0], np.float32)
    norm = BatchNorm()
    variables = norm.init(jax.random.key(0), x_bf, weight_b, train=False)

    def gradients_of_part(x_bf, weight_b):
        with part_of_batch(jax.lax.axis_index("part"), "part"):
            return norm.apply(variables, x_bf, weight_b, train=True, mutable=["batch_stats"])[0]

    parts = jax.vmap(gradients_of_part, axis_name="part")(
        x_bf.reshape(2, 4, 4), weight_b.reshape(2, 4)
    )
    real = x_bf[:5].astype(np.float64)
    expected = (x_bf - real.mean(0)) / np.sqrt(real.var(0) + 1e-3)
    np.testing.assert_allclose(parts.reshape(8, 4), expected, atol=1e-5)
