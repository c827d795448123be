"""Series with missing values: targets are masked, inputs are filled and marked."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from series_tables import hours, options, small_table, write

from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.load import load_series
from train.data.series.load_windows import load_windows
from train.errors import UserError

LOOKBACK = 8
HORIZON = 4


def with_gaps(table: pa.Table, **gaps: list[int]) -> pa.Table:
    for name, rows in gaps.items():
        mask = np.isin(np.arange(table.num_rows), rows)
        column = pa.array(table[name].to_numpy(), mask=mask)
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def load(tmp_path, table: pa.Table, **changes) -> SeriesDataset:
    return load_series(options(write(table, tmp_path), **changes))


def test_missing_targets_are_nan_and_their_fill_is_marked(tmp_path):
    table = with_gaps(small_table(), load=[5, 30, 31, 50], price=[10])
    dataset = load(tmp_path, table, known=("price",), observed=())
    encoder = dataset.encoder
    assert encoder.marked == ("load", "price") and encoder.marks_targets
    # The target, its mark, the known column, its mark: both of these ahead as well.
    assert dataset.values.shape == (60, 4) and encoder.n_columns == 4 and encoder.n_ahead == 2
    np.testing.assert_array_equal(np.flatnonzero(dataset.values[:, 1]), [5, 30, 31, 50])
    np.testing.assert_array_equal(np.flatnonzero(dataset.values[:, 3]), [10])
    for split, windows in dataset.splits.items():
        batch = dataset.take(dataset.arrays, windows)
        rows = dataset.starts[windows][:, None] + LOOKBACK + np.arange(HORIZON)
        truth = small_table()["load"].to_numpy()[rows]
        truth[np.isin(rows, [5, 30, 31, 50])] = np.nan
        said = encoder.raw_targets(batch.target)["target"]
        np.testing.assert_allclose(said, truth, rtol=1e-6)
        assert np.isfinite(batch.inputs["past"]).all() and (batch.weight == 1).all(), split
        assert batch.inputs["future"].shape == (len(windows), HORIZON, 2)
        np.testing.assert_allclose(dataset.weight[windows], 1 - np.isnan(truth).mean(1))
    note = next(note for note in dataset.notes if "'load'" in note)
    assert "4 of 60 values are missing; not trained on and not scored" in note
    assert note.endswith("with a mark")
    again = SeriesEncoder.from_json(encoder.to_json())
    assert again == encoder


def test_what_stands_in_for_a_missing_value_changes_no_target_and_no_statistic(tmp_path):
    gap = [9, 20, 21, 22, 33]
    dataset = load(tmp_path, with_gaps(small_table(), load=gap), observed=())
    values = dataset.values.copy()
    values[gap, 0] = 1e6
    spoilt = dataclasses.replace(dataset, values=values)
    train = dataset.splits["train"]
    for split in dataset.splits.values():
        before, after = (d.take(d.arrays, split).target["value"] for d in (dataset, spoilt))
        np.testing.assert_array_equal(before, after)
    fitted, others = (d.statistics(train)["inputs"] for d in (dataset, spoilt))
    np.testing.assert_array_equal(fitted["center"], others["center"])
    np.testing.assert_array_equal(fitted["scale"], others["scale"])
    known = np.delete(small_table()["load"].to_numpy()[:36], gap)
    column = dataset.encoder.columns[0]
    assert column.deviation == pytest.approx(known.std())
    np.testing.assert_allclose(fitted["center"][0] * column.unit + column.shift, known.mean())
    np.testing.assert_allclose(fitted["scale"][0] * column.unit, known.std(), rtol=1e-6)
    np.testing.assert_array_equal(fitted["center"][1:], 0)
    np.testing.assert_array_equal(fitted["scale"][1:], 1)


def test_scaled_targets_keep_their_gaps(tmp_path):
    dataset = load(tmp_path, with_gaps(small_table(), load=[20]), observed=())

    def scale(arrays):
        return {name: (array - 3) / 2 for name, array in arrays.items()}

    pool = dataset.prepared(scale, scale)
    raw = dataset.take(dataset.arrays, dataset.splits["train"]).target["value"]
    target = dataset.take(pool, dataset.splits["train"]).target["value"]
    np.testing.assert_allclose(target, (raw - 3) / 2, rtol=1e-6)
    assert np.isnan(raw).sum() == HORIZON


def test_windows_without_any_target_are_left_out_and_said(tmp_path):
    gap = list(range(20, 26))
    dataset = load(tmp_path, with_gaps(small_table(), load=gap))
    whole = load(tmp_path, small_table())
    begins = dataset.starts[dataset.splits["train"]]
    n_out = len(whole.splits["train"]) - len(begins)
    assert n_out == 3 and not np.isin([12, 13, 14], begins).any()
    n_all = len(whole.splits["train"])
    assert f"{n_out} of {n_all} train windows have no known target; left out" in dataset.notes[-1]
    with pytest.raises(UserError, match="all targets of the 9 valid windows are missing"):
        load(tmp_path, with_gaps(small_table(), load=list(range(36, 48))))


def test_a_gap_after_the_training_rows_is_masked_but_adds_no_input(tmp_path):
    dataset = load(tmp_path, with_gaps(small_table(), load=[50]), observed=())
    assert dataset.encoder.marked == () and dataset.values.shape == (60, 1)
    assert np.isnan(dataset.take(dataset.arrays, dataset.splits["test"]).target["value"]).any()
    assert "marked" not in dataset.encoder.to_json()
    whole = load(tmp_path, small_table(), observed=())
    assert whole.gaps is None and whole.arrays.targets is None
    np.testing.assert_array_equal(whole.weight, 1)


def test_gaps_are_counted_by_series_and_one_without_targets_is_said(tmp_path):
    n = 30
    table = pa.table(
        {
            "when": hours(n) * 3,
            "shop": ["a"] * n + ["b"] * n + ["c"] * n,
            "load": [float(i % 7) for i in range(3 * n)],
        }
    )
    table = with_gaps(table, load=[3, 40, 41, *range(2 * n, 3 * n)])
    notes = load(tmp_path, table, group="shop", valid=6, test=6).notes
    assert any("1 of 3 series have no value of a target, such as group 'c'" in n for n in notes)
    assert any("3 of 60 values are missing ('b' 2, 'a' 1)" in note for note in notes)


def test_forecasts_go_on_from_the_last_row_of_a_series_that_ends_in_gaps(tmp_path):
    two = ("load", "price")
    dataset = load(tmp_path, with_gaps(small_table(), load=[20]), target=two)
    encoder = dataset.encoder
    assert encoder.marked == two
    lacks = (20 - LOOKBACK - HORIZON < dataset.starts) & (dataset.starts <= 20 - LOOKBACK)
    np.testing.assert_allclose(dataset.weight, np.where(lacks, 1 - 1 / (2 * HORIZON), 1))
    future = encoder.future(with_gaps(small_table(), load=[58, 59], price=[59]), "data")
    past = future.inputs["past"][0]
    assert future.stamps is not None and past.shape == (LOOKBACK, 4)
    # Row 58 is the last of any target, and only the load is missing there.
    np.testing.assert_array_equal(past[-1, 2:], [1, 0])
    np.testing.assert_array_equal(past[-1, 0], past[-2, 0])
    shift = np.array([column.shift for column in encoder.targets])
    unit = np.array([column.unit for column in encoder.targets])
    raw = past[:, :2] * unit + shift
    np.testing.assert_allclose(raw[-1, 1], small_table()["price"][58].as_py(), rtol=1e-6)


def test_a_labelled_file_with_gaps_is_judged_by_what_is_known(tmp_path):
    encoder = load(tmp_path, small_table()).encoder
    windows = load_windows(encoder, with_gaps(small_table(), load=list(range(30, 35))), "data")
    assert len(windows.starts) == 60 - LOOKBACK - HORIZON + 1 - 2
    assert windows.target_gaps is not None and windows.target_gaps.sum() == 5
