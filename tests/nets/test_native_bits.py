"""The compiled LSTM core gives the same bits on any number of devices and of threads."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import tests.nets.test_native as layers
from tests.marks import needs_kernels

pytestmark = needs_kernels()


def digests(shapes: tuple[layers.Sizes, ...] = ((33, 8, 5, 50),)) -> list[str]:
    """The bits of each shape's answer and gradient."""
    made = []
    for sizes in shapes:
        numbers = layers.native_both(
            layers.REVERSE,
            layers.make_layer(sizes, layers.REVERSE),
            layers.make_pulls(sizes, layers.REVERSE),
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
