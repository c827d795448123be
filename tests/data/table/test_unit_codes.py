"""Whole numbers that name units, such as firms, are categories; amounts are not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from train.config import Config
from train.config.data_options import Table
from train.data.columns import get_column
from train.data.files.arrow import as_table
from train.data.files.tables import IN_MEMORY
from train.data.stream.load import load_stream
from train.data.table.dataset import TableDataset
from train.data.table.load import load_table
from train.data.table.unit_codes import (
    explained_by_units,
    find_units,
    first_rows,
    unit_sums,
)
from train.run.metadata import as_begun

RNG = np.random.default_rng(0)
N = 600
FIRM = RNG.integers(1, 61, N)
SIZE_OF = RNG.normal(size=62)
NOISE = RNG.normal(size=N) / 2
X = RNG.normal(size=N)
Y = SIZE_OF[FIRM] + NOISE
PATIENT = np.arange(N) // 5  # 120 of them
OF_PATIENT = RNG.normal(size=N)[PATIENT] + NOISE
PAIR = np.arange(N) // 2
OF_PAIR = RNG.normal(size=N)[PAIR] + NOISE / 9
LONE = np.arange(N) * 10 // 19  # 316 of them
OF_LONE = RNG.normal(size=N)[LONE] + NOISE / 9


def shares_by_hand(unit_n, target_n):
    """What `explained_by_units` tells, a row at a time."""
    y = target_n - target_n.mean()
    guesses = ([], [])
    for i, unit in enumerate(unit_n):
        others = [y[j] for j in range(len(y)) if unit_n[j] == unit and j != i]
        beside = [y[j] for j in range(len(y)) if abs(unit_n[j] - unit) == 1]
        for guess, rows in zip(guesses, (others, beside), strict=True):
            guess.append(sum(rows) / (len(rows) + 1))
    shares = []
    for guess in guesses:
        correlation = np.corrcoef(guess, y)[0, 1]
        shares.append(max(correlation, 0) ** 2)
    return shares


@pytest.mark.parametrize("target_n", [Y, FIRM + NOISE, NOISE, np.abs(Y)])
def test_shares_are_those_of_rows_looked_at_one_by_one(target_n):
    _, unit_n = np.unique(FIRM, return_inverse=True)
    np.testing.assert_allclose(
        explained_by_units(unit_sums(unit_n, target_n)),
        shares_by_hand(unit_n, target_n),
        rtol=1e-9,
        atol=1e-12,
    )


def test_a_target_or_a_guess_that_is_constant_is_told_nothing():
    assert explained_by_units(unit_sums(FIRM - 1, np.ones(N))) == (0, 0)
    assert explained_by_units(unit_sums(np.arange(N), Y))[0] == 0


@pytest.mark.parametrize(
    ("value_n", "target_n", "n_units"),
    [
        (FIRM, Y, 60),
        (FIRM.astype(float), Y, 60),
        (FIRM - 40, Y, 60),
        (2 * FIRM, Y, 60),
        (3 * FIRM, Y, 0),  # few, and too far apart to be numbered through
        (17 * PATIENT, OF_PATIENT, 120),
        (17 * PATIENT[:495], OF_PATIENT[:495], 0),
        (FIRM + 0.5, Y, 0),
        (FIRM, FIRM + NOISE, 0),  # an amount: those beside it tell as much
        (FIRM, (FIRM - 30) ** 2 / 100 + NOISE, 0),
        (FIRM, NOISE, 0),
        (FIRM, Y + 3 * RNG.normal(size=N), 0),
        (FIRM % 19, SIZE_OF[FIRM % 19] + NOISE, 0),
        (FIRM % 20, SIZE_OF[FIRM % 20] + NOISE, 20),
        (LONE, OF_LONE, 0),
        (PAIR, OF_PAIR, 300),
    ],
)
def test_numbers_of_units_are_told_from_amounts(value_n, target_n, n_units):
    assert find_units(np.asarray(value_n), target_n[:, None]) == n_units


def test_of_several_outputs_each_counts_by_its_variance():
    """Of ten classes one that is told makes no unit of a coordinate."""
    assert find_units(FIRM, np.stack([NOISE, 2 * Y], axis=1)) == 60
    assert find_units(FIRM, np.stack([8 * NOISE, Y], axis=1)) == 0
    assert find_units(FIRM, np.zeros((N, 2))) == 0


@pytest.mark.parametrize("most", [0, 20, 99])
def test_an_amount_of_which_one_value_is_most_rows_names_nothing(most):
    """Cigarettes a day, hours a week, a code for none: what that value tells is no unit's."""
    is_most = RNG.random(N) < 0.6
    value_n = np.where(is_most, most, RNG.integers(1, 41, N))
    target_n = 5 * is_most + value_n / 20 + NOISE
    assert find_units(value_n, target_n[:, None]) == 0
    firm_n = np.where(is_most, 0, FIRM)
    target_n = np.where(is_most, 4.0, Y)
    assert find_units(firm_n, target_n[:, None]) == len(np.unique(firm_n)) > 50


def load(columns: dict, target: str | tuple[str, ...] = "y", **options) -> TableDataset:
    frame = pd.DataFrame({"x": NOISE, "firm": FIRM, "y": Y} | columns)
    read = lambda *_, **__: as_table(frame, may_repeat=True)  # noqa: E731
    return load_table(Table(path=IN_MEMORY, target=target, **options), "auto", read)


def kind_of_firm(dataset: TableDataset) -> str:
    return next(c.kind for c in dataset.encoder.columns if c.name == "firm")


@pytest.mark.parametrize(
    ("columns", "options", "kind"),
    [
        ({}, {}, "category"),
        ({"y": np.where(Y > 0, "large", "small")}, {}, "category"),
        ({"y": np.digitize(Y, (-0.5, 0.5)) + 7}, {"metric": "accuracy"}, "category"),
        ({"y": np.where(Y > 0, "c", np.where(X > 1, "a", "b"))}, {}, "category"),
        ({"firm": np.where(np.arange(N) < 9, np.nan, FIRM)}, {}, "category"),
        ({"firm": [str(number) for number in FIRM]}, {}, "category"),
        ({"firm": [f"{number}.0" for number in FIRM]}, {}, "number"),
        ({"y": FIRM + NOISE}, {}, "number"),
        ({}, {"numeric": ("firm",)}, "number"),
        ({"g": np.arange(N) % 30}, {"split": "group", "group": "g"}, "number"),
    ],
)
def test_a_column_of_units_is_read_as_a_category(columns, options, kind):
    assert kind_of_firm(load(columns, **options)) == kind


@pytest.mark.parametrize("unit", [0.01, 1.0, 1000.0])
def test_each_of_several_targets_counts_alike_in_whatever_unit(unit):
    two = ("y", "z")
    assert kind_of_firm(load({"z": X * unit}, two)) == "category"
    assert kind_of_firm(load({"y": NOISE, "z": X * unit}, two)) == "number"
    classes = np.where(X > 0, "a", "b")
    assert kind_of_firm(load({"z": X * unit, "w": classes}, ("y", "z", "w"))) == "category"


def test_a_sample_of_a_stream_decides_nothing(tmp_path):
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"x": NOISE, "firm": FIRM, "y": Y}).to_parquet(path)
    options = Table(path=str(path), target="y", stream=True)
    assert kind_of_firm(load_stream(options, "auto")) == "number"
    assert kind_of_firm(load_table(replace(options, stream=False), "auto")) == "category"


@pytest.mark.parametrize("is_class", [False, True])
def test_copies_of_rows_make_no_unit_of_an_amount(is_class):
    """As where rare rows are drawn several times: a row's copies tell its target exactly."""
    amount = RNG.integers(0, 200, N // 2)
    for value, kind in ((amount, "number"), (FIRM[: N // 2], "category")):
        columns = {
            "x": NOISE[: N // 2],
            "firm": value,
            "y": Y[: N // 2] > 0 if is_class else Y[: N // 2],
        }
        assert kind_of_firm(load(columns)) == kind
        assert kind_of_firm(load({name: np.repeat(c, 4) for name, c in columns.items()})) == kind


def test_the_first_of_rows_that_are_alike_are_those_that_pandas_finds():
    frame = pd.DataFrame(
        {
            "number": RNG.integers(0, 3, N) / 2,
            "text": np.array(["a", "b", None])[RNG.integers(0, 3, N)],
            "flag": RNG.random(N) < 0.5,
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(RNG.integers(0, 3, N), "D"),
        }
    )
    frame.loc[::7, "number"] = np.nan
    for rows in (frame, frame.drop_duplicates(), frame.reset_index()):
        table = as_table(rows, may_repeat=True)
        columns = (get_column(table, name, "data", ()) for name in table.column_names)
        expected = ~rows.duplicated().to_numpy()
        np.testing.assert_array_equal(first_rows(columns), expected)


def test_it_is_said_with_what_would_change_it():
    dataset = load({})
    [note] = [note for note in dataset.notes if "'firm'" in note]
    assert note.startswith("column 'firm': 60 whole numbers tell the target each by itself")
    assert "config.data.numeric=firm" in note and "config.data.group=firm" in note
    assert not any("'firm'" in note for note in load({"y": FIRM + NOISE}).notes)


def test_rows_that_do_not_train_decide_nothing():
    """By the training rows' targets alone firms tell something."""
    is_train = np.zeros(N, bool)
    is_train[load({}, numeric=("firm",)).splits["train"]] = True
    assert kind_of_firm(load({"y": np.where(is_train, Y, 9 * FIRM)})) == "category"
    assert kind_of_firm(load({"y": np.where(is_train, NOISE, 9 * SIZE_OF[FIRM])})) == "number"


@pytest.mark.parametrize("loss", ["auto", "mse"])
def test_a_run_that_began_with_amounts_goes_on_so(loss, tmp_path):
    encoder = load({}, numeric=("firm",)).encoder
    (tmp_path / "encoder.json").write_text(json.dumps(encoder.to_json()))
    config = Config(data=Table(path=IN_MEMORY, target="y"), loss=loss)
    begun = as_begun(config, tmp_path).data
    assert isinstance(begun, Table)
    assert kind_of_firm(load({}, numeric=begun.numeric)) == "number"
    assert ("y" in begun.numeric) == (loss == "auto")
