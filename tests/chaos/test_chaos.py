"""The quick form of `python -m tests.chaos`: a trial of each kind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_faults_at_random_end_in_the_same_bits_or_in_a_line() -> None:
    command = [sys.executable, "-m", "tests.chaos", "--n=1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "findings: 0;" in done.stdout
