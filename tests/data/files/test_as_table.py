"""Tables in memory: dicts, arrow, pandas and polars."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from reading import kinds, refused

from train.data.files.arrow import _to_arrow, _unmark, as_table


def test_what_pandas_has_for_missing_values_in_lists_and_records():
    pandas = pytest.importorskip("pandas")
    day = pandas.Timestamp("2020-01-05")
    for nothing in (pandas.NaT, pandas.NA, None, np.nan):
        table = as_table([{"day": day, "x": 1.5}, {"day": pandas.NaT, "x": nothing}])
        assert table["day"].null_count == table["x"].null_count == 1
        assert as_table({"x": ["a", nothing]}).to_pydict() == {"x": ["a", None]}


def test_columns_of_all_sorts():
    table = as_table(
        {
            "list": [1, None, 3],
            "marked": [1, "NA", 2.5],
            "text": ["x", " n/a", ""],
            "floats": np.array([1.0, np.nan, 3.0]),
            "words": np.array(["a", "b", "c"]),
            "masked": np.ma.array([1, 2, 3], mask=[False, True, False]),
            "rank2": np.arange(6.0).reshape(3, 2),
            "arrow": pa.array([True, None, False]),
            "range": range(3),
        }
    )
    assert table.to_pydict() == {
        "list": [1, None, 3],
        "marked": [1.0, None, 2.5],
        "text": ["x", None, None],
        "floats": [1.0, None, 3.0],
        "words": ["a", "b", "c"],
        "masked": [1, None, 3],
        "rank2": [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]],
        "arrow": [True, None, False],
        "range": [0, 1, 2],
    }


def test_own_markers_in_memory():
    assert as_table({"a": ["1", "-", "NA"]}, missing=("-",)).column("a").to_pylist() == [
        "1",
        None,
        "NA",
    ]


def test_rows_may_have_different_keys():
    table = as_table([{"a": 1}, {"b": "x", "a": 2}, {}])
    assert table.to_pydict() == {"a": [1, 2, None], "b": [None, "x", None]}


def test_arrow_tables_and_batches():
    columns = {"a": [1.0, None], "b": ["x", None]}
    table = pa.table({"a": [1.0, float("nan")], "b": pa.array(["x", "NA"]).dictionary_encode()})
    assert as_table(table).to_pydict() == as_table(table.to_batches()[0]).to_pydict() == columns


def test_no_rows_are_a_table():
    assert as_table({"a": [], "b": np.array([])}).shape == (0, 2)


@pytest.mark.parametrize("n_times", [1, 20])
def test_a_frame_is_read_as_its_columns_are(n_times: int) -> None:
    pandas = pytest.importorskip("pandas")
    cells = {
        "half": np.array([1.5, np.nan, 3.0], np.float16),
        "float": np.array([1.5, np.nan, 3.0], np.float32),
        "double": [0.1, np.nan, 1e300],
        "small": np.array([1, 2, 3], np.uint8),
        "whole": [1, 2**53 + 1, 3],
        "flag": [True, False, True],
        "text": ["x", "NA", None],
        "any": pandas.Series([1, "y", None], dtype=object),
        "day": pandas.to_datetime(["2020-01-01", None, "2020-01-03"]),
        "kind": pandas.Categorical(["u", None, "v"]),
        "gaps": pandas.array([1, None, 3], dtype="Int64"),
    }
    frame = pandas.concat([pandas.DataFrame(cells)] * n_times)
    found = as_table(frame)
    wanted = as_table({name: frame[name] for name in frame})
    assert found.schema == wanted.schema and found.equals(wanted)
    assert found["double"].to_pylist() == [0.1, None, 1e300] * n_times
    assert found["float"].to_pylist() == found["half"].to_pylist() == [1.5, None, 3.0] * n_times
    assert found["text"].to_pylist() == ["x", None, None] * n_times


def test_pandas():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "i": pandas.array([1, None], dtype="Int64"),
            "f": [1.5, None],
            "s": ["x", "NA"],
            "c": pandas.Categorical(["u", None]),
            "t": pandas.to_datetime(["2020-01-01", None]),
            "m": pandas.Series([7, "?"], dtype=object),
        }
    )
    assert as_table(frame.set_index(pandas.Index([5, 6]))).to_pydict() == {
        "i": [1, None],
        "f": [1.5, None],
        "s": ["x", None],
        "c": ["u", None],
        "t": [datetime.datetime(2020, 1, 1), None],
        "m": [7, None],
    }
    repeated = pandas.DataFrame([[1, 2]], columns=["a", "a"])
    assert (
        refused(as_table, repeated) == "data: columns 1 and 2 are both named 'a'; names must differ"
    )
    assert as_table(repeated, may_repeat=True).column_names == ["a", "a"]
    for names, shown in (([0, 7], ["0", "7"]), ([900.0, 902.5], ["900.0", "902.5"])):
        frame = pandas.DataFrame([[1, 2]], columns=names)
        assert as_table(frame).column_names == shown  # as to_csv writes them


def test_polars():
    polars = pytest.importorskip("polars")
    columns = {"i": [1, None], "s": ["x", "NA"], "l": [[1.0], [2.0, 3.0]]}
    frame = polars.DataFrame(columns).with_columns(
        polars.Series("c", ["u", None], dtype=polars.Categorical)
    )
    expected = {"i": [1, None], "s": ["x", None], "l": [[1.0], [2.0, 3.0]], "c": ["u", None]}
    series = {name: frame[name] for name in frame.columns}
    assert as_table(frame).to_pydict() == as_table(series).to_pydict() == expected
    for table in (as_table(frame), as_table(pa.table(frame))):
        assert kinds(table) == ["int64", "string", "list<item: double>", "string"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"a": [1, 2], "b": [1, 2, 3]}, "data: column 'b' has 3 rows, column 'a' has 2"),
        ({"a": 5}, "data: column 'a' is one int; expected a list"),
        ({"a": "text"}, "data: column 'a' is one str; expected a list"),
        ({"a": np.array(5)}, "data: column 'a' is one ndarray; expected a list"),
        ({"a": {1, 2}}, "data: column 'a' is one set; expected a list"),
        ({"a": [1, ["x"]]}, "data: column 'a' is not of one kind"),
        ({"a": [2**70]}, "data: column 'a' is not of one kind"),
        ({(1, 2): [1]}, "data: a column is named (1, 2); expected a string"),
        ({"": [1]}, "data: column 1 has no name"),
        ({}, "data: has no columns"),
        ([], "data: has no columns"),
        ([{"a": 1}, 5], "data: row 2 is no dict of columns but of type int"),
        ("x.csv", "data: cannot read type str; expected a dict of columns"),
        (np.ones((2, 2)), "data: cannot read type ndarray; expected a dict of columns"),
    ],
)
def test_other_data_is_refused(data, expected):
    assert refused(as_table, data).startswith(expected)


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.string_view()),
        pa.large_list(pa.large_string()),
        pa.list_(pa.dictionary(pa.int32(), pa.string())),
        pa.list_(pa.dictionary(pa.uint8(), pa.large_string())),
    ],
)
def test_lists_of_text_of_any_type_are_lists_of_text(kind):
    rows = [["a", "b"], None, ["a"], []]
    column = as_table(pa.table({"x": pa.array(rows, kind)})).column("x")
    assert column.type == pa.list_(pa.string())
    assert column.to_pylist() == rows


def test_objects_of_polars_are_what_they_hold():
    polars = pytest.importorskip("polars")
    days = np.array([datetime.date(2024, 1, day) for day in (1, 2)], object)
    column = polars.Series("day", days)
    assert column.dtype == polars.Object  # as polars takes an array of pandas' .date
    frame = polars.DataFrame({"day": column, "x": [1.0, None]})
    for table in (as_table(frame), as_table({"day": column, "x": frame["x"]})):
        assert table.to_pydict() == {"day": days.tolist(), "x": [1.0, None]}


def test_lists_of_numbers_of_any_type_and_of_categories_of_polars():
    of_views = pa.DictionaryArray.from_arrays([0, 1, 0], pa.array(["x", "y"], pa.string_view()))
    decimals = pa.array([[1, 2], [3]], pa.list_(pa.decimal128(5, 2)))
    pairs = pa.array([[[1, 2]], []], pa.list_(pa.list_(pa.float32(), 2)))
    texts = pa.ListArray.from_arrays([0, 2, 3], of_views)
    table = as_table(pa.table({"d": decimals, "p": pairs, "t": texts}))
    assert table.to_pydict() == {
        "d": [[1.0, 2.0], [3.0]],
        "p": [[[1.0, 2.0]], []],
        "t": [["x", "y"], ["x"]],
    }


def test_a_column_of_pandas_is_what_pyarrow_makes_of_it():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "floats": [1.5, np.nan, 3.0],
            "single": np.array([1.5, np.nan, 3.0], np.float32),
            "half": np.array([1.5, 2.0, 3.0], np.float16),
            "whole": [1, 2, 3],
            "unsigned": np.array([1, 2, 3], np.uint8),
            "boolean": [True, False, True],
            "text": ["a", None, "c"],
            "objects": pandas.Series(["a", None, "c"], dtype=object),
            "days": pandas.date_range("2020-01-01", periods=3, tz="UTC"),
            "nullable": pandas.array([1, None, 3], "Int64"),
            "kinds": pandas.Categorical(["x", "y", "x"]),
        }
    )
    for name, series in frame.items():
        made = pa.chunked_array([_to_arrow(str(name), series, set())])
        found, wanted = _unmark(made, frozenset()), pa.array(series)
        assert found.type == wanted.type and found.to_pylist() == wanted.to_pylist(), name


def test_markers_are_found_in_few_rows_as_in_many():
    cells = ["x", " NA ", "", None, "\u00a0?\u2003", "nan", "a NA", "\x1fNA"]
    many = as_table({"a": cells * 9})["a"].to_pylist()
    alone = [as_table({"a": ["y", cell]})["a"].to_pylist()[1] for cell in cells]
    assert alone == many[: len(cells)] and alone.count(None) >= 5


@pytest.mark.parametrize(
    ("frequency", "number", "day"),
    [
        ("Q-DEC", 201, datetime.datetime(2020, 4, 1)),
        ("us", 1_588_291_200_000_000, datetime.datetime(2020, 5, 1)),
        ("ns", 1_588_291_200_000_000_000, datetime.datetime(2020, 5, 1)),
    ],
)
def test_periods_of_pandas_are_times_where_pandas_is_not_there(frequency, number, day):
    described = {b"ARROW:extension:name": b"pandas.period"}
    described[b"ARROW:extension:metadata"] = f'{{"freq": "{frequency}"}}'.encode()
    schema = pa.schema([pa.field("quarter", pa.int64(), metadata=described)])
    table = as_table(pa.table([pa.array([number, None])], schema=schema))
    assert table["quarter"].to_pylist() == [day, None]


@pytest.mark.parametrize("kind", [">f4", ">f8", ">i4", ">u2", "<f8", "<i2"])
def test_a_frame_holds_numbers_in_either_order_of_bytes(kind: str) -> None:
    pandas = pytest.importorskip("pandas")
    cells = np.array([1, 2, 250], kind)
    frame = pandas.DataFrame({"a": cells, "word": ["x", "y", "z"]})
    assert frame["a"].dtype == cells.dtype
    read = as_table(frame)
    assert read.equals(
        as_table({"a": np.array(cells, cells.dtype.newbyteorder("=")), "word": ["x", "y", "z"]})
    )
    assert read.column("a").to_pylist() == [1, 2, 250]


@pytest.mark.parametrize("description", [b"", b"no JSON", b'["Q-DEC"]', b"\xff", b'{"freq": null}'])
def test_periods_whose_unit_is_not_told_stay_numbers(description):
    described = {b"ARROW:extension:name": b"pandas.period"}
    described[b"ARROW:extension:metadata"] = description
    schema = pa.schema([pa.field("quarter", pa.int64(), metadata=described)])
    assert as_table(pa.table([[201, 202]], schema=schema))["quarter"].to_pylist() == [201, 202]
