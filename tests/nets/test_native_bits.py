"""The compiled LSTM core gives the same bits on any number of devices, threads and rows beside."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.marks import needs_kernels
from tests.nets.lstm_layers import (
    MOST,
    REVERSE,
    SMALL,
    Sizes,
    make_layer,
    make_pulls,
    native,
    native_both,
)

pytestmark = needs_kernels()


def digests(shapes: tuple[Sizes, ...] = ((33, 8, 5, 50),)) -> list[str]:
    """The bits of each shape's answer and gradient."""
    made = []
    for sizes in shapes:
        numbers = native_both(
            REVERSE,
            make_layer(sizes, REVERSE),
            make_pulls(sizes, REVERSE),
        )
        leaves = [np.asarray(part).tobytes() for part in jax.tree.leaves(numbers)]
        made.append(hashlib.sha256(b"".join(leaves)).hexdigest()[:16])
    return made


def run_python(arguments: list[str], **environment: str) -> list[str]:
    """The lines that a Python process prints."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)} | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


@pytest.mark.slow
def test_devices_give_the_same_and_threads_the_same_bits() -> None:
    # NPROC is how many threads XLA gives a computation; here it is the number of cores.
    devices = "--xla_force_host_platform_device_count=2"
    n_threads = str(len(os.sched_getaffinity(0)) + 1)
    lines = run_python(["tests/nets/native_devices.py"], XLA_FLAGS=devices, NPROC=n_threads)
    assert lines == ["equal on 2", *digests()]


@pytest.mark.slow
def test_gradients_have_the_same_bits_on_every_number_of_threads() -> None:
    shapes = ((64, 12, 8, 64), (70, 40, 70, 130), (7, 30, 9, 70), (96, 12, 8, 32), (2, 40, 70, 96))
    program = f"import tests.nets.test_native_bits as t; print(*t.digests({shapes!r}))"
    printed = {tuple(run_python(["-c", program], NPROC=str(n))) for n in (1, 2, 3, 4)}
    assert printed == {(" ".join(digests(shapes)),)}


# Each direction is cut in parts, whose sums meet.
@pytest.mark.parametrize("reverse", [(False,), REVERSE])
def test_the_same_bits_come_every_time(reverse: tuple[bool, ...]) -> None:
    layer = make_layer(MOST, reverse)
    pulls = make_pulls(MOST, reverse)
    first = jax.tree.leaves(native_both(reverse, layer, pulls))
    for _ in range(5):
        for mine, other in zip(
            jax.tree.leaves(native_both(reverse, layer, pulls)), first, strict=True
        ):
            np.testing.assert_array_equal(mine, other)


def test_a_row_has_the_same_bits_whatever_stands_beside_it() -> None:
    sizes = (13, 12, 3, 40)
    row = 5
    layer, others = (make_layer(sizes, REVERSE, seed) for seed in (0, 1))
    lengths = layer.lengths_b.at[row].set(12)
    first = native(REVERSE, layer._replace(lengths_b=lengths))
    for beside in (others.lengths_b, jnp.zeros_like(lengths), jnp.full_like(lengths, 12)):
        # All other rows are others, and of other lengths, so that this one is computed in other
        # company.
        mixed = others._replace(
            x_btf=others.x_btf.at[row].set(layer.x_btf[row]),
            lengths_b=beside.at[row].set(12),
            **{name: getattr(layer, name) for name in ("kernel_dfg", "recurrent_dhg", "bias_dg")},
            **{
                name: getattr(others, name).at[:, row].set(getattr(layer, name)[:, row])
                for name in ("h_dbh", "c_dbh", "mask_dbh")
            },
        )
        second = native(REVERSE, mixed)
        np.testing.assert_array_equal(second[0][row], first[0][row])
        np.testing.assert_array_equal(second[2][:, row], first[2][:, row])


def test_a_nan_stays_in_its_row() -> None:
    layer = make_layer(SMALL, REVERSE, masked=False)._replace(lengths_b=None)
    spoilt = layer._replace(x_btf=layer.x_btf.at[1, 2].set(jnp.nan))
    whole = native(REVERSE, layer)[0]
    outputs = native(REVERSE, spoilt)[0]
    assert np.isnan(outputs[1, 2:, 0]).all() and np.isnan(outputs[1, :3, 1]).all()
    np.testing.assert_array_equal(np.delete(outputs, 1, 0), np.delete(whole, 1, 0))
    np.testing.assert_array_equal(outputs[1, :2, 0], whole[1, :2, 0])
