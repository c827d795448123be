"""bench/accelerator.py as it would run on a GPU, with small sizes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_every_part_that_is_timed_gives_its_rows(tmp_path):
    command = [sys.executable, "bench/accelerator.py", f"--out={tmp_path}", "--quick"]
    done = subprocess.run(
        [*command, "--parts", "dense", "lstm", "commands"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "accelerator.json").read_text())
    assert [row["nets"] for row in found["dense"]["rows"]] == [1, 2, 1]
    assert all(row["ours"] > 0 for part in ("dense", "lstm") for row in found[part]["rows"])
    assert [row["exit_status"] for row in found["commands"]["rows"]] == [0] * 3
    page = (tmp_path / "accelerator.md").read_text()
    assert "| rows | steps | hidden | directions | lengths | ours |" in page
