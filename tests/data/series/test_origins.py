"""What a net reads at rolling origins is what `train.predict` reads of files that end there."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from train.config import Config, Series
from train.data.files.tables import in_memory
from train.data.series.load import load_series
from train.data.series.origins import Origins, as_foretold, find_origins, origin_windows
from train.errors import UserError

LOOKBACK = 6
HORIZON = 3
COUNT = 4
STEP = 2


def days(n: int, first: int = 0) -> list[datetime.datetime]:
    begin = datetime.datetime(2024, 1, 1)
    return [begin + datetime.timedelta(days=first + i) for i in range(n)]


def shops(sizes: tuple[int, ...] = (40, 31, 13)) -> pa.Table:
    """Daily sales of shops that end on different days, their rows mixed, with gaps."""
    random = np.random.default_rng(3)
    columns: dict[str, list] = {"when": [], "shop": [], "sales": [], "price": [], "visits": []}
    for shop, size in enumerate(sizes):
        columns["when"] += days(size, first=shop)
        columns["shop"] += [f"shop {shop}"] * size
        columns["sales"] += random.normal(10 * shop, 1, size).tolist()
        columns["price"] += random.normal(size=size).tolist()
        columns["visits"] += random.normal(size=size).tolist()
    table = pa.table(columns | {"kind": random.choice(["big", "small"], sum(sizes)).tolist()})
    return table.take(pa.array(random.permutation(table.num_rows)))


def with_gaps(table: pa.Table, **share: float) -> pa.Table:
    random = np.random.default_rng(4)
    for name, part in share.items():
        gone = random.random(table.num_rows) < part
        column = pa.array(table[name].to_pylist(), mask=gone, type=table[name].type)
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def options(**changes) -> Series:
    base = {"target": "sales", "time": "when", "group": "shop", "lookback": LOOKBACK}
    return Series(**base | {"horizon": HORIZON, "valid": 4, "test": 0} | changes)


def trained(table: pa.Table, data: Series, origins: Origins):
    """The encoder of the rows before the first origin."""
    config, read = in_memory(Config(data=data), table.filter(origins.before(0)))
    return load_series(config.data, read).encoder


def inputs_at(encoder, table: pa.Table, origins: Origins):
    """{(group, origin): the inputs of its window}."""
    found = origin_windows(encoder, table, origins, range(COUNT), "data")
    dataset = found.dataset
    windows = dataset.splits["test"]
    inputs = as_foretold(dataset, windows, dict(dataset.take(dataset.arrays, windows).inputs))
    group_w = np.searchsorted(dataset.flat.firsts, dataset.starts[windows], side="right") - 1
    by_window = {}
    for w, (g, origin) in enumerate(zip(group_w, found.origin_w, strict=True)):
        name = None if dataset.flat.names is None else str(dataset.flat.names[g])
        by_window[name, int(origin)] = {part: array[w] for part, array in inputs.items()}
    return by_window


def cut(table: pa.Table, origins: Origins, origin: int, known: tuple[str, ...]) -> pa.Table:
    """The file as it was at an origin: without later rows, but for what was known of them."""
    before = origins.before(origin)
    if not known:
        return table.filter(before)
    for name in set(table.column_names) - {"when", "shop", *known}:
        column = pa.array(table[name].to_pylist(), mask=~before, type=table[name].type)
        table = table.set_column(table.column_names.index(name), name, column)
    return table.filter(~origins.after_horizon(origin))


CASES = {
    "groups": ({}, {}),
    "a calendar": ({"calendar": True}, {}),
    "known ahead": ({"known": ("price",), "observed": ("visits",), "calendar": True}, {}),
    "categories": ({"known": ("kind",)}, {"kind": 0.1}),
    "blanks": ({"known": ("price",), "observed": ("visits",)}, {"price": 0.2, "visits": 0.2}),
    "irregular": ({"frequency": "irregular", "calendar": True}, {}),
    "static": ({"static": ("kind", "visits")}, {"visits": 0.7}),
    "no time": ({"time": None, "ignore": ("when",)}, {}),
}


def at_origins(case: str):
    """(the table of a case, its options, origins and encoder, what its windows read there)."""
    changes, gaps = CASES[case]
    table = with_gaps(shops(), **gaps)
    data = options(**changes)
    origins = find_origins(table, data, COUNT, STEP)
    encoder = trained(table, data, origins)
    return table, data, origins, encoder, inputs_at(encoder, table, origins)


@pytest.mark.parametrize("case", CASES)
def test_origins_read_what_files_that_end_there_hold(case: str):
    table, data, origins, encoder, found = at_origins(case)
    assert {name for name, _ in found} == {"shop 0", "shop 1", "shop 2"}
    # The third has 13 rows: 4 before the oldest origin, as many as are read before the next.
    assert sorted(origin for name, origin in found if name == "shop 2") == [1, 2, 3]
    for origin in range(COUNT):
        as_it_was = cut(table, origins, origin, data.known)
        future = encoder.future(as_it_was, "data")
        for g, name in enumerate(future.groups):
            if (name, origin) not in found:
                continue
            for part, array in future.inputs.items():
                np.testing.assert_array_equal(array[g], found[name, origin][part], err_msg=part)


@pytest.mark.parametrize("case", ["a calendar", "blanks", "static"])
def test_what_is_read_at_an_origin_stays_as_later_rows_are_spoiled(case: str):
    table, data, origins, encoder, found = at_origins(case)
    for origin in range(COUNT):
        spoiled = table
        for name in ("sales", "price", "visits"):
            later = ~origins.before(origin)
            if name in data.known:
                later = origins.after_horizon(origin)
            values = np.where(later, 1e6, table[name].to_numpy(zero_copy_only=False))
            place = table.column_names.index(name)
            spoiled = spoiled.set_column(place, name, pa.array(values, from_pandas=True))
        again = inputs_at(encoder, spoiled, origins)
        for key, inputs in found.items():
            if key[1] == origin:
                for part, array in inputs.items():
                    np.testing.assert_array_equal(array, again[key][part], err_msg=part)


def test_rows_before_an_origin_are_those_of_earlier_steps_of_each_series():
    table = shops((40, 31))
    origins = find_origins(table, options(), COUNT, STEP)
    for origin in range(COUNT):
        before = table.filter(origins.before(origin)).to_pandas()
        ahead = HORIZON + (COUNT - 1 - origin) * STEP
        assert before.groupby("shop").size().tolist() == [40 - ahead, 31 - ahead]
        last = before.groupby("shop")["when"].max()
        assert last["shop 0"] == days(40)[-ahead - 1] and last["shop 1"] == days(31, 1)[-ahead - 1]
        behind = table.filter(origins.after_horizon(origin)).num_rows
        assert behind == 2 * (ahead - HORIZON)


def test_rows_without_a_target_at_the_end_are_none_of_an_origin():
    table = shops((40,)).sort_by("when")
    sales = pa.array([*table["sales"].to_pylist()[:35], *[None] * 5])
    table = table.set_column(table.column_names.index("sales"), "sales", sales)
    origins = find_origins(table, options(), COUNT, STEP)
    assert origins.before(COUNT - 1).sum() == 35 - HORIZON and (origins.left_n[35:] == 0).all()
    windows = inputs_at(trained(table, options(), origins), table, origins)
    assert {origin for _, origin in windows} == set(range(COUNT))
    first_rows = find_origins(table, options(rows=30), COUNT, STEP)
    assert first_rows.before(COUNT - 1).sum() == 30 - HORIZON


def test_windows_that_begin_too_early_are_said():
    table, _, origins, encoder, _ = at_origins("no time")
    said: list[str] = []
    origin_windows(encoder, table, origins, range(COUNT), "data", said)
    line = "data: 1 of 12 windows begin less than 6 rows after the first of their series; left out"
    assert line in said


def test_too_many_origins_and_other_steps_are_one_line():
    table = shops((40, 31))
    with pytest.raises(UserError, match="longest of 2 series has 40; ask for fewer"):
        find_origins(table, options(), 20, STEP)
    with pytest.raises(UserError, match=r"has 9; shorten config\.data\.lookback or"):
        find_origins(shops((9,)), options(), 1, STEP)
    origins = find_origins(table, options(), COUNT, STEP)
    encoder = trained(table, options(), origins)
    # Of the rows after the last origin, every other one.
    when = table["when"].to_pylist()
    late = [stamp + max(stamp - days(40)[30], datetime.timedelta(0)) for stamp in when]
    longer = table.set_column(0, "when", pa.array(late, table["when"].type))
    with pytest.raises(UserError, match=r"name it in config\.data\.frequency"):
        origin_windows(encoder, longer, origins, range(COUNT), "data")


@pytest.mark.parametrize("frequency", ["h", "B", "MS", "ME", "jitter", "mixed"])
def test_origins_are_steps_of_time_where_rows_are_missing(frequency: str):
    random = np.random.default_rng(5)
    steps = {"jitter": ("h", "h"), "mixed": ("h", "D")}.get(frequency, (frequency, frequency))
    frames = []
    for shop, size in enumerate((70, 60)):
        when = pd.date_range("2020-03-02", periods=size, freq=steps[shop])
        if frequency == "jitter":
            when += pd.to_timedelta(random.integers(-20, 20, size), unit="ms")
        frame = pd.DataFrame({"when": when, "shop": f"shop {shop}"})
        frame["sales"] = random.normal(size=size)
        stays = random.random(size) > 0.1
        stays[[0, -1]] = True
        frames.append(frame[stays])
    table = pa.Table.from_pandas(pd.concat(frames), preserve_index=False)
    data = options(calendar=True)
    origins = find_origins(table, data, COUNT, STEP)
    encoder = trained(table, data, origins)
    found = inputs_at(encoder, table, origins)
    compared = 0
    for origin in range(COUNT):
        future = encoder.future(table.filter(origins.before(origin)), "data")
        for g, (name, size) in enumerate(zip(future.groups, (70, 60), strict=True)):
            # Predictions go on from the last row that is there; an origin may stand behind a gap.
            own = table.filter(origins.before(origin)).to_pandas()
            last = own[own["shop"] == name]["when"].max()
            whole = pd.date_range("2020-03-02", periods=size, freq=steps[g])
            at = whole[size - HORIZON - (COUNT - 1 - origin) * STEP - 1]
            if abs(last - at) > pd.Timedelta("1s"):
                continue
            compared += 1
            for part, array in future.inputs.items():
                np.testing.assert_array_equal(array[g], found[name, origin][part], err_msg=part)
    assert compared >= COUNT
