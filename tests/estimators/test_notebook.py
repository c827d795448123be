"""A notebook's worth of work, from a frame to a file for onnxruntime, by public names alone."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("notebook.py")


@pytest.mark.slow
def test_a_notebook_needs_no_private_name(tmp_path):
    for node in ast.walk(ast.parse(SCRIPT.read_text())):
        for name in (getattr(node, "attr", ""), getattr(node, "module", "") or ""):
            assert not any(part.startswith("_") for part in name.split(".")), name
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[2])}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("done\n")
    assert sorted(path.name for path in tmp_path.glob("homes.*")) == [
        "homes.jsonl",
        "homes.onnx",
        "homes.png",
    ]
