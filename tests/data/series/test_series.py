"""A series from its file to windows: order, parts, gaps, stamps, and what a trained net gets."""

from __future__ import annotations

import dataclasses
import datetime

import jax
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st
from series_tables import hours, options, small_table, write

from train.config.data_options import Series
from train.data.series.encoder import SeriesEncoder
from train.data.series.load import load_series
from train.data.series.load_windows import load_windows
from train.data.series.windows import all_windows, rows_covered, split_windows
from train.errors import UserError


@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    lookback=st.integers(1, 12),
    horizon=st.integers(1, 8),
    stride=st.integers(1, 5),
    valid=st.sampled_from([0, 0.2, 9]),
    test=st.sampled_from([0, 0.3, 9]),
)
def test_no_row_is_predicted_in_two_parts_and_no_window_spans_two_series(
    sizes, lookback, horizon, stride, valid, test
):
    sizes_g = np.array(sizes)
    chosen = Series(lookback=lookback, horizon=horizon, stride=stride, valid=valid, test=test)
    try:
        splits, train_rows_g = split_windows(sizes_g, chosen)
    except UserError:
        return
    group_t = np.repeat(np.arange(len(sizes)), sizes)
    predicted = {}
    for part, starts in splits.items():
        rows_nt = starts[:, None] + np.arange(lookback + horizon)
        assert (group_t[rows_nt] == group_t[starts][:, None]).all()
        predicted[part] = set(rows_nt[:, lookback:].ravel().tolist())
    assert (
        not predicted["train"] & predicted["valid"] and not predicted["valid"] & predicted["test"]
    )
    assert not predicted["train"] & predicted["test"]
    firsts = np.cumsum(sizes_g) - sizes_g
    for row in predicted["train"]:
        assert row - firsts[group_t[row]] < train_rows_g[group_t[row]]
        for later in predicted["valid"] | predicted["test"]:
            assert group_t[later] != group_t[row] or later > row


def test_every_window_of_a_part_is_there():
    splits, train_rows_g = split_windows(
        np.array([40]), Series(lookback=6, horizon=3, valid=8, test=10)
    )
    assert train_rows_g == [22]
    np.testing.assert_array_equal(splits["train"], np.arange(0, 22 - 9 + 1))
    np.testing.assert_array_equal(splits["valid"], np.arange(22 - 6, 30 - 9 + 1))
    np.testing.assert_array_equal(splits["test"], np.arange(30 - 6, 40 - 9 + 1))


def test_windows_stand_a_stride_apart_from_the_first_row_of_their_part():
    splits, _ = split_windows(
        np.array([40]), Series(lookback=6, horizon=3, stride=4, valid=8, test=10)
    )
    np.testing.assert_array_equal(splits["train"], np.arange(0, 14, 4))
    np.testing.assert_array_equal(splits["test"], [24, 28])


def test_windows_of_all_series_and_the_rows_they_cover():
    starts = all_windows(np.array([5, 2, 4]), lookback=2, horizon=1)
    np.testing.assert_array_equal(starts, [0, 1, 2, 7, 8])
    covered = rows_covered(np.array([1, 7]), 3, 11)
    np.testing.assert_array_equal(np.flatnonzero(covered), [1, 2, 3, 7, 8, 9])


def test_a_batch_is_slices_of_the_flat_array_on_the_host_and_compiled(tmp_path):
    dataset = load_series(
        options(write(small_table(), tmp_path), observed=("price",), calendar=True)
    )
    chosen = dataset.splits["valid"][[0, 3]]
    on_host = dataset.take(dataset.arrays, chosen)
    on_device = jax.jit(dataset.take)(jax.device_put(dataset.arrays), chosen)
    for i, start in enumerate(dataset.starts[chosen]):
        np.testing.assert_array_equal(on_host.inputs["past"][i], dataset.values[start : start + 8])
        np.testing.assert_array_equal(
            on_host.inputs["future"][i], dataset.values[start + 8 : start + 12, 2:]
        )
        np.testing.assert_array_equal(
            on_host.target["value"][i], dataset.values[start + 8 : start + 12, 0]
        )
    jax.tree.map(np.testing.assert_array_equal, tuple(on_host)[:2], tuple(on_device)[:2])
    none = dataset.take(dataset.arrays, chosen[:0])
    assert none.target["value"].shape == (0, 4) and none.inputs["past"].shape[:2] == (0, 8)
    # Two columns; sine and cosine of the hour: training rows span no week.
    assert dataset.values.shape == (60, 2 + 2)


def test_values_come_back_in_raw_units(tmp_path):
    table = small_table()
    dataset = load_series(options(write(table, tmp_path), target=("load", "price")))
    batch = dataset.take(dataset.arrays, dataset.splits["test"])
    first = int(dataset.original_rows[dataset.splits["test"]][0])
    raw = dataset.encoder.raw_targets(batch.target)
    np.testing.assert_allclose(
        raw["target_load"][0], table["load"].to_numpy()[first : first + 4], rtol=1e-6
    )
    np.testing.assert_allclose(
        raw["target_price"][1], table["price"].to_numpy()[first + 1 : first + 5], rtol=1e-6
    )


def test_series_mixed_in_a_file_are_put_in_order(tmp_path):
    n = 30
    table = pa.table({
        "when": [t for t in hours(n) for _ in "ab"],
        "shop": ["a", "b"] * n,
        "load": [v for i in range(n) for v in (float(i), 1000.0 + i)],
    })  # fmt: skip
    dataset = load_series(options(write(table, tmp_path), group="shop", valid=6, test=6))
    raw = dataset.encoder.decode({"value": np.repeat(dataset.values, 4, axis=1)})["load"][:, 0]
    np.testing.assert_allclose(raw, [*range(n), *range(1000, 1000 + n)], atol=1e-3)
    np.testing.assert_array_equal(dataset.flat.rows[:3], [0, 2, 4])
    assert dataset.flat.names is not None and dataset.flat.names.tolist() == ["a", "b"]
    windows = np.sort(dataset.starts)
    assert not ((windows > n - 12) & (windows < n)).any()


def test_nothing_after_the_training_rows_changes_what_is_fitted(tmp_path):
    table = small_table()
    spoilt = table["load"].to_numpy().copy()
    spoilt[60 - 24 :] = 1e6
    (tmp_path / "b").mkdir()
    clean = load_series(options(write(table, tmp_path)))
    other = load_series(
        options(write(table.set_column(1, "load", pa.array(spoilt)), tmp_path / "b"))
    )
    assert clean.encoder == other.encoder
    fitted = [d.statistics(d.splits["train"])["inputs"] for d in (clean, other)]
    for name in ("center", "scale"):
        np.testing.assert_array_equal(fitted[0][name], fitted[1][name])
    train = table["load"].to_numpy()[:36]
    column = clean.encoder.columns[0]
    assert column.deviation == pytest.approx(train.std()) and column.median == pytest.approx(
        np.median(train)
    )
    np.testing.assert_allclose(
        fitted[0]["center"] * column.unit + column.shift, train.mean(), rtol=1e-6
    )
    np.testing.assert_allclose(fitted[0]["scale"] * column.unit, train.std(), rtol=1e-5)


def test_gaps_take_the_value_before_within_a_series_or_the_training_median(tmp_path):
    n = 30
    load: list[float | None] = [float(i) for i in range(2 * n)]
    for gap in (0, 1, 5, 6, n, n + 9):
        load[gap] = None
    table = pa.table({"when": hours(n) * 2, "shop": ["a"] * n + ["b"] * n, "load": load})
    dataset = load_series(options(write(table, tmp_path), group="shop", valid=6, test=6))
    column = dataset.encoder.columns[0]
    raw = dataset.values[:, 0] * column.unit + column.shift
    train = [v for i, v in enumerate(load) if i % n < n - 12 and v is not None]
    assert column.median == np.median(train)
    np.testing.assert_allclose(
        raw[[0, 1, 5, 6, n, n + 9]], [np.median(train)] * 2 + [4, 4, np.median(train), n + 8]
    )
    assert any("column 'load': 6 of 60 values are missing" in note for note in dataset.notes)


def test_missing_and_irregular_stamps_are_said(tmp_path):
    whole = small_table(70)
    dataset = load_series(
        options(write(whole.take([i for i in range(70) if i not in (10, 11, 40)]), tmp_path))
    )
    assert any(
        "column 'when': 3 stamps are missing at a step of 1 hour; rows without values" in note
        for note in dataset.notes
    )
    when = hours(60)
    for i in range(0, 60, 2):
        when[i] += datetime.timedelta(minutes=i)
    dataset = load_series(
        options(write(small_table().set_column(0, "when", pa.array(when)), tmp_path))
    )
    assert any(
        "neighbours are not whole steps of 1 hour apart; windows count rows" in note
        for note in dataset.notes
    )
    assert load_series(options(write(small_table(), tmp_path))).notes == ()


def test_only_the_first_rows_are_used_and_none_after_the_last_target(tmp_path):
    assert len(load_series(options(write(small_table(), tmp_path), rows=50)).values) == 50
    load = small_table()["load"].to_pylist()
    load[-7:] = [None] * 7
    table = small_table().set_column(1, "load", pa.array(load))
    dataset = load_series(options(write(table, tmp_path)))
    assert len(dataset.values) == 53
    assert "7 rows after the last value of a target in their series are left" in dataset.notes[0]


def test_short_series_are_left_out_and_said(tmp_path):
    table = pa.concat_tables(
        [small_table(), small_table(9).set_column(3, "name", pa.array(["b"] * 9))]
    )
    dataset = load_series(options(write(table, tmp_path), group="name"))
    assert len(dataset.values) == 60
    assert (
        "1 of 2 series have fewer rows than the 8 + 4 of a window, such as 'b'; left out"
        in dataset.notes[0]
    )
    said: list[str] = []
    load_windows(dataset.encoder, table, "new", said)
    assert said == ["new: 1 of 2 series are too short for a window; left out"]
    nothing = table.set_column(1, "load", pa.nulls(69, pa.float64()))
    with pytest.raises(UserError, match="the longest series here has 0 rows with a target"):
        load_windows(dataset.encoder, nothing, "new")


def with_time(change) -> pa.Table:
    when = hours(60)
    change(when)
    return small_table().set_column(0, "when", pa.array(when))


@pytest.mark.parametrize(
    ("table", "changes", "message"),
    [
        (
            small_table(),
            {"target": "laod"},
            "config.data.target: .* no column 'laod'; did you mean 'load'",
        ),
        (small_table(), {"known": ("prise",)}, "config.data.known: .* did you mean 'price'"),
        (
            small_table(),
            {"horizon": 60},
            "config.data.horizon: 60 steps ahead, but the series has 60 rows",
        ),
        (
            small_table(),
            {"lookback": 57},
            "config.data.lookback: 57 rows back and 4 ahead, .* at most 32",
        ),
        (small_table(), {"lookback": 40}, "36 of 60 rows train, and 40 \\+ 4 are needed"),
        (small_table(), {"valid": 3}, "config.data.valid: 3 of 60 rows hold no horizon of 4 steps"),
        (small_table(), {"test": 2}, "config.data.test: 2 of 60 rows hold no horizon of 4 steps"),
        (
            with_time(lambda w: w.__setitem__(9, w[8])),
            {},
            "rows 9 and 10 have the same time 2024-01-01 08:00:00",
        ),
        (with_time(lambda w: w.__setitem__(9, None)), {}, "column 'when': row 10 has no time"),
        (
            small_table().set_column(1, "load", pa.array([5.0] * 60)),
            {},
            "the target is 5 in all training rows",
        ),
        (
            small_table().set_column(1, "load", pa.array([None] * 60, pa.float64())),
            {},
            "no row has a value for 'load'",
        ),
        (
            small_table().set_column(0, "when", pa.array(range(60))),
            {"calendar": True},
            "holds numbers, not times",
        ),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path, table, changes, message):
    with pytest.raises(UserError, match=message) as raised:
        load_series(options(write(table, tmp_path), **changes))
    assert "\n" not in str(raised.value)


def test_a_number_that_float32_cannot_hold_is_refused_with_its_row(tmp_path):
    table = small_table()
    load = table["load"].to_numpy().copy()
    load[57] = 1e300  # of the test rows, which nothing is fitted on
    table = table.set_column(1, "load", pa.array(load))
    with pytest.raises(UserError, match=r"column 'load': 1e.300 in row 58 is too far from the tr"):
        load_series(options(write(table, tmp_path)))


def test_duplicates_name_their_group(tmp_path):
    table = pa.concat_tables(
        [small_table(), small_table(20).set_column(3, "name", pa.array(["b"] * 20))]
    )
    with pytest.raises(
        UserError, match=r"rows 1 and 61 have the same time .* or name config\.data\.group"
    ):
        load_series(options(write(table, tmp_path)))
    other = table.slice(79, 1).set_column(1, "load", pa.array([5.0]))
    twice = pa.concat_tables([table, other])
    with pytest.raises(UserError, match="rows 80 and 81 of group 'b' have the same time"):
        load_series(options(write(twice, tmp_path), group="name"))


def test_an_encoder_survives_json(tmp_path):
    encoder = load_series(
        options(write(small_table(), tmp_path), known=("price",), calendar=True)
    ).encoder
    assert SeriesEncoder.from_json(encoder.to_json() | {"fingerprint": "x"}) == encoder
    assert encoder.season == 24 and encoder.n_ahead == 1 + 2


def test_a_fingerprint_changes_with_a_value_and_a_window(tmp_path):
    path = write(small_table(), tmp_path)
    dataset = load_series(options(path))
    assert dataset.fingerprint == load_series(options(path)).fingerprint
    assert dataset.fingerprint != load_series(options(path, stride=2)).fingerprint
    values = dataset.values.copy()
    values[3, 0] += 1e-3
    assert dataclasses.replace(dataset, values=values).fingerprint != dataset.fingerprint


def test_a_fingerprint_says_nothing_of_what_steps_have_beside_size_and_kind(tmp_path):
    """Else a run that began before steps had it would be told that its data changed."""
    recorded = "dca1391342f28413906a503a59f6fb12f2c1242bb4984a76f833b833c66957a4"
    assert load_series(options(write(small_table(), tmp_path))).fingerprint == recorded


def test_options_say_how_a_text_file_of_a_series_is_written(tmp_path):
    path = tmp_path / "s.csv"
    lines = [f"{1 + i:02d}/02/2020;{1 + i % 7},{500 + i}" for i in range(12)]
    path.write_text("t;y\n" + "\n".join(lines) + "\n")
    common = {"path": str(path), "target": "y", "time": "t", "lookback": 2, "horizon": 1}
    days = {}
    values = {}
    for order in ("dmy", "mdy"):
        decimal = "," if order == "dmy" else "."
        data = load_series(Series(**common, decimal=decimal, date_format=order, valid=0, test=2))
        notation = data.encoder.columns[0].notation
        assert data.flat.stamps is not None and notation is not None
        days[order] = np.diff(data.flat.stamps)[0] / 86_400e6
        values[order] = notation.decimal
    assert days == {"dmy": 1, "mdy": 31} and values == {"dmy": ",", "mdy": "."}
