"""Files of series that are answered and judged some series at a time: as in memory, in its memory.

Predictions and scores of groups are the same bits; metrics over all windows are sums of sums, and
agree to 1e-12.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train import config as configs
from train import loop, predict
from train.data.files.read import read_table
from train.data.files.row_groups import Piece
from train.data.series import blocks
from train.errors import UserError
from train.evaluate import evaluate
from train.inference import window_scores
from train.inference.files import predict_file
from train.inference.predictor import Predictor
from train.inference.series_parts import series_of

ROOT = Path(__file__).parents[2]
FIRST = np.datetime64("2024-01-01", "us")
HOUR = np.timedelta64(1, "h")
HORIZON = 4


def make_series(name: str, n: int, seed: int, *, begin: np.datetime64 = FIRST) -> pa.Table:
    """n hours of a series of its own size, some of whose values are missing."""
    random = np.random.default_rng(seed)
    load = 10.0 ** (seed % 4) * (3 + np.sin(np.arange(n) / 4) + 0.1 * random.normal(size=n))
    heat = random.normal(size=n)
    load[n // 2 : n // 2 + 3 * (seed % 2)] = np.nan
    columns: dict[str, Any] = {
        "name": [name] * n,
        "when": begin + np.arange(n) * HOUR,
        "load": pa.array(load, from_pandas=True),
        "heat": heat,
        "price": random.normal(size=n),
        "kind": ["shop" if seed % 3 else "hall"] * n,
        "unread": np.arange(n) % 2,
    }
    return pa.table(columns)


def a_file(folder: Path, tables: list[pa.Table], *, group: int = 37) -> str:
    """A folder of two Parquet files, each with some of the series."""
    folder.mkdir()
    half = -(-len(tables) // 2)
    for i, own in enumerate((tables[:half], tables[half:])):
        pq.write_table(pa.concat_tables(own), folder / f"{i}.parquet", row_group_size=group)
    return str(folder)


KINDS: dict[str, dict[str, str]] = {
    "known": {"data.known": "('price',)", "data.static": "('kind',)", "data.observed": "('heat',)"},
    "quantile": {"data.target": "load,heat", "loss": "quantile", "data.calendar": "true"},
}


Runs = Callable[[str], Path]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """The folder of a net of a kind, trained on a stream of six series by who first asks for it."""
    root = tmp_path_factory.mktemp("runs")
    path = a_file(root / "rows", [make_series(f"g{i}", 60 + i, i) for i in range(6)])

    def run_of(kind: str) -> Path:
        if not (root / kind).exists():
            given = {
                "data.path": path,
                "data.target": "load",
                "data.time": "when",
                "data.group": "name",
                "data.lookback": "8",
                "data.horizon": str(HORIZON),
                "data.stream": "true",
                "net.hidden": "(4,)",
                "net.head": "(4,)",
                "train.epochs": "1",
                "train.report": "false",
            }
            cfg = configs.load("configs/series.py", given | KINDS[kind])
            loop.fit(cfg, root / kind, verbose=False)
        return root / kind

    return run_of


def load_run(folder: Path) -> tuple[Predictor, list[str]]:
    """The net, and the lines that it tells."""
    model = predict.load(folder)
    told: list[str] = []
    model.tell = told.append
    return model, told


def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few series at once, and a few windows of them."""
    monkeypatch.setattr(blocks, "BLOCK_CELLS", 900)
    monkeypatch.setattr(window_scores, "CELLS", 400)
    monkeypatch.setattr(window_scores, "MIN_WINDOWS", 5)


def without_last(table: pa.Table, n: int) -> pa.Table:
    """The series without its last n values."""
    load = table["load"].to_pylist()
    load[len(load) - n :] = [None] * n
    return table.set_column(2, "load", pa.array(load, pa.float64()))


def later_series() -> list[pa.Table]:
    """Series of training and new ones, some without what others have."""
    tables = []
    for i in range(9):
        n_ahead = 0 if i in (0, 1, 2, 5) else HORIZON + i - 6
        tables.append(without_last(make_series(f"g{i}", 50 + 5 * i, i), n_ahead))
    tables.append(make_series("short", 7, 3))
    tables.append(make_series("slow", 30, 4))
    slow = pa.array(FIRST + np.arange(30) * 7 * HOUR)
    tables[-1] = tables[-1].set_column(1, "when", slow)
    return tables


ASKED: dict[str, dict[str, Any]] = {
    "plain": {},
    "a longer horizon": {"horizon": 2 * HORIZON + 1},
    "samples": {"samples": 2, "seed": 3},
}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "what"), [(k, w) for k in KINDS for w in ASKED])
def test_a_file_is_forecast_in_parts_as_in_memory(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, what: str
) -> None:
    """In the same bits, types and order, of series and parts that lack what others have.

    The first parts lack all that is known ahead, and the last series have another step.
    """
    tables = later_series()
    if (kind, what) == ("known", "a longer horizon"):  # which reads what was observed until then
        tables = [without_last(make_series(f"g{i}", 60, i), 3 * HORIZON) for i in range(9)]
    path = a_file(tmp_path / "rows", tables)
    model, _ = load_run(runs(kind))
    whole = model.table(read_table(path), path, **ASKED[what])
    small_parts(monkeypatch)
    model, told = load_run(runs(kind))
    parts = list(predict_file(model, path, **ASKED[what]))
    assert len(parts) > 3
    found = pa.concat_tables(parts)
    assert found.schema == whole.schema
    for name in whole.column_names:
        assert found[name].combine_chunks().equals(whole[name].combine_chunks()), name
    if tables[-1]["name"][0].as_py() == "slow":
        assert any("'slow'" in line or "a step of" in line for line in told)
        assert "slow" not in found["group"].to_pylist()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_judged_in_parts_as_in_memory(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = a_file(tmp_path / "rows", later_series())
    model, _ = load_run(runs(kind))
    written: list[pa.Table] = []
    interval = 0.5
    with monkeypatch.context() as few:
        few.setattr("train.inference.series_parts.MAX_LINES", 0)  # of parts, not of a table
        whole: Any = evaluate(model, read_table(path), path, interval, written.extend)
    assert len(written) == 1
    small_parts(monkeypatch)
    file = series_of(model, path, print)
    assert file is not None
    parts: list[pa.Table] = []
    found: Any = evaluate(model, file, path, interval, parts.extend)
    assert len(parts) > 20
    joined = pa.concat_tables(parts)
    assert joined.schema == written[0].schema
    assert joined.combine_chunks() == written[0].combine_chunks()
    assert found["groups"] == whole["groups"]
    assert found["groups"]["coverage"]["min"] < found["groups"]["coverage"]["max"]
    assert found["rows"] == whole["rows"] > 300
    assert found["missing_targets"] == whole["missing_targets"] > 0
    flat = [flat_scores(each) for each in (found, whole)]
    assert flat[0] == pytest.approx(flat[1], rel=1e-12, nan_ok=True)
    assert {"coverage", "mase"} <= {name.rpartition(".")[2] for name in flat[0]}
    assert ("load.crps" in flat[0]) == (kind == "quantile")
    assert "too short for a window" in str(whole["notes"])
    assert "too short for a window" in str(found["notes"])
    assert "such as group 'slow': the step is 7 hours" in str(whole["notes"])
    assert "the step is 7 hours" in str(found["notes"])


def flat_scores(found: dict[str, Any]) -> dict[str, float]:
    """The metrics of the net, and "BASELINE METRIC" of what is repeated."""
    scores = {name: value for name, value in found.items() if isinstance(value, float)}
    for baseline, metrics in found["baselines"].items():
        scores |= {f"{baseline} {name}": value for name, value in metrics.items()}
    return scores


@pytest.mark.slow
def test_times_are_written_alike_in_all_parts(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a second later in the last series alone: all are written to the microsecond."""
    late = FIRST + np.timedelta64(500, "ms")
    tables = [make_series(f"g{i}", 40, i) for i in range(5)]
    tables.append(make_series("g5", 40, 5, begin=late))
    path = a_file(tmp_path / "rows", tables)
    model, _ = load_run(runs("quantile"))
    whole = model.table(read_table(path), path)
    assert whole["time"].type == pa.timestamp("us")
    small_parts(monkeypatch)
    found = pa.concat_tables(predict_file(model, path))
    assert found.schema == whole.schema and found["time"] == whole["time"]


@pytest.mark.slow
def test_what_no_part_has_is_refused_as_in_memory(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_parts(monkeypatch)
    model, _ = load_run(runs("known"))
    path = a_file(tmp_path / "behind", [make_series(f"g{i}", 40, i) for i in range(6)])
    with pytest.raises(UserError, match="has 0 rows after its last target; 'price' must be given"):
        list(predict_file(model, path))
    slow = pa.array(FIRST + np.arange(30) * 7 * HOUR)
    tables = [make_series(f"g{i}", 30, i).set_column(1, "when", slow) for i in range(6)]
    path = a_file(tmp_path / "slow", tables)
    with pytest.raises(UserError, match="the step is 7 hours, but the net was trained on a step"):
        list(predict_file(load_run(runs("quantile"))[0], path))
    path = a_file(tmp_path / "short", [make_series(f"g{i}", 9, i) for i in range(6)])
    file = series_of(model, path, print)
    assert file is not None
    with pytest.raises(UserError, match="a window has 8 rows back and 4 ahead, but the longest"):
        evaluate(model, file, path)
    nameless = [table.drop_columns("name") for table in tables]
    with pytest.raises(UserError, match="no column 'name'"):
        series_of(model, a_file(tmp_path / "nameless", nameless), print)


@pytest.mark.slow
def test_series_that_stand_apart_are_read_into_memory(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = [make_series(f"g{i}", 40, i) for i in range(6)]
    path = a_file(tmp_path / "rows", [*tables, make_series("g0", 9, 0, begin=FIRST + 40 * HOUR)])
    small_parts(monkeypatch)
    model, told = load_run(runs("quantile"))
    (found,) = predict_file(model, path)
    assert found["group"].to_pylist() == [f"g{i}" for i in range(6) for _ in range(HORIZON)]
    assert told[0].startswith(f"{path}: rows of group 'g0' stand apart, from row 1 of {path}/0")
    assert told[0].endswith("so all rows are read into memory, not some series at a time")


@pytest.mark.slow
def test_lines_on_parts_are_few(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New series in each part are told of, but not of each part for ever."""
    monkeypatch.setattr("train.inference.series_parts.MAX_LINES", 2)
    small_parts(monkeypatch)
    path = a_file(tmp_path / "rows", [make_series(f"new{i}", 80, 2 * i) for i in range(8)])
    model, told = load_run(runs("quantile"))
    n_parts = len(list(predict_file(model, path)))
    assert n_parts == 4 and len(told) == 3
    assert told[0].startswith(f"{path}/0.parquet: 2 of 2 series are none of those of training")
    assert told[2] == f"{path}: {n_parts - 2} more such lines on its rows"


@pytest.mark.slow
def test_the_command_leaves_no_part_of_a_file_that_is_refused(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """The last series cannot be read; what was answered before it is not left behind."""
    tables = [make_series(f"g{i}", 40, i) for i in range(6)]
    path = a_file(tmp_path / "rows", tables)
    small_parts(monkeypatch)
    out = tmp_path / "answers.csv"
    asked = [f"--workdir={runs('quantile')}", f"--data={path}", f"--out={out}"]
    predict.main(asked)
    assert f"{6 * HORIZON} rows -> {out}" in capsys.readouterr().out
    assert len(out.read_text().splitlines()) == 1 + 6 * HORIZON
    out.unlink()
    heat = tables[5]["heat"].to_numpy().copy()
    heat[:] = 1e300  # no float32
    pq.write_table(tables[5].set_column(3, "heat", pa.array(heat)), Path(path) / "1.parquet")
    with pytest.raises(UserError, match="column 'heat'"):
        predict.main(asked)
    assert {file.name for file in tmp_path.iterdir()} == {"rows"}


@pytest.mark.slow
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_parts_that_are_refused_do_not_stay_in_memory(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """All series but the last have another step, so that nothing can be done with their parts."""
    small_parts(monkeypatch)
    slow = pa.array(FIRST + np.arange(80) * 7 * HOUR)
    tables = [make_series(f"g{i}", 80, i).set_column(1, "when", slow) for i in range(12)]
    path = a_file(tmp_path / "rows", [*tables, make_series("g12", 80, 12)])
    seen: list[weakref.ref[pa.Table]] = []
    n_alive: list[int] = []

    def read(*asked: Any) -> Piece:
        gc.collect()
        n_alive.append(sum(table() is not None for table in seen))
        piece = blocks.read_block(*asked)
        seen.append(weakref.ref(piece.table))
        return piece

    monkeypatch.setattr("train.data.series.file.read_block", read)
    model, told = load_run(runs("quantile"))
    if command == "predict":
        (answers,) = predict_file(model, path)
        assert set(answers["group"].to_pylist()) == {"g12"}
    else:
        file = series_of(model, path, print)
        assert file is not None
        found: Any = evaluate(model, file, path)
        told = found["notes"]
    assert sum("bring it to that step; left out" in line for line in told) == len(seen) - 1 > 4
    assert max(n_alive) <= 1
