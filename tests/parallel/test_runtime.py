"""What a run's process is made before it trains."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import pytest

from train.config import LSTM, Config, Dense, Population, Processes, load
from train.parallel import divide, hosts, runtime, session

ROOT = Path(__file__).parents[2]
ONE_OF_TWO = Processes("localhost:1", 2, 0)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    made: list[object] = []
    monkeypatch.setattr(runtime, "usable_cores", lambda: 7)
    monkeypatch.setattr(runtime, "configure", lambda *, cpu_devices: made.append(cpu_devices))
    monkeypatch.setattr(hosts, "join", made.append)
    monkeypatch.setattr(hosts, "leave", lambda: made.append("left"))
    return made


@pytest.mark.parametrize(
    ("net", "seeds", "processes", "cpu_devices"),
    [
        (LSTM(), 2, None, 7),
        (LSTM(), 1, None, 1),
        (Dense(), 2, None, 1),
        (LSTM(), 2, ONE_OF_TWO, 1),
    ],
)
def test_members_that_train_in_turns_have_a_device_for_each_core(
    net, seeds, processes, cpu_devices, calls
):
    with session(Config(net=net, population=Population(seeds=seeds)), processes):
        assert calls == [cpu_devices, processes]
    assert calls[2:] == ["left"]


SEQUENCES = {"data.path": "x.jsonl", "data.inputs": "x", "data.target": "y"}


@pytest.mark.parametrize(
    ("seeds", "more", "processes", "divided"),
    [
        (4, {}, None, [7]),
        (1, {}, None, []),
        (4, {"data.stream": "true"}, None, []),
        (4, {"population.seeds": "1"}, None, []),
        (4, {}, ONE_OF_TWO, []),
    ],
)
def test_where_rows_say_how_many_nets_train_the_cpu_is_divided_once_they_are_read(
    seeds, more, processes, divided, calls, monkeypatch
):
    given = load("sequences", SEQUENCES | more)
    found = replace(given, population=Population(seeds=seeds))
    made = []
    monkeypatch.setattr(runtime, "_divide", made.append)
    with session(given, processes):
        assert calls == [1, processes] and made == []
        divide(found)
        assert made == divided
    made.clear()
    divide(found)
    assert made == []  # outside of a command


def test_a_process_that_has_computed_keeps_its_devices(monkeypatch):
    """As where a second command's main is called in one process."""
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    before = jax.devices()
    runtime._divide(len(before) + 1)
    assert jax.devices() == before


def test_a_run_that_fails_does_not_wait_for_the_others(calls):
    with pytest.raises(ZeroDivisionError), session(Config(), None):
        raise ZeroDivisionError
    assert "left" not in calls


ORDER = """
import sys
from train import evaluate, main, parallel, predict, search
from train.parallel import runtime

class Configured(Exception):
    pass

def configure(*, cpu_devices=1):
    raise Configured

parallel.configure = runtime.configure = configure
config = "--config=configs/diabetes.py"
grid = ["--config.population.samples=2", "--config.population.grid={'optim.decay': (0.8, 0.9)}"]
asks = {
    main: [config],
    search: [config, *grid],
    predict: ["--workdir=a", "--data=b"],
    evaluate: ["--workdir=a", "--data=b"],
}
for command, argv in asks.items():
    try:
        command.main(argv)
    except Configured:
        heavy = {"jax", "jaxlib", "flax", "orbax", "optuna", "pyarrow"} & set(sys.modules)
        print(command.__name__, sorted(heavy))
"""


def test_every_command_configures_its_process_before_it_loads_jax():
    """XLA reads its log level as it loads: later, reading a kept program back warns at length."""
    done = subprocess.run(
        [sys.executable, "-c", ORDER], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = ("main", "search", "predict", "evaluate")
    assert done.stdout.splitlines() == [f"train.{name} []" for name in names]
    assert done.stderr == ""


GARBAGE = """
import atexit, gc
from train import errors, parallel

atexit.register(lambda: print(gc.get_freeze_count() > 100_000, gc.get_threshold()[0]))
errors.run(lambda argv: parallel.configure() or 0)
"""


def test_a_command_looks_for_circles_of_garbage_rarely_and_not_at_its_end():
    done = subprocess.run(
        [sys.executable, "-c", GARBAGE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", str(runtime.GARBAGE_AFTER)]


WITHOUT_PANDAS = """
import sys
import numpy as np
from train import errors, parallel

def main(argv):
    parallel.configure()
    import pyarrow as pa
    from train.data.files.read import read_table

    table = read_table(argv[0], ("NA",))
    print("pandas" in sys.modules, pa.array(np.arange(2)).to_pylist(), table.to_pydict())
    print(pa.table({"a": [1, None]}).to_pandas().isna().a.tolist(), "pandas" in sys.modules)
    return 0

errors.run(main)
"""


def test_a_command_loads_no_pandas_until_a_frame_is_asked_for(tmp_path: Path):
    pytest.importorskip("pandas")
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,x\nNA,y\n")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PANDAS, path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    read = "{'a': ['1', None], 'b': ['x', 'y']}"
    assert done.stdout.splitlines() == [f"False [0, 1] {read}", "[False, True] True"]


CALLED = """
import gc, sys
from train import inspect
from train.data.files.arrow import as_table

before = gc.get_threshold()
inspect.main(["--data=" + sys.argv[1]])
import pandas as pd

table = as_table(pd.DataFrame({
    "time": pd.to_datetime(["2024-01-01", None]),
    "whole": pd.array([1, pd.NA], "Int64"),
    "text": pd.Series(["x", pd.NA], dtype=object),
    "kind": pd.Categorical([1, None]),
    "spell": pd.to_timedelta([1, None], "s"),
}))
print([str(field.type) for field in table.schema])
print([column.null_count for column in table.columns], gc.get_threshold() == before)
"""


def test_a_program_that_calls_a_command_has_pandas_and_garbage_as_before(tmp_path: Path):
    pytest.importorskip("pandas")
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "".join(f"{i},{i % 7}\n" for i in range(40)))
    done = subprocess.run(
        [sys.executable, "-c", CALLED, path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    types = "['timestamp[us]', 'int64', 'string', 'int64', 'duration[us]']"
    assert done.stdout.splitlines()[-2:] == [types, "[1, 1, 1, 1, 1] True"], done.stderr
