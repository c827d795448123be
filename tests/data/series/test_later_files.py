"""Later files of series: groups and categories written otherwise, gaps, steps, static columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from series_files import HORIZON, LOOKBACK, ahead, frame, read, stamps_of

from train.data.files.read import read_table
from train.errors import UserError

DAYS = pd.date_range("2024-01-01", periods=60)


def groups(names, stamps=DAYS, **columns) -> pd.DataFrame:
    return pd.concat([frame(stamps, id=name, **columns) for name in names], ignore_index=True)


def said_of(rows, word: str) -> list[str]:
    return [line for line in rows.notes if word in line]


@pytest.mark.parametrize(
    ("trained", "later", "are_known"),
    [
        (["7", "8"], ["7.0", "8.0"], True),
        ([7, 8], [7.0, 8.0], True),
        (["True", "False"], [True, False], True),
        (["007", "008"], [7, 8], False),  # codes, which a number does not write
        (["a", "b"], ["A", "b "], False),
    ],
)
def test_groups_are_known_however_a_file_writes_them(tmp_path, trained, later, are_known):
    data = read(tmp_path, groups(trained), group="id")
    path = tmp_path / "later.parquet"
    pq.write_table(pa.Table.from_pandas(groups(later), preserve_index=False), path)
    rows = data.encoder.read(read_table(str(path)), "new")
    unknown = said_of(rows, f"none of those of training (as {str(trained[0])!r})")
    assert bool(unknown) == (not are_known)
    if are_known:
        assert rows.inputs["series"].tolist() == [0, 1]
        assert set(rows.names["group"]) == {str(name) for name in trained}


def test_two_groups_of_a_file_stay_two(tmp_path):
    data = read(tmp_path, groups(["7", "8"]), group="id")
    rows = ahead(data, groups(["7", "7.0"]))
    assert len(stamps_of(rows)) == 2 * HORIZON
    assert rows.inputs["series"].tolist() == [0, -1]


@pytest.mark.parametrize("parquet", [False, True])
def test_a_group_called_as_what_is_missing_is_told_of(tmp_path, parquet):
    message = "row 1 has no value; every row needs its group; if 'NA', read as missing, is one"
    with pytest.raises(UserError, match=message):
        read(tmp_path, groups(["NA", "US"]), group="id", parquet=parquet)
    data = read(tmp_path, groups(["NA", "US"]), group="id", parquet=parquet, missing=("nan",))
    assert data.encoder.groups == ("NA", "US")
    # Of a table in memory, which keeps its words, a cell speaks for itself.
    data = read(tmp_path, groups(["FR", "US"]), group="id", parquet=parquet)
    with pytest.raises(UserError, match=message):
        ahead(data, groups(["NA", "US"]))


@pytest.mark.parametrize(
    ("trained", "later"),
    [
        (["True", "False"], [True, False]),
        ([True, False], ["True", "False"]),
        ([True, False], ["true", "FALSE"]),
        (["yes", "no"], [True, False]),
        (["yes", "no", "N"], ["Y", "FALSE", "n"]),
        (["1", "2"], ["1.0", "2.0"]),
    ],
)
def test_categories_mean_the_same_however_a_file_writes_them(tmp_path, trained, later):
    def table(pair):
        cells = [pair[0], *pair[1:], *pair[1 - len(pair) % 2 :]]
        return frame(DAYS, flag=[cells[i % len(cells)] for i in range(len(DAYS))])

    is_number = trained[0] == "1"
    options = {"categorical": ("flag",)} if is_number else {}
    data = read(tmp_path, table(trained), observed=("flag",), parquet=True, **options)
    path = tmp_path / "later.parquet"
    pq.write_table(pa.Table.from_pandas(table(later), preserve_index=False), path)
    rows = data.encoder.read(read_table(str(path)), "new")
    same = data.encoder.read(read_table(str(tmp_path / "series.parquet")), "new")
    assert not rows.notes
    np.testing.assert_array_equal(rows.inputs["past"], same.inputs["past"])


def test_a_static_column_that_changes_is_told_of(tmp_path):
    table = groups(["a", "b"])
    table["size"] = np.where(table["id"] == "a", 1.0, np.arange(len(table)))
    table["town"] = np.where(table.index % 7 > 2, "x", "y")
    data = read(tmp_path, table, group="id", static=("size", "town"))
    found = [line for line in data.notes if "series change their value" in line]
    assert [line.partition("column ")[2].partition(", being")[0] for line in found] == [
        "'town': 2 of 2 series change their value, such as group 'a'; being static, each has that "
        "of its first row",
        "'size': 1 of 2 series change their value, such as group 'b'; being static, each has that "
        "of its first row",
    ]
    table["size"] = 1.0 + (table["id"] == "b")
    table["town"] = table["id"]
    assert not [n for n in read(tmp_path, table, group="id", static=("size", "town")).notes
                if "change their value" in n]  # fmt: skip


def test_what_lacks_where_the_net_looks_back_is_told_in_a_later_file(tmp_path):
    table = frame(DAYS, z=np.arange(60) % 5 * 1.0)
    data = read(tmp_path, table, observed=("z",))
    later = table.astype({"y": float})
    later.loc[[3, 56, 58], "z"] = np.nan  # the net looks back on the last four rows
    later.loc[57, "y"] = np.nan
    lines = said_of(ahead(data, later), "looks back on")
    assert [line.partition(": column ")[2] for line in lines] == [
        f"'y': 1 of the {LOOKBACK} values that the net looks back on are missing; filled by the "
        "value before, without a mark",
        f"'z': 2 of the {LOOKBACK} values that the net looks back on are missing; filled by the "
        "value before, without a mark",
    ]
    assert not ahead(data, table).notes


def test_a_group_keeps_to_its_own_step_in_a_later_file(tmp_path):
    hours = pd.date_range("2024-01-01", periods=60, freq="h")
    data = read(tmp_path, pd.concat([groups(["a"]), groups(["b"], hours)]), group="id")
    swapped = pd.concat([groups(["a"], hours), groups(["c"], hours)])
    lines = said_of(ahead(data, swapped), "left out")
    assert len(lines) == 1 and lines[0].endswith(
        "1 of 2 series are left out, such as group 'a': the step is 1 hour, but the net was "
        "trained on a step of 1 day"
    )
    with pytest.raises(UserError, match=r"the step is 1 day, .* trained on a step of 1 hour"):
        ahead(data, groups(["b"]))


def test_forecasts_of_stamps_that_are_not_even_say_how_they_are_dated(tmp_path):
    weeks = [pd.Timestamp("2019-01-27")]
    while len(weeks) < 60:  # a retailer's months of 4, 5 and 4 weeks
        weeks.append(weeks[-1] + pd.Timedelta(weeks=(4, 5, 4)[len(weeks) % 3]))
    data = read(tmp_path, frame(weeks))
    for lines in (data.notes, ahead(data, frame(weeks)).notes):
        assert len(lines) == 1 and lines[0].endswith(
            "are not whole steps of 28 days apart; windows count rows, and forecasts are dated by "
            "that step"
        )


def test_advice_in_a_later_file_is_for_training_where_options_are_set(tmp_path):
    data = read(tmp_path, frame(DAYS, z=1.0 * DAYS.day), observed=("z",))
    later = frame(DAYS, z="much")
    with pytest.raises(
        UserError, match=r"correct it, or train with it in config\.data\.missing or"
    ):
        ahead(data, later)
    advice = (
        "or train with it in config.data.missing or the order of dates in config.data.date_format"
    )
    with pytest.raises(UserError, match=advice):
        ahead(data, frame(["some day"] * 60, z=1.0))
    named = read(tmp_path, groups(["a", "b"]), group="id")
    with pytest.raises(UserError, match="if 'NA', read as missing, is one, train without it in"):
        ahead(named, groups(["NA", "b"]))
