"""Encoded columns against hand arithmetic; what is inferred, and what is refused in which words."""

from __future__ import annotations

import datetime
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.config.data_options import Table
from train.data.columns import get_column
from train.data.dataset import Head
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.data.table.fit import fit_encoder
from train.data.values import read_times
from train.errors import UserError

N = 100
Y = np.linspace(-1, 1, N)
FAR = [*range(98), 2**60, 2**60 + 1]


def fit(columns: dict, loss: str = "auto", rows=None, **options) -> tuple[TableEncoder, list[str]]:
    table = pa.table({"y": Y, **columns} if "target" not in options else columns)
    rows = np.arange(table.num_rows) if rows is None else rows
    return fit_encoder(table, rows, Table(**{"target": "y", **options}), loss)


def column(values, **options) -> Column:
    """The fitted column of these values, beside another that is always kept."""
    encoder, _ = fit(
        {"x": values, "other": Y[: len(values)] + 0.5, "y": Y[: len(values)]}, **options
    )
    return encoder.columns[0]


def encoded(encoder: TableEncoder, columns: dict) -> dict[str, np.ndarray]:
    return encoder.encode(pa.table(columns), "new")


def test_numbers_are_shifted_and_divided():
    x = np.array([1.5, np.nan, -4.0, 1e6] * 25)
    encoder, _ = fit({"whole": Y, "x": x})
    fitted = encoder.columns[1]
    assert (fitted.kind, fitted.missing, encoder.missing_columns) == ("number", True, (1,))
    inputs = encoded(encoder, {"x": x, "whole": Y})
    np.testing.assert_array_equal(
        inputs["numbers"][:, 1], ((x - fitted.shift) / fitted.unit).astype(np.float32)
    )
    assert inputs["numbers"].dtype == np.float32 and "codes" not in inputs


@given(
    offset=st.floats(-1e9, 1e9), spread=st.sampled_from([1e-2, 1.0, 1e3]), seed=st.integers(0, 9)
)
def test_an_offset_costs_no_precision(offset, spread, seed):
    x = offset + spread * np.random.default_rng(seed).normal(size=N)
    encoder, _ = fit({"x": x})
    decoded = encoded(encoder, {"x": x})["numbers"][:, 0].astype(np.float64)
    decoded = decoded * encoder.columns[0].unit + encoder.columns[0].shift
    assert np.abs(decoded - x).max() < 1e-6 * spread + 1e-15 * abs(offset)


@pytest.mark.parametrize("step", ["us", "s", "h", "D"])
def test_time_stamps_keep_a_millionth_of_their_spread(step):
    ticks = np.datetime64("2026-11-23T10:00:00", "us") + np.arange(N) * np.timedelta64(1, step)
    encoder, _ = fit({"at": ticks})
    fitted = encoder.columns[0]
    elapsed = encoded(encoder, {"at": ticks})["numbers"][:, 0].astype(np.float64)
    seconds = np.diff(elapsed) * fitted.unit * 86_400
    truth = np.diff(ticks) / np.timedelta64(1, "us") / 1e6
    assert np.abs(seconds - truth).max() < 1e-6 * truth.sum()


def test_a_time_has_its_place_in_year_week_and_day():
    # Thursday, Wednesday.
    ticks = [datetime.datetime(2026, 4, 2, 6), datetime.datetime(1969, 12, 31, 18)] * 50
    encoder, _ = fit({"at": ticks})
    cycles = [
        f"at.{cycle}_{wave}" for cycle in ("month", "weekday", "hour") for wave in ("sin", "cos")
    ]
    assert encoder.number_names == ("at", *cycles)
    inputs = encoded(encoder, {"at": ticks[:2]})["numbers"]
    assert np.allclose(inputs[0, 1:3], (1, 0), atol=1e-6) and np.allclose(
        inputs[0, 5:], (1, 0), atol=1e-6
    )
    week = 2 * np.pi * np.array([3, 2]) / 7
    assert np.allclose(inputs[:, 3:5], np.stack([np.sin(week), np.cos(week)], 1), atol=1e-6)
    assert np.allclose(inputs[1, 5:], (-1, 0), atol=1e-6)
    missing = encoded(encoder, {"at": pa.array([None, ticks[0]])})["numbers"]
    assert np.isnan(missing[0]).all() and not np.isnan(missing[1]).any()
    assert encoder.places() == {"at": ("numbers", tuple(range(7)))}


def test_dates_and_iso_text_are_the_same_times():
    dates = [datetime.date(2020, 1, 1) + datetime.timedelta(days=i) for i in range(N)]
    from_dates, _ = fit({"at": dates})
    from_text, _ = fit({"at": [date.isoformat() for date in dates]})
    assert from_dates == from_text and not from_dates.columns[0].clock
    zoned = encoded(from_dates, {"at": ["2020-01-01T12:00:00+02:00", "2020-01-01 10:00"]})[
        "numbers"
    ]
    np.testing.assert_array_equal(zoned[0], zoned[1])
    text = pa.table({"at": ["1969-12-31T23:59:59.999999"]})
    assert read_times(get_column(text, "at", "data", ())).data == [-1]  # microsecond of 1970


def test_categories_are_codes_of_sorted_training_values():
    encoder, _ = fit(
        {"x": ["b", "a", None, "c"] * 25, "z": [True, False] * 50}, rows=np.array([0, 1, 2, 4, 5])
    )
    assert [c.vocabulary for c in encoder.columns] == [("a", "b"), ("false", "true")]
    assert encoder.category_sizes == (2, 2) and encoder.columns[0].missing
    inputs = encoded(
        encoder, {"z": [True, False, None, True], "extra": [1, 2, 3, 4], "x": ["a", "b", "?", "c"]}
    )
    np.testing.assert_array_equal(inputs["codes"], [[1, 2], [2, 1], [0, 0], [0, 2]])
    assert inputs["codes"].dtype == np.int32 and "numbers" not in inputs
    for same in (["true", "false"], ["True", "False"], [1, 0]):
        assert list(encoded(encoder, {"x": ["a", "a"], "z": same})["codes"][:, 1]) == [2, 1]


def test_options_override_what_is_inferred():
    x = np.arange(N) % 3
    assert column(x).kind == "number"
    assert column(x, categorical=("x",)).vocabulary == ("0", "1", "2")
    assert column([True, False] * 50, numeric=("x",)).kind == "number"
    assert column(["1", " 2.5", "?", "-3e1"] * 25).kind == "number"
    assert column(["1", "2"] * 50, categorical=("x",)).kind == "category"


def test_features_choose_and_order():
    columns = {"a": Y, "b": Y * 2, "c": Y * 3, "w": Y, "g": Y, "t": Y}
    assert fit(columns, features=("c", "a"))[0].number_names == ("c", "a")
    assert fit(columns, ignore=("b",), weight="w", group="g", time="t")[0].number_names == (
        "a",
        "c",
    )


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([3] * N, "all training rows have 3"),
        (["q"] * N, "all training rows have 'q'"),
        ([datetime.date(2020, 1, 1)] * N, "the same time"),
        (pa.nulls(N), "no training row has a value"),
        ([None] * N, "no training row has a value"),
        ([f"k{i}" for i in range(N)], "100 different texts in 100 training rows"),
        (np.random.default_rng(0).permutation(N) + 7, "it numbers the rows"),
    ],
)
def test_columns_that_cannot_help_are_left_out_with_a_note(values, reason):
    encoder, notes = fit({"x": values, "other": Y})
    assert [c.name for c in encoder.columns] == ["other"]
    assert reason in encoder.dropped["x"] and notes == [
        f"column 'x' is left out: {encoder.dropped['x']}"
    ]


def test_years_that_follow_in_order_are_no_row_numbers():
    encoder, notes = fit({"x": np.arange(N) + 1900, "other": Y})
    assert [column.kind for column in encoder.columns] == ["number", "number"] and not notes
    for first in (1600, 2050):  # not all of them years
        assert "it numbers the rows" in fit({"x": np.arange(N) + first, "other": Y})[1][0]


def test_a_row_number_is_found_in_a_part_of_the_rows_and_kept_if_named():
    rows = np.sort(np.random.default_rng(0).permutation(N)[:70])
    _, notes = fit({"x": np.arange(N), "other": Y}, rows=rows)
    assert "it numbers the rows" in notes[0]
    assert column(np.arange(N), numeric=("x",)).kind == "number"
    assert column([f"k{i}" for i in range(N)], features=("x",)).kind == "category"
    assert column(np.arange(50)).kind == "number"  # of so few rows nothing can be said
    assert column(np.arange(N) * 2).kind == "number"


def test_one_value_and_gaps_still_say_something():
    assert column([3.0, None] * 50).missing and column(["q", None] * 50).missing


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0] * 99 + [np.inf], r"x': row 100 is infinite"),
        (FAR, rf"'x': {2**60} in row 99 and {2**60 + 1} in row 100 are the same float32"),
        ([[1, 2]] * N, r"holds list.*name it in config.data.ignore"),
    ],
)
def test_columns_that_cannot_be_right_are_refused(values, message):
    with pytest.raises(UserError, match=message):
        fit({"x": values, "other": Y})


def test_integers_that_are_next_to_the_same_in_a_wide_column_are_said():
    wide = np.linspace(0, 240_000_000, N).astype(int)
    wide[7:9] = 2_300_136, 2_300_138
    wide[[3, 50]] = 239_000_001, 239_000_003
    _, notes = fit({"x": wide, "other": Y})
    # Of nearly 1, in units of 2**27 from there, float32 tells steps of 2**-24: of 8.
    assert np.float32(2_300_136 / 2**27 - 1) == np.float32(2_300_138 / 2**27 - 1)
    span = "half of the rows span about 1.3e+08"
    same = "2300136 in row 8 and 2300138 in row 9 are the same float32, 2 such pairs"
    assert notes == [f"column 'x': {same}; {span}"]
    assert not fit({"x": wide, "other": Y}, numeric=("x",))[1]
    assert not fit({"x": wide + 0.5, "other": Y})[1], "fractions are rounded as all are"


def test_integers_are_rounded_if_the_user_says_so():
    assert column(FAR, numeric=("x",)).kind == "number"
    assert column(FAR, categorical=("x",)).vocabulary[-1] == str(2**60 + 1)


def test_large_integers_that_are_near_each_other_are_exact():
    encoder, _ = fit({"x": [2**60 + 3 * i for i in range(N)]})
    steps = (
        np.diff(encoded(encoder, {"x": [2**60, 2**60 + 1, 2**60 + 2]})["numbers"][:, 0])
        * encoder.columns[0].unit
    )
    assert list(steps) == [1, 1]


def test_new_rows_must_fit():
    ticks = pa.array([10**9 * i for i in range(N)], pa.timestamp("s"))
    encoder, _ = fit({"age": Y * 30, "town": ["a", "b"] * 50, "at": ticks})
    good = {"age": ["1", "2.5"], "town": ["a", "b"], "at": ["2020-01-01", "2021-01-01"]}
    shift = encoder.columns[0].shift
    unit = encoder.columns[0].unit
    assert list(encoded(encoder, good)["numbers"][:, 0] * unit + shift) == [1, 2.5]
    assert list(encoded(encoder, good | {"age": [1, 2]})["numbers"][:, 0] * unit + shift) == [1, 2]
    assert encoded(encoder, {name: pa.array([], pa.string()) for name in good})[
        "numbers"
    ].shape == (0, 8)
    for name, values, message in (
        ("age", ["1", "old"], "'old' in row 2: expected a number"),
        ("age", [1e300, 1.0], "1e\\+300 in row 1 is too far"),
        ("age", [datetime.date(2020, 1, 1)] * 2, "holds times, expected numbers"),
        ("at", [1.5, 2.5], "holds double, expected times"),
    ):
        with pytest.raises(UserError, match=f"new: column '{name}': {message}"):
            encoded(encoder, good | {name: values})
    with pytest.raises(UserError, match=r"new: no column 'town'; did you mean 'towns'\?"):
        encoded(encoder, {"age": [1], "towns": ["a"], "at": ["2020-01-01"], "t": [1]})


def test_markers_mean_missing_in_numbers_too():
    encoder, _ = fit({"x": Y}, missing=("-999", "?"))
    for values in (["0.5", "-999"], [0.5, -999.0], ["0.5", "?"]):
        assert list(np.isnan(encoded(encoder, {"x": values})["numbers"][:, 0])) == [False, True]


def test_an_encoder_survives_json():
    columns = {
        "x": Y,
        "c": ["a", None] * 50,
        "at": np.datetime64("2020-01-01", "us") + np.arange(N),
    }
    columns |= {"y": Y, "k": ["p", "q"] * 50, "id": [f"{i}i" for i in range(N)]}
    encoder, _ = fit(columns, target=("y", "k"))
    plain = json.loads(json.dumps(encoder.to_json()))
    assert TableEncoder.from_json(plain | {"fingerprint": "f"}) == encoder
    assert plain["dropped"].keys() == {"id"}
    assert encoder.heads == (
        Head("value", "regression", ("y",), (), 1),
        Head("k", "binary", ("k",), ("p", "q"), 1),
    )


def target(values, loss: str = "auto", **options) -> tuple[TableEncoder, list[str]]:
    return fit({"y": values, "x": np.arange(len(values)) ** 2.0}, loss, target="y", **options)


@pytest.mark.parametrize(
    ("values", "loss", "kind", "classes"),
    [
        (["no", "yes"] * 9, "auto", "binary", ("no", "yes")),
        ([True, False] * 9, "auto", "binary", ("false", "true")),
        ([0, 1, 1, 0], "auto", "binary", ("0", "1")),
        ([*range(11)] * 5, "auto", "multiclass", tuple(map(str, range(11)))),
        ([1.0, 2.0, 3.0] * 5, "auto", "multiclass", ("1", "2", "3")),
        ([1, 2, 3] * 4, "auto", "regression", ()),  # four of each are too few to tell
        ([0, 2, 3] * 9, "auto", "multiclass", ("0", "2", "3")),
        ([-1, 1] * 9, "auto", "binary", ("-1", "1")),
        ([2, 4] * 9, "auto", "binary", ("2", "4")),
        ([1, 2, 3, 5, 6, 7] * 9, "auto", "multiclass", ("1", "2", "3", "5", "6", "7")),
        ([0, 1] * 20 + [2], "auto", "multiclass", ("0", "1", "2")),
        ([0, 1] * 20 + [2, 3], "auto", "regression", ()),  # as counts, whose ends are rare
        ([0, 10, 20] * 9, "auto", "regression", ()),
        ([3, 4, 5] * 9, "auto", "regression", ()),
        ([*range(21)] * 9, "auto", "regression", ()),
        ([0.5, 1.0] * 9, "auto", "regression", ()),
        (["1.5", "2", "3"], "auto", "regression", ()),
        ([0, 1, 2] * 9, "mse", "regression", ()),
        ([True, False] * 9, "mae", "regression", ()),
        ([30, 10, 20], "categorical_crossentropy", "multiclass", ("10", "20", "30")),
        ([-1, 1, 1], "binary_crossentropy", "binary", ("-1", "1")),
    ],
)
def test_the_target_says_what_is_learnt(values, loss, kind, classes):
    encoder, notes = target(values, loss)
    assert (encoder.heads[0].kind, encoder.heads[0].classes) == (kind, classes)
    numbers = set() if isinstance(values[0], str) else set(values)
    least = 10 if any(number % 1 for number in numbers) else 2
    few = len(numbers) <= 20 and len(values) >= least * len(numbers)
    guessed = loss == "auto" and not isinstance(values[0], str | bool) and (bool(classes) or few)
    assert any("is read as" in note for note in notes) == guessed
    if guessed:
        advice = "config.data.numeric" if classes else "config.data.categorical"
        assert any(advice in note for note in notes)


def test_a_target_whose_squares_overflow_is_refused():
    with pytest.raises(UserError, match=r"1e\+200 in row 2: its square is beyond float64"):
        target([1.5, 1e200, 3.0, 7.0])


def test_options_say_what_a_target_is():
    assert target([0, 1, 2] * 9, numeric=("y",))[0].heads[0].kind == "regression"
    assert target([3, 4, 5] * 9, categorical=("y",))[0].heads[0].kind == "multiclass"


@pytest.mark.parametrize(
    ("values", "loss", "options", "message"),
    [
        (
            [None] * 9,
            "auto",
            {"features": ("x",)},
            "column 'y': the target is missing in every training row",
        ),
        ([2.5] * 9, "auto", {}, "the target is 2.5 in all training rows"),
        (["a"] * 9, "auto", {}, "all training rows are of the one class 'a'"),
        (["1", "a", "2"], "mse", {}, "'a' in row 2: expected a number"),
        (
            [0.0, 1.0, 0.5],
            "binary_crossentropy",
            {},
            "0.5 in row 3 is no class for config.loss=binary_crossentropy",
        ),
        (["a", "b", "c"], "binary_crossentropy", {}, r"has 3 classes \(a, b, c, ...\), not two"),
        ([3, -1, 2], "poisson", {}, "-1.0 in row 2: config.loss=poisson is for 0 and above"),
        ([3, 1, 0], "gamma", {}, "0.0 in row 3: config.loss=gamma is for amounts above 0"),
        ([3, -1, 2], "gamma", {}, "-1.0 in row 2: config.loss=gamma is for amounts above 0"),
        (
            [1, 2, 3],
            "mse",
            {"categorical": ("y",)},
            "config.loss=mse is for numbers, but config.data.categorical",
        ),
        ([datetime.date(2020, 1, 1)] * 9, "mse", {}, "holds times, which cannot be a target"),
        (["2020-01-01", "2020-01-02"], "auto", {}, "holds times, which cannot be a target"),
    ],
)
def test_targets_that_cannot_be_learnt_are_refused(values, loss, options, message):
    with pytest.raises(UserError, match=message):
        target(values, loss, **options)


def test_targets_and_answers_come_back_in_raw_units():
    prices = 1e6 + np.array([0.25, 1.5, 3.0, np.nan])
    columns = {
        "price": prices,
        "tag": ["a", "b", "c", "a"],
        "ok": [True, False, None, True],
        "n": [7, 8, 7, 8],
    }
    table = pa.table(columns | {"x": Y[:4]})
    names = tuple(columns)
    encoder, _ = fit_encoder(table, np.arange(4), Table(target=names, categorical=("n",)), "auto")
    assert [head.kind for head in encoder.heads] == ["regression", "multiclass", "binary", "binary"]
    targets, present = encoder.encode_targets(table, "t")
    assert list(present) == [True, True, False, False]
    assert (
        targets["value"].shape == (4, 1) and targets["tag"].dtype == targets["ok"].dtype == np.int32
    )
    assert (list(targets["ok"]), list(targets["n"])) == ([1, 0, -1, 1], [0, 1, 0, 1])
    raw = encoder.raw_targets({name: array[:2] for name, array in targets.items()})
    assert (
        list(raw["target_price"]) == [1e6 + 0.25, 1e6 + 1.5]
        and raw["target_price"].dtype == np.float64
    )
    assert [list(raw[f"target_{name}"]) for name in names[1:]] == [
        ["a", "b"],
        [True, False],
        [7, 8],
    ]
    np.testing.assert_array_equal(encoder.to_units(targets)["value"][:, 0], prices)
    binary = {"ok": np.array([0.4, 0.6]), "n": np.array([0.9, 0.1])}
    decoded = encoder.decode({"value": targets["value"][:2], "tag": np.eye(3)[[2, 0]], **binary})
    assert list(decoded["price"]) == [1e6 + 0.25, 1e6 + 1.5]
    assert [list(decoded[name]) for name in names[1:]] == [["c", "a"], [False, True], [8, 7]]
    assert list(decoded["probability_tag_a"]) == [0, 1] and list(
        decoded["probability_ok_true"]
    ) == [0.4, 0.6]


def test_one_target_is_called_prediction():
    encoder, _ = target(["no", "yes"] * 9)
    decoded = encoder.decode({"y": np.array([0.25, 0.5, 0.75], np.float32)})
    assert list(decoded) == ["prediction", "probability_no", "probability_yes"]
    assert list(decoded["prediction"]) == ["no", "no", "yes"] and list(
        decoded["probability_no"]
    ) == [0.75, 0.5, 0.25]
    encoder, _ = target([1.5, 2.5, 4.0])
    targets, _ = encoder.encode_targets(pa.table({"y": [3.0]}), "t")
    assert list(encoder.decode(targets)["prediction"]) == [3]
