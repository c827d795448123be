"""Runs on series larger than memory: what they learn, how much they hold, that they resume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import peaks
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import resumption
from series_files import write_wide

from train import config as configs
from train import loop, predict
from train.backtest import backtest
from train.data.files.read import read_table
from train.errors import UserError
from train.evaluate import evaluate
from train.inference.load import read_start
from train.run.log import read_history

ROOT = Path(__file__).parents[2]
STREAMS = ("true", "false")
FIRST = np.datetime64("2024-01-01", "us")


def make_table(name: str, n: int, seed: int) -> pa.Table:
    """n hours of a series with a cycle of a day, a size of its own, and what is known ahead."""
    random = np.random.default_rng(seed)
    hour = np.arange(n)
    price = random.normal(size=n)
    load = np.sin(2 * np.pi * hour / 24) + 0.5 * price + 0.1 * random.normal(size=n)
    when = FIRST + hour * np.timedelta64(1, "h")
    size = 10.0 ** (seed % 4)
    columns = {"load": size * (3 + load), "price": price, "area": np.full(n, float(seed % 3))}
    return pa.table({"name": [name] * n, "when": when, **columns})


def write_series(folder: Path, n_series: int, n: int, *, hive: bool = False) -> str:
    """A folder of Parquet files: three series a file, or a folder each, without its column."""
    folder.mkdir(parents=True)
    for i in range(0, n_series, 1 if hive else 3):
        own = [make_table(f"g{k}", n + k, k) for k in range(i, min(i + 3, n_series))]
        name = f"{i}.parquet"
        table = pa.concat_tables(own)
        if hive:
            name = f"name=g{i}/rows.parquet"
            (folder / name).parent.mkdir()
            table = own[0].drop_columns("name")
        pq.write_table(table, folder / name, row_group_size=70)
    return str(folder)


def overrides(path: str, **more: str) -> dict[str, str]:
    """Options of a small run of `configs/series.py` on a stream."""
    given = {
        "data.path": path,
        "data.target": "load",
        "data.time": "when",
        "data.group": "name",
        "data.known": "('price',)",
        "data.static": "('area',)",
        "data.lookback": "24",
        "data.horizon": "6",
        "data.stream": "true",
        "data.shuffle_window": "128",
        "net.hidden": "(8,)",
        "net.head": "(8,)",
        "net.group_size": "4",
        "train.epochs": "2",
        "train.batch_size": "32",
    }
    return given | {name.replace("__", "."): value for name, value in more.items()}


@pytest.mark.slow
def test_a_stream_stopped_within_an_epoch_goes_on_in_the_same_bits(tmp_path: Path) -> None:
    """Scales and vectors of groups, dropout and the order go on too; folders name the series."""
    path = write_series(tmp_path / "rows", 7, 150, hive=True)
    cfg = configs.load("configs/series.py", overrides(path, train__epochs="3"))
    resumption.check_within_an_epoch(cfg, tmp_path)


@pytest.mark.slow
def test_a_stream_of_one_part_learns_what_the_rows_in_memory_teach(tmp_path: Path) -> None:
    """An epoch is a chunk of one block: so the order of windows agrees too."""
    path = write_series(tmp_path / "rows", 3, 150)
    losses = []
    answers = []
    for stream in STREAMS:
        more = {"data__stream": stream, "data__shuffle_window": str(1 << 18)}
        cfg = configs.load("configs/series.py", overrides(path, **more))
        loop.fit(cfg, tmp_path / stream, verbose=False)
        losses.append([line["loss"] for line in read_history(tmp_path / stream)])
        answers.append(pq.read_table(tmp_path / stream / "predictions.parquet"))
    assert len(losses[0]) == len(losses[1]) == 4
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    assert answers[0].column_names == answers[1].column_names
    for name in answers[0].column_names:
        own = answers[0][name]
        truth = answers[1][name]
        if pa.types.is_floating(own.type):
            np.testing.assert_allclose(own.to_numpy(), truth.to_numpy(), rtol=1e-5)
        else:
            assert own == truth
    models = [predict.load(tmp_path / stream) for stream in STREAMS]
    judged: list[Any] = [evaluate(model, read_table(path), "rows") for model in models]
    assert judged[0]["rows"] == judged[1]["rows"] > 300
    assert judged[0]["mae"] == pytest.approx(judged[1]["mae"], rel=1e-5)
    start = read_start(tmp_path / "false")
    with pytest.raises(UserError, match="goes on with new rows of its kind, which are not stream"):
        loop.fit(configs.load("configs/series.py", overrides(path)), start=start, verbose=False)
    more = {"data__stream": "false", "data__shuffle_window": str(1 << 18), "train__epochs": "1"}
    cfg = configs.load("configs/series.py", overrides(path, **more))
    result: Any = loop.fit(cfg, tmp_path / "on", start=read_start(tmp_path / "true"), verbose=False)
    assert result["epochs"] == 1


@pytest.mark.slow
def test_nothing_is_learned_of_rows_that_judge(tmp_path: Path) -> None:
    """The newest rows of every series hold other values; the weights stay, their scores do not."""
    found = []
    for spoiled in (False, True):
        folder = tmp_path / str(spoiled)
        path = write_series(folder / "rows", 5, 150)
        if spoiled:
            for file in Path(path).glob("*.parquet"):
                spoil(file, 30)
        more = {"data__valid": "15", "data__test": "15", "train__restore": "last"}
        cfg = configs.load("configs/series.py", overrides(path, **more))
        result: Any = loop.fit(cfg, folder / "run", verbose=False)
        variables = predict.load(folder / "run").variables
        leaves = [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(variables)]
        found.append((leaves, result["metrics"]["test"]["mae"]))
    assert found[0][0] == found[1][0]
    assert found[1][1] > 2 * found[0][1]


def spoil(file: Path, n_judged: int) -> None:
    """Writes other values into the newest rows of each series of a file."""
    table = pq.read_table(file)
    parts = []
    for name in dict.fromkeys(table["name"].to_pylist()):
        own = table.filter(pc.equal(table["name"], name))
        for column in ("load", "price"):
            values = own[column].to_numpy().copy()
            values[-n_judged:] = 1e5 - 3 * values[-n_judged:]
            own = own.set_column(own.column_names.index(column), column, pa.array(values))
        parts.append(own)
    pq.write_table(pa.concat_tables(parts), file, row_group_size=70)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"data.path": "rows.csv"}, "config.data.stream: reads Parquet, but config.data.path is"),
        ({"data.path": "rows.parquet.gz"}, "config.data.stream: reads parts of a file in random"),
        ({"data.group": "none"}, "config.data.group: a stream reads series after series"),
        ({"data.nonnegative": "true"}, "config.data.nonnegative: goes by all training rows"),
        ({"population.seeds": "3"}, "config.population: trains on rows in memory"),
        ({"devices.parallel": "pmap"}, "config.devices.parallel: a stream is compiled by jit"),
        (
            {"data.stream": "false", "data.shuffle_window": "9"},
            "config.data.shuffle_window: is for config.data.stream",
        ),
    ],
)
def test_what_a_stream_cannot_do_is_said(changed: dict[str, str], words: str) -> None:
    given = {"data.path": "rows", "data.target": "y", "data.group": "g", "data.stream": "true"}
    with pytest.raises(UserError) as error:
        configs.load("configs/series.py", given | changed)
    assert str(error.value).startswith(words) and "\n" not in str(error.value)


def test_rows_in_memory_and_backtests_are_no_streams(tmp_path: Path) -> None:
    cfg = configs.load("configs/series.py", overrides("rows"))
    with pytest.raises(UserError, match="reads files, but the data is in memory"):
        loop.fit(cfg, tmp_path / "run", data=make_table("a", 100, 0), verbose=False)
    with pytest.raises(UserError, match="a backtest has all rows in memory"):
        backtest(cfg, tmp_path / "backtest", verbose=False)


MEASURED = """
import json, sys
from train import config, loop
cfg = config.load("configs/series.py", json.loads(sys.argv[1]))
told = {"steps": loop.fit(cfg, sys.argv[2], verbose=False)["steps"]}
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """Four times the cap, as float32 in memory, is learned under the cap.

    The few rows are read four times, as in `test_stream_runs.py`.
    """
    cap = 20 << 20
    n = 2000
    n_columns = 10
    n_series = 1050
    assert n_series * n * n_columns * 4 > 4 * cap
    paths = {
        name: write_wide(tmp_path / name, size, n, n_columns)
        for name, size in (("few", n_series // 10 // 50 * 50), ("many", n_series))
    }

    def measure(name: str, number: int) -> dict[str, Any]:
        more = {
            "data__target": "x0",
            "data__known": "()",
            "data__static": "()",
            "data__observed": str(tuple(f"x{c}" for c in range(1, n_columns))),
            "data__stride": "40",
            "data__shuffle_window": "4096",
            "train__batch_size": "1024",
            "train__epochs": "4" if name == "few" else "1",
            "net__hidden": "(4,)",
            "net__group_size": "0",
        }
        given = json.dumps(overrides(paths[name], **more))
        told = peaks.run_measured(MEASURED, given, tmp_path / f"{name}-{number}")
        assert name == "few" or told["steps"] > 30  # of 1,024 windows, of 35 of each series
        return told

    assert peaks.growth(measure, cap) < cap
