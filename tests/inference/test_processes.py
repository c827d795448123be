"""A predictor in other processes: forked ones are told what to do, spawned ones answer."""

from __future__ import annotations

import subprocess
import sys

import pytest

FORKED = """
import multiprocessing, os, sys
import pyarrow as pa
from train import loop, predict
from train.config import Config, Dense, Table, Train
from train.errors import UserError

def answer(model, rows):
    return model(rows).tolist()

if __name__ == "__main__":
    table = pa.table({"x": [float(i) for i in range(40)], "y": [2.0 * i for i in range(40)]})
    train = Train(epochs=1, report=False, tree_seconds=0)
    config = Config(data=Table(path="rows", target="y"), net=Dense(hidden=(4,)), train=train)
    loop.fit(config, sys.argv[1], data=table, verbose=False, echo=lambda line: None)
    model = predict.load(sys.argv[1])
    rows = [{"x": 1.5}, {"x": 7.0}]
    here = answer(model, rows)
    if not os.fork():
        try:
            model(rows)
        except UserError as error:
            print(error, flush=True)
        os._exit(0)
    os.wait()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.apply(answer, (model, rows)) == here)
"""


@pytest.mark.slow
def test_a_forked_child_is_told_what_to_do_and_a_spawned_one_answers(tmp_path):
    (tmp_path / "forked.py").write_text(FORKED)
    command = [sys.executable, "-W", "ignore", str(tmp_path / "forked.py"), str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    told, is_equal = done.stdout.splitlines()
    assert told.startswith("this net was loaded before the process forked") and "'spawn'" in told
    assert is_equal == "True"
