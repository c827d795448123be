"""train.data.table.typed: what is encoded at once is encoded as what is looked at closely."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from train.data.columns import get_column
from train.data.notation import Notation
from train.data.table.column import Column
from train.data.table.encode_column import encode_category, encode_number
from train.data.table.far import are_near
from train.data.table.typed import encode_few, encode_known, encode_typed
from train.data.values import read_numbers

MARKERS = ("", "NA", "?")


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([1.5, None, -3e7, 1e-9]),
        pa.array([1, 2**31, None, -5]),
        pa.array([2**52 + 1, 3]),
        pa.array([1.1, 2.7, float("nan")], pa.float32()),
        pa.array([200, 3], pa.uint8()),
    ],
    ids=str,
)
def test_the_same_bits_as_the_slow_way(cells: pa.Array):
    table = pa.table({"other": cells, "a": cells})
    column = Column("a", "number", shift=0.75, unit=0.5)
    raw = get_column(table, "a", "rows", MARKERS)
    expected = encode_number(raw, read_numbers(raw), column.shift, column.unit)
    found = encode_typed(table, column, MARKERS)
    assert found is not None and found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("cells", "column", "markers"),
    [
        (pa.array([1.0, float("inf")]), Column("a", "number"), MARKERS),
        (pa.array([1.0, 1e300]), Column("a", "number"), MARKERS),
        (pa.array([2**53 + 1, 3]), Column("a", "number"), MARKERS),
        (pa.array([1.0, -999.0]), Column("a", "number"), ("-999",)),
        (pa.array([1.0]), Column("a", "number", notation=Notation(unit="%")), MARKERS),
        (pa.array(["1", "2"]), Column("a", "number"), MARKERS),
        (pa.array([True, False]), Column("a", "number"), MARKERS),
        (pa.array([1.0]), Column("a", "category", vocabulary=("1",)), MARKERS),
        (pa.array([1.0]), Column("b", "number"), MARKERS),
    ],
)
def test_what_is_in_doubt_is_looked_at_closely(cells: pa.Array, column: Column, markers: tuple):
    with np.errstate(over="ignore"):
        assert encode_typed(pa.table({"a": cells}), column, markers) is None


def test_a_few_rows_of_all_columns_are_encoded_as_each_alone() -> None:
    """But for what is no number close to those of training, which is left to be looked at."""
    cells = {
        "whole": pa.array([2**31, -5, 7]),
        "small": pa.array([1.1, 2.7, 0.3], pa.float32()),
        "large": pa.array([1e9, 3.3e9, -1e8]),
        "text": pa.array(["1", "2", "3"]),
        "missing": pa.array([1.0, None, 3.0]),
        "inexact": pa.array([2**53 + 1, 3, 4]),
        "far": pa.array([1e12, 2.0, 3.0]),
    }
    table = pa.table(cells)
    columns = [
        Column(name, "number", shift=0.1 + i, unit=0.7e9 + i, reach=5.0)
        for i, name in enumerate(cells)
    ]
    found = encode_few(table, columns, MARKERS)
    assert list(found) == ["whole", "small", "large"]
    for column in columns[:3]:
        alone = encode_typed(table, column, MARKERS)
        assert alone is not None and found[column.name].tobytes() == alone.tobytes()
    assert encode_few(table, columns, (*MARKERS, "-999")) == {}


@pytest.mark.parametrize("cells", [[1.0, 9.9], [1.0, float("nan")], [1.0, 1e30], []], ids=str)
def test_a_column_near_its_training_rows_is_told_at_once(cells: list[float]) -> None:
    encoded = np.array(cells, np.float32)
    assert are_near(encoded, 1.0) == (cells == [1.0, 9.9])
    assert not are_near(-encoded, 0.0)
    assert are_near(-encoded, 1.0) == are_near(encoded, 1.0)


@pytest.mark.parametrize("kind", ["text", "boolean"])
@pytest.mark.parametrize("n_times", [1, 40])
def test_known_categories_are_encoded_as_others_are(kind: Any, n_times: int) -> None:
    column = Column("a", "category", vocabulary=("true", " b", "?c", "NA", "7"), type=kind)
    texts = ["true", "TRUE", " b ", "b", "?c", "NA", "?", "", None, "7", "7.0", "1", "never"]
    expected = encode_category(
        get_column(pa.table({"a": pa.array(texts)}), "a", "rows", MARKERS), column, 1
    )
    found = []
    for text, code in zip(texts, expected, strict=True):
        cells = pa.chunked_array([pa.array([text], pa.string())] * n_times)
        encoded = encode_known(pa.table({"a": cells}), column, MARKERS)
        if encoded is not None:
            assert encoded.dtype == np.int32 and encoded.tolist() == [code] * n_times, text
            found.append(text)
    assert found == ["true", *([" b "] if n_times == 1 else []), "b", "?c", "7"]


def test_many_known_categories_keep_their_rows_and_a_few_others() -> None:
    column = Column("a", "category", vocabulary=("z", "x", "true"))
    cells = ["x", "true", "z", "true"] * 30
    found = encode_known(pa.table({"a": cells}), column, MARKERS)
    assert found is not None and found.tolist() == [2, 3, 1, 3] * 30
    cells[7:12] = [" z ", "never", "NA", "TRUE", None]
    table = pa.table({"a": pa.chunked_array([cells[:9], cells[9:]])})
    found = encode_known(table, column, MARKERS)
    expected = encode_category(get_column(table, "a", "rows", MARKERS), column, 1)
    assert found is not None and found.tolist() == expected.tolist()
    assert expected[7:12].tolist() == [1, 0, 0, 0, 0]


def test_unknown_categories_and_numbers_are_looked_at_closely() -> None:
    column = Column("a", "category", vocabulary=("x",))
    assert encode_known(pa.table({"a": ["x"] * 19 + ["y"]}), column, MARKERS) is None
    assert encode_known(pa.table({"a": ["x"] * 20 + ["y"]}), column, MARKERS) is not None
    assert encode_known(pa.table({"a": ["x", "y"]}), column, MARKERS) is None
    assert encode_known(pa.table({"a": [1.0]}), Column("a", "number"), MARKERS) is None
