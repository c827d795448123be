"""Files of series that need not fit in memory: what a trained net reads of them, part by part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train.config.data_options import Series
from train.data.files.read import read_table
from train.data.series import blocks
from train.data.series.blocks import Apart
from train.data.series.file import TwoWritings, looking_ahead, open_series
from train.data.series.load import load_series
from train.data.series.time_column import TimeColumn, grain_of
from train.errors import UserError

FIRST = np.datetime64("2024-01-01", "us")
DAY = np.timedelta64(1, "D")
HALF_SECOND = np.timedelta64(500_000, "us")
MISSING = ("",)


def make_series(name: str, n: int, *, n_ahead: int = 0, late: str = "0") -> pa.Table:
    """n days of a series, the last `n_ahead` without a value, so many seconds after midnight."""
    random = np.random.default_rng(n)
    load = random.normal(size=n)
    load[n - n_ahead :] = np.nan
    begin = FIRST + np.timedelta64(round(float(late) * 1e6), "us")
    when = pa.array(begin + np.arange(n) * DAY)
    loads = pa.array(load, from_pandas=True)
    price = random.normal(size=n)
    return pa.table({"name": [name] * n, "when": when, "load": loads, "price": price})


def write(path: Path, tables: list[pa.Table]) -> str:
    path.mkdir()
    for i in range(0, len(tables), 2):
        pq.write_table(pa.concat_tables(tables[i : i + 2]), path / f"{i}.parquet", row_group_size=9)
    return str(path)


def encoder_of(path: str, **options: Any):
    given = Series(
        path=path,
        target="load",
        time="when",
        group="name",
        horizon=2,
        valid=4,
        test=4,
        **{"lookback": 6, **options},
    )
    return load_series(given).encoder


@pytest.mark.parametrize("options", [{}, {"calendar": True}, {"known": ("price",)}])
def test_parts_of_a_file_are_read_as_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    """What nets look back on, and ahead, and how stamps are written; one part lacks rows ahead."""
    monkeypatch.setattr(blocks, "BLOCK_CELLS", 200)
    encoder = encoder_of(
        write(tmp_path / "a", [make_series(f"g{i}", 30) for i in range(4)]), **options
    )
    n_ahead = 2 if options.get("known") else 0
    tables = [make_series(f"g{i}", 30 + i, n_ahead=n_ahead * (i > 2)) for i in range(7)]
    tables[6] = make_series("g6", 36, n_ahead=n_ahead, late="21600")
    path = write(tmp_path / "b", tables)
    whole = encoder.read(read_table(path), path)
    file = looking_ahead(open_series(encoder, path, MISSING))
    assert file.n_rows == sum(table.num_rows for table in tables)
    parts = [file.encoder.read(piece.table, piece.where) for piece in file.pieces()]
    assert len(parts) > 3
    for name, array in whole.inputs.items():
        found = np.concatenate([part.inputs[name] for part in parts])
        np.testing.assert_array_equal(found, array, err_msg=name)
    for name, column in whole.names.items():
        found = pa.concat_arrays([pa.array(part.names[name]) for part in parts])
        assert found.equals(pa.array(column)), name
    assert whole.names["time"].type == pa.timestamp("s")


def test_a_file_says_whether_any_series_has_rows_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_CELLS", 100)
    tables = [make_series(f"g{i}", 30) for i in range(4)]
    path = write(tmp_path / "none", tables)
    encoder = encoder_of(path, known=("price",))
    none = looking_ahead(open_series(encoder, path, MISSING))
    assert not none.encoder.has_ahead
    with pytest.raises(UserError, match="'price' must be given for the 2 rows to come"):
        none.encoder.read(tables[0], "rows")
    some = write(tmp_path / "some", [*tables[:3], make_series("g3", 30, n_ahead=1)])
    assert looking_ahead(open_series(encoder, some, MISSING)).encoder.has_ahead


@pytest.mark.parametrize(
    ("stamps", "kind", "grain"),
    [
        ([0, 2 * 86_400_000_000], "time", 86_400_000_000),
        ([0, 3_000_000], "time", 1_000_000),
        ([0, 3_000_001], "time", 1),
        ([0, 5], "number", 1),
        ([0, 5.5], "number", 0),
    ],
)
def test_stamps_are_whole_in_the_coarsest_unit(stamps, kind, grain) -> None:
    assert grain_of(np.array(stamps, float), TimeColumn("t", kind)) == grain


@pytest.mark.parametrize("kind", ["number", "time"])
def test_steps_to_come_are_written_as_finely_as_they_are(tmp_path: Path, kind: str) -> None:
    """Series of one row each, all of which are whole; the next step is not."""

    def series(name: str, places: np.ndarray) -> pa.Table:
        stamps = (
            pa.array(places) if kind == "number" else FIRST + (2 * places).astype(int) * HALF_SECOND
        )
        load = np.random.default_rng(len(name)).normal(size=len(places))
        return pa.table({"name": [name] * len(places), "when": stamps, "load": load})

    trained = write(tmp_path / "a", [series(f"g{i}", np.arange(40) / 2) for i in range(2)])
    encoder = encoder_of(trained, lookback=1)
    path = write(tmp_path / "b", [series(f"g{i}", np.array([20.0])) for i in range(2)])
    whole = encoder.read(read_table(path), path).names["time"]
    file = open_series(encoder, path, MISSING)
    (piece,) = file.pieces()
    found = file.encoder.read(piece.table, piece.where).names["time"]
    assert found.equals(whole)
    assert len(set(found.to_pylist())) == 2


def test_series_that_stand_apart_are_no_file_of_whole_ones(tmp_path: Path) -> None:
    tables = [make_series(f"g{i}", 30) for i in range(4)]
    encoder = encoder_of(write(tmp_path / "whole", tables))
    path = write(tmp_path / "apart", [*tables, make_series("g1", 5)])
    with pytest.raises(Apart) as error:
        open_series(encoder, path, MISSING)
    assert error.value.places.startswith(f"{path}: rows of group 'g1' stand apart, from row 31 of")


def test_two_writings_of_a_group_of_training_are_no_parts(tmp_path: Path) -> None:
    """In two parts both would be that group, where the whole file has two series."""
    encoder = encoder_of(write(tmp_path / "a", [make_series(name, 30) for name in ("1", "2")]))
    path = write(tmp_path / "b", [make_series(name, 30) for name in ("1", "2.0", "3", "1.0")])
    with pytest.raises(
        TwoWritings, match=r"column 'name': '1' and '1\.0' are one group of training"
    ):
        open_series(encoder, path, MISSING)
    path = write(tmp_path / "c", [make_series(name, 30) for name in ("1.0", "2.0", "3", "3.0")])
    assert open_series(encoder, path, MISSING).n_rows == 120
