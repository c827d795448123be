"""The quick form of `python -m tests.chaos`: a trial or two of each kind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("runs", ["dense,stream", "population,lstm"])
def test_faults_at_random_end_in_the_same_bits_or_in_a_line(runs: str) -> None:
    command = [sys.executable, "-m", "tests.chaos", "--n=1", f"--runs={runs}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "findings: 0;" in done.stdout
