"""Series larger than memory: the windows that training is given, epoch after epoch."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from streamed_series import (
    HORIZON,
    LOOKBACK,
    a_series,
    epoch_of,
    joined,
    make_series,
    options,
    small_pieces,
    write,
)

from train.data.series.load_stream import load_series_stream
from train.data.stream.chunks import plan_chunks, read_chunks, row_numbers


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> str:
    return write(make_series(), tmp_path_factory.mktemp("stream") / "parts")


def test_an_epoch_is_each_window_once_in_another_order_each_time(path: str, monkeypatch) -> None:
    """A window by all that it reads; series are longer than a chunk."""
    small_pieces(monkeypatch)
    given = options(path, observed=("heat",), scaling="shared", shuffle_window=16)
    dataset = load_series_stream(given, "auto")
    assert max(dataset.stream.counts) > 2 * dataset.stream.chunk_rows
    orders = []
    for epoch in range(2):
        arrays = joined(epoch_of(dataset, epoch))
        keys = np.concatenate([arrays["past"][:, :, 2], arrays["series"][:, None]], 1)
        assert len(np.unique(keys, axis=0)) == dataset.n_train
        orders.append(keys)
    assert not np.array_equal(orders[0], orders[1])
    np.testing.assert_array_equal(np.unique(orders[0], axis=0), np.unique(orders[1], axis=0))


def test_a_chunk_of_a_long_series_has_windows_of_all_its_times(tmp_path: Path) -> None:
    table = a_series("g", 300, 0, step=datetime.timedelta(hours=1))
    path = write({"g": table}, tmp_path / "rows", files=1)
    dataset = load_series_stream(options(path, shuffle_window=64), "auto")
    (block,) = dataset.stream.files.groups
    (piece,) = dataset.stream.pieces(block)
    rows = dataset.stream.numbers(piece, dataset.stream.training_rows(piece))
    assert sorted(rows.tolist()) == list(range(LOOKBACK, 300 - 24 - HORIZON + 1))
    first = rows[:53]
    assert first.min() < 20 and first.max() > 250
    assert (np.diff(first) == 5).all()  # 265 windows in five chunks


def test_chunks_can_be_read_from_anywhere(path: str, monkeypatch) -> None:
    small_pieces(monkeypatch)
    dataset = load_series_stream(options(path, shuffle_window=40), "auto")
    plan = plan_chunks(dataset.n_train, 8, dataset.stream.chunk_rows)
    straight = list(read_chunks(dataset.stream, plan, 0, 0, plan.steps_per_epoch))
    assert len(straight) > 4
    for k in range(1, len(straight), 2):
        first = k * plan.steps_per_chunk
        own = next(read_chunks(dataset.stream, plan, 0, first, plan.steps_per_epoch))
        np.testing.assert_array_equal(own.batch.inputs["past"], straight[k].batch.inputs["past"])
        np.testing.assert_array_equal(own.batch.target["value"], straight[k].batch.target["value"])


def test_windows_are_known_by_the_rows_of_their_first_predictions(path: str, monkeypatch) -> None:
    """What a run that diverges names; of a step without a row the one before."""
    small_pieces(monkeypatch)
    dataset = load_series_stream(options(path, scaling="shared", shuffle_window=40), "auto")
    table = pa.concat_tables(make_series().values())
    load = table["load"].to_numpy()
    (column,) = dataset.encoder.columns
    arrays = joined(epoch_of(dataset))
    rows = row_numbers(dataset.stream, 0, 0, 0, dataset.n_train)
    first = arrays["target value"][:, 0].astype(np.float64) * column.unit + column.shift
    known = ~np.isnan(first)
    assert 0 < (~known).sum() < 60
    np.testing.assert_allclose(first[known], load[rows[known]], rtol=1e-5, atol=0.01)
    groups = np.array(dataset.encoder.groups)[arrays["series"]]
    np.testing.assert_array_equal(groups, np.array(table["name"].to_pylist())[rows])
