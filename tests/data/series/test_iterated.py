"""More steps than a net forecasts at once: a loop over forecasts that are read as values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from series_tables import hours, options, small_table, write

from train.data.dataset import Columns, Rows
from train.data.series.encoder import SeriesEncoder
from train.data.series.load import load_series
from train.errors import UserError
from train.inference.answer_options import Asked, row_columns
from train.inference.iterated import iterated_columns


def two_series(n: int, m: int) -> pa.Table:
    """Of n and m hours, with a price of all of them and a size that the first row lacks."""
    parts = []
    for name, length in (("a", n), ("b", m)):
        size = pa.array([None] + [float(length)] * (length - 1), pa.float64())
        table = small_table(length).set_column(3, "name", pa.array([name] * length))
        parts.append(table.append_column("size", size))
    return pa.concat_tables(parts)


def as_a_net(encoder: SeriesEncoder):
    """Forecasts that depend on every number that a net would read."""

    def answer(rows: Rows, asked: Asked) -> Columns:
        del asked
        past = rows.inputs["past"].astype(np.float64)
        n = len(past)
        weights = np.cos(np.arange(past[0].size) + 1).reshape(past.shape[1:])
        all_n = (past * weights).sum((1, 2)) + rows.inputs.get("future", np.zeros((n, 1, 1))).sum(
            (1, 2)
        )
        forecasts = np.sin(all_n[:, None] + np.arange(encoder.horizon)).astype(np.float32)
        columns = encoder.tabulate(rows, {"value": forecasts})
        return row_columns(rows) | columns | {"lower": forecasts.ravel() - 1}

    return answer


def encoder_of(tmp_path, **changes) -> SeriesEncoder:
    path = write(two_series(60, 50), tmp_path)
    return load_series(options(path, group="name", valid=6, test=6, **changes)).encoder


@pytest.mark.parametrize("asked", [3, 10])
def test_a_file_without_rows_to_come_goes_on_from_its_own_forecasts(tmp_path, asked):
    encoder = encoder_of(tmp_path, calendar=True, static=("size",))
    answer = as_a_net(encoder)
    table = two_series(60, 50)
    said: list[str] = []
    found = iterated_columns(encoder, table, "data", {"horizon": asked}, answer, said.append)
    assert sum("10 steps by a net that forecasts 4 at once: 3 blocks" in line for line in said) == (
        asked == 10
    )
    wanted = {"a": [], "b": []}
    stamps = {"a": [], "b": []}
    for _ in range(3):
        rows = encoder.read(table, "data")
        columns = answer(rows, {})
        for name, when, load in zip(
            columns["group"], columns["time"].to_pylist(), columns["load"], strict=True
        ):
            wanted[name].append(load)
            stamps[name].append(when)
        more = {"when": columns["time"], "load": columns["load"], "name": columns["group"]}
        added = pa.table(more).cast(table.select(["when", "load", "name"]).schema)
        table = pa.concat_tables([table, added], promote_options="permissive")
    assert np.asarray(found["load"]).tolist() == [*wanted["a"][:asked], *wanted["b"][:asked]]
    assert found["time"].to_pylist() == [*stamps["a"][:asked], *stamps["b"][:asked]]
    assert stamps["b"][:asked] == hours(50 + asked)[50:]
    assert np.asarray(found["row"]).tolist() == list(range(110, 110 + 2 * asked))
    assert found["group"].tolist() == ["a"] * asked + ["b"] * asked
    assert found["lower"].null_count == 2 * max(asked - 4, 0)


def test_what_is_known_ahead_is_read_as_far_as_the_file_has_it(tmp_path):
    encoder = encoder_of(tmp_path, known=("price",), static=("size",))
    answer = as_a_net(encoder)
    table = two_series(67, 58)  # of which 60 and 50 have a load: 7 and 8 rows are to come
    is_past = np.concatenate([np.arange(67) < 60, np.arange(58) < 50])
    load = pa.array(table["load"].to_numpy(), mask=~is_past)
    table = table.set_column(1, "load", load)
    said: list[str] = []
    found = iterated_columns(encoder, table, "data", {"horizon": 8}, answer, said.append)
    assert any("has 7 rows after its last target, fewer than the 8 to come" in s for s in said)
    numbers = [*range(60, 67), None, *range(117, 125)]
    assert found["row"].to_pylist() == numbers
    first = answer(encoder.read(table, "data"), {})
    load = np.array(table["load"].to_numpy(zero_copy_only=False))
    load[np.asarray(first["row"])] = np.asarray(first["load"])
    again = table.set_column(1, "load", pa.array(load, from_pandas=True))
    second = answer(encoder.read(again, "data"), {})
    wanted = np.stack([np.asarray(first["load"]), np.asarray(second["load"])])
    wanted = wanted.reshape(2, 2, 4).transpose(1, 0, 2).ravel()
    np.testing.assert_array_equal(np.asarray(found["load"]), wanted)


def test_columns_that_are_not_known_ahead_are_asked_for(tmp_path):
    encoder = encoder_of(tmp_path, observed=("price",))
    answer = as_a_net(encoder)
    table = two_series(60, 50)
    few = iterated_columns(encoder, table, "data", {"horizon": 4}, answer, print)
    assert len(few["load"]) == 8
    with pytest.raises(UserError, match="'price' is not known ahead: data: 8 of its 8 values are"):
        iterated_columns(encoder, table, "data", {"horizon": 5}, answer, print)
    longer = two_series(64, 54)
    is_past = np.concatenate([np.arange(64) < 60, np.arange(54) < 50])
    longer = longer.set_column(1, "load", pa.array(longer["load"].to_numpy(), mask=~is_past))
    found = iterated_columns(encoder, longer, "data", {"horizon": 6}, answer, print)
    assert len(found["load"]) == 12
    first = answer(encoder.read(longer, "data"), {})["load"]
    np.testing.assert_array_equal(np.asarray(found["load"]).reshape(2, 6)[:, :4].ravel(), first)


def test_forecasts_that_are_no_numbers_end_a_series(tmp_path):
    encoder = encoder_of(tmp_path)

    def answer(rows: Rows, asked: Asked) -> Columns:
        del asked
        forecasts = np.ones((2, 4), np.float32)
        forecasts[1, 2] = np.inf
        return row_columns(rows) | encoder.tabulate(rows, {"value": forecasts})

    found = iterated_columns(encoder, two_series(60, 50), "data", {"horizon": 8}, answer, print)
    assert np.isfinite(found["load"]).tolist() == [True] * 10 + [False] * 6
