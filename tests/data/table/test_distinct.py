"""Different numbers of a column, counted without a text for each."""

from __future__ import annotations

import itertools

import pyarrow as pa
import pytest

from train.data.columns import get_column, read_text
from train.data.table.distinct import distinct_numbers

WRITTEN = ("0", "-0", "1.50", "1.5", " 2 ", "2", "1e5", "", "NA", None)
TYPED = (0.0, -0.0, 1.0, 1e16, 1e300, 0.1, 2.0**53, float("nan"), None)


@pytest.mark.parametrize(
    ("kind", "pool", "n_left"),
    [
        # What has no number at all is left to others.
        (pa.string(), WRITTEN, 3**3),
        (pa.float64(), TYPED, 2**3),
        (pa.float32(), (*TYPED[:4], 0.1, None), 1),
        (pa.int64(), (0, 3, -7, 2**60, None), 1),
    ],
)
def test_they_are_as_many_as_texts_would_be_and_the_first_is_the_same(kind, pool, n_left):
    n_others = 0
    for cells in itertools.product(pool, repeat=3):
        table = pa.table({"c": pa.chunked_array([pa.array([c], kind) for c in cells])})
        raw = get_column(table, "c", "data", ("NA", ""))
        text = read_text(raw)
        found = distinct_numbers(raw)
        assert found == (len(text.values), text.values[0]) if found else not text.values
        n_others += found is None
    assert n_others == n_left


@pytest.mark.parametrize(
    ("cells", "markers"),
    [
        (["1", "a"], ()),
        (["1", "nan"], ()),
        (["1", "inf"], ()),
        (["1", "007"], ()),
        (["1", "-999"], ("-999",)),
        ([1.0, -999.0], ("-999",)),
        ([1.0, float("inf")], ()),
        ([True, False], ()),
    ],
)
def test_other_columns_are_left_to_their_texts(cells, markers):
    raw = get_column(pa.table({"c": cells}), "c", "data", markers)
    assert distinct_numbers(raw) is None
