"""What is said of features that tell the target, of copies among test rows, and of far cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train.config.data_options import Table
from train.data.files.arrow import as_table
from train.data.files.tables import IN_MEMORY
from train.data.stream import online_statistics
from train.data.stream.load import load_stream
from train.data.table.dataset import TableDataset
from train.data.table.load import load_table

N = 200
RNG = np.random.default_rng(0)
X = RNG.normal(size=N)
Y = X + RNG.normal(size=N)
SORT = np.where(Y > 0, "high", "low")


def load(columns: dict, rows: list[int] | slice = slice(None), **options) -> TableDataset:
    frame = pd.DataFrame({"x": X, "noise": RNG.normal(size=N), "y": Y} | columns).iloc[rows]
    read = lambda *_, **__: as_table(frame, may_repeat=True)  # noqa: E731
    return load_table(Table(path=IN_MEMORY, target="y", **options), "auto", read)


def told(dataset: TableDataset) -> list[str]:
    return [line.split("'")[1] for line in dataset.notes if "tells the target" in line]


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ({}, []),
        ({"copy": Y}, ["copy"]),
        ({"in_cents": (100 * Y).round()}, ["in_cents"]),
        ({"negative": 3 - Y, "gaps": np.where(X > 1, np.nan, Y)}, ["negative", "gaps"]),
        ({"close": Y + RNG.normal(size=N) / 50}, []),
        ({"y": SORT, "outcome": np.where(SORT == "low", "lost", "won")}, ["outcome"]),
        ({"y": SORT, "code": (SORT == "low") + 1.0}, ["code"]),
        ({"log": np.exp(Y).round(9), "falls": 1 / (1 + np.exp(3 * Y))}, ["log", "falls"]),
        ({"y": SORT, "measured": np.where(SORT == "low", 1, 3) + RNG.random(N)}, ["measured"]),
        ({"y": SORT, "until": np.where(SORT == "low", np.nan, RNG.random(N))}, ["until"]),
        ({"y": np.where(np.arange(N) < 4, "rare", "often"), "few": -np.arange(N) / 7}, []),
        ({"y": SORT, "most": np.where(X > 0.5, "a", SORT)}, []),
        ({"y": SORT, "id": [f"u{i % 150}" for i in range(N)]}, []),
    ],
)
def test_features_that_tell_the_target(columns, names):
    assert told(load(columns)) == names


def repeated(dataset: TableDataset) -> list[str]:
    return [line for line in dataset.notes if "stand among the training rows" in line]


def test_copies_among_test_rows_are_counted():
    rows = [*range(N), *range(N)]
    dataset = load({}, rows)
    splits = dataset.splits
    places = [{rows[i] for i in dataset.original_rows[splits[part]]} for part in ("train", "test")]
    copies = [row for row in dataset.original_rows[splits["test"]] if rows[row] in places[0]]
    [line] = repeated(dataset)
    assert line.startswith(f"{len(copies)} of {len(splits['test'])} test rows")


def test_rows_of_few_values_are_alike_by_nature():
    flags = {"x": (X > 0) * 1.0, "noise": (X > 1) * 1.0, "y": SORT}
    assert not repeated(load(flags)) and not repeated(load({}))


def test_inputs_that_meet_by_nature_are_no_copies():
    # 80 different inputs, of which each has half of its rows in one class, or one class alone.
    inputs = {"x": np.arange(N) % 80, "noise": np.zeros(N)}
    by_chance = load(inputs | {"y": RNG.permutation(np.repeat(["high", "low"], N // 2))})
    assert not repeated(by_chance)
    fixed = load(inputs | {"y": np.where(np.arange(N) % 80 < 40, "high", "low")})
    assert repeated(fixed)


def test_copies_of_measured_rows_are_counted_where_nearly_all_have_one_class():
    classes = np.where(np.arange(N) % 20 == 0, "rare", "often")
    rows = [*range(N), *range(0, N, 4)]
    assert repeated(load({"y": classes}, rows)) and not repeated(load({"y": classes}))


def test_a_column_that_has_the_target_s_order_alone_is_not_said_to_tell_it_exactly():
    notes = load({"log": np.exp(Y).round(9), "copy": 2 * Y}).notes
    assert any("column 'log' tells the target 'y' by its order in all" in n for n in notes)
    assert any("column 'copy' tells the target 'y' exactly in all" in n for n in notes)


@pytest.mark.parametrize("form", ["typed", "text", "many rows"])
@pytest.mark.parametrize(
    ("train", "same", "other"),
    [
        (70 + 15 * X, 71.5, 70_000.0),  # kg, g
        (1.7e9 + 1e6 * np.abs(X), 1.7e9, 1.7e12),  # seconds, milliseconds
        (np.exp(4 * X), np.exp(9.0), 1e9),  # far tails of training are not far
    ],
)
def test_cells_in_another_unit_are_said(form, train, same, other):
    encoder = load({"x": train}, valid=0, test=0).encoder
    n = 40 if form == "many rows" else 1
    for value, is_far in ((same, False), (other, True)):
        cell = value if form == "typed" else repr(float(value))
        table = as_table({"x": [cell] * n, "noise": [0.0 if form == "typed" else "0.0"] * n})
        said = [line for line in encoder.read(table, "new").notes if "times as far" in line]
        assert bool(said) == is_far
        assert not is_far or said[0].startswith(f"new: column 'x': {n} of {n} cells, such as ")


def test_a_few_far_cells_of_many_are_no_other_unit():
    encoder = load({}, valid=0, test=0).encoder
    for n_far in (2, 3):
        table = as_table({"x": [1e6] * n_far + [0.0] * (50 - n_far), "noise": [0.0] * 50})
        assert bool(encoder.read(table, "new").notes) == (n_far > 2)


def test_dates_of_another_age_are_said():
    days = np.datetime64("2024-01-01") + np.arange(N).astype("timedelta64[D]")
    encoder = load({"x": days}, valid=0, test=0).encoder
    table = as_table({"x": ["1970-01-01"], "noise": [0.0]})
    [line] = encoder.read(table, "new").notes
    assert "such as 1970-01-01T00:00:00 in row 1" in line


def streamed(folder, columns: dict, n_copies: int = 0, **options) -> tuple[str, ...]:
    frame = pd.DataFrame({"x": X, "noise": RNG.normal(size=N), "y": Y} | columns)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table, folder / "train.parquet")
    pq.write_table(table.slice(0, n_copies or 50), folder / "test.parquet")
    given = {"target": "y", "valid": 0, "test_path": str(folder / "test.parquet")} | options
    return load_stream(Table(str(folder / "train.parquet"), stream=True, **given), "auto").notes


def test_a_stream_tells_of_what_its_sample_shows(tmp_path, monkeypatch):
    notes = streamed(tmp_path, {"copy": 3 * Y})
    assert any("'copy' tells the target 'y' exactly in all training rows" in n for n in notes)
    assert any("50 of 50 test rows stand among the training rows too" in n for n in notes)
    monkeypatch.setattr(online_statistics, "SAMPLE_ROWS", N // 2)
    notes = streamed(tmp_path, {"copy": 3 * Y})
    [told] = [note for note in notes if "'copy' tells the target" in note]
    [copies] = [note for note in notes if "stand among" in note]
    n_sample = told.split("in all ")[1].split(" of ")[0]
    assert N // 3 < int(n_sample) < 2 * N // 3
    assert f"stand among {n_sample} of {N} training rows too" in copies


def test_a_stream_tells_of_far_and_odd_cells(tmp_path):
    far = X.copy()
    far[:20] = 1e6
    text = [f"{x:.3f}" for x in X[:-1]] + ["broken"]
    notes = streamed(tmp_path, {"text": text})
    assert any("in a sample of its rows: column 'text': 1 of" in note for note in notes)
    frame = pd.DataFrame({"x": X, "noise": X, "y": Y})
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "train.parquet")
    pq.write_table(pa.Table.from_pandas(frame.assign(x=far)), tmp_path / "test.parquet")
    path, test = str(tmp_path / "train.parquet"), str(tmp_path / "test.parquet")
    options = Table(path=path, test_path=test, target="y", stream=True, valid=0)
    notes = load_stream(options, "auto").notes
    [line] = [note for note in notes if "times as far out" in note]
    assert line.startswith(f"{test}: column 'x': 20 of {N} cells")
