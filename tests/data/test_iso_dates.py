"""Dates as ISO 8601 writes them: pandas is the truth."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from train.data.dates import ISO, Order, infer_order, parse_date
from train.data.iso_dates import END_OF_DAY, PLAIN, parse_iso

DAYS = ("1949-01-31", "2000-02-29", "2016-07-01", "9999-12-31")
CLOCKS = ("00:00", "09:05", "19:59", "23:59:59", "00:00:01")
STAMPS = [f"{day}{mark}{clock}" for day, mark, clock in itertools.product(DAYS, " T", CLOCKS)]


@pytest.mark.parametrize("text", [*DAYS, *STAMPS])
def test_plain_stamps_are_the_moments_that_pandas_reads(text):
    assert PLAIN.fullmatch(text)
    assert parse_iso(text) == pd.Timestamp(text).to_pydatetime()


@pytest.mark.parametrize("text", ["2023-02-29", "2023-13-01", "2023-00-10", "2023-01-01 10:60"])
def test_moments_that_are_none_are_not_read(text):
    assert PLAIN.fullmatch(text)
    with pytest.raises(ValueError):
        parse_iso(text)
    assert parse_date(text, ISO) is None


@pytest.mark.parametrize("text", ["2016-07-01 24:00", "2016-07-01T24:00:00"])
def test_the_end_of_a_day_is_not_plain(text):
    assert PLAIN.fullmatch(text) is None and END_OF_DAY.fullmatch(text)
    assert parse_iso(text) == pd.Timestamp("2016-07-02").to_pydatetime()


def test_cells_of_iso_fit_every_order_and_others_their_own():
    texts = ["2024-01-05", "2024-01-06 10:00", "13/02/2024", "14.02.2024", "n/a", "word"]
    counts = np.array([4, 3, 2, 1, 5, 1])
    assert infer_order(texts, counts) == Order("dmy", 10, 11)
    assert infer_order(texts[:2], counts[:2]) == Order(ISO, 7, 7)
    assert infer_order(texts[:3], counts[:3]) == Order("dmy", 9, 9)
