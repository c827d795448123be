"""Series larger than memory: the pass that fits, and the windows that training is given."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train.config.data_options import Series
from train.data.dataset import Batch
from train.data.series import blocks, load_stream
from train.data.series.dataset import SeriesDataset
from train.data.series.fills import own_columns
from train.data.series.load import load_series
from train.data.series.load_stream import load_series_stream
from train.data.series.stream import StreamedSeries
from train.data.stream.chunks import plan_chunks, read_chunks, row_numbers
from train.errors import UserError

LOOKBACK = 8
HORIZON = 4
SCHEMA = pa.schema(
    {
        "name": pa.string(),
        "when": pa.timestamp("us"),
        "load": pa.float64(),
        "price": pa.float64(),
        "heat": pa.float64(),
        "area": pa.float64(),
        "kind": pa.string(),
    }
)


def a_series(name: str, n: int, seed: int, *, step: datetime.timedelta) -> pa.Table:
    """Rows of one series: sizes of groups, gaps and steps differ."""
    random = np.random.default_rng(seed)
    load = 10.0 ** (seed % 5) * (3 + np.sin(np.arange(n) * 2 * np.pi / 24) + random.normal(size=n))
    first = datetime.datetime(2024, 1, 1) + datetime.timedelta(days=seed)
    columns: dict[str, list[Any]] = {
        "name": [name] * n,
        "when": [first + i * step for i in range(n)],
        "load": load.tolist(),
        "price": random.normal(size=n).tolist(),
        "heat": (20 + random.normal(size=n)).tolist(),
        "area": [float(seed)] * n,
        "kind": ["shop" if seed % 3 else "hall"] * n,
    }
    return pa.table(columns, SCHEMA)


def make_series(n_series: int = 12) -> dict[str, pa.Table]:
    """Hourly series of many sizes, every fourth one daily, some with gaps."""
    tables = {}
    for i in range(n_series):
        step = datetime.timedelta(hours=24 if i % 4 == 3 else 1)
        table = a_series(f"g{i}", 60 + 7 * i, i, step=step)
        if i % 3 == 1:
            load = table["load"].to_pylist()
            load[10:13] = [None] * 3
            table = table.set_column(2, "load", pa.array(load, pa.float64()))
            table = pa.concat_tables([table[:30], table[32:]])
        tables[f"g{i}"] = table
    return tables


def write(tables: dict[str, pa.Table], folder: Path, *, files: int = 3, group: int = 50) -> str:
    """A folder of Parquet files, in which a series is in one of them."""
    folder.mkdir(parents=True)
    names = list(tables)
    size = -(-len(names) // files)
    for i in range(files):
        own = [tables[name] for name in names[i * size : (i + 1) * size]]
        pq.write_table(pa.concat_tables(own), folder / f"{i}.parquet", row_group_size=group)
    return str(folder)


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> str:
    return write(make_series(), tmp_path_factory.mktemp("stream") / "parts")


def options(path: str, **fields: Any) -> Series:
    base = {"target": "load", "time": "when", "group": "name", "lookback": LOOKBACK}
    base |= {"horizon": HORIZON, "valid": 12, "test": 12, "stream": True}
    return Series(path=path, **base | fields)


def in_memory(given: Series) -> SeriesDataset:
    return load_series(replace(given, stream=False))


def epoch_of(dataset: StreamedSeries, epoch: int = 0, batch_size: int = 8) -> list[Batch]:
    """The real rows of the chunks of an epoch."""
    plan = plan_chunks(dataset.n_train, batch_size, dataset.stream.chunk_rows)
    first = epoch * plan.steps_per_epoch
    found = []
    for chunk in read_chunks(dataset.stream, plan, 0, first, first + plan.steps_per_epoch):
        assert (chunk.batch.weight[chunk.n_rows :] == 0).all()
        inputs = {name: array[: chunk.n_rows] for name, array in chunk.batch.inputs.items()}
        target = {name: array[: chunk.n_rows] for name, array in chunk.batch.target.items()}
        found.append(Batch(inputs, target, chunk.batch.weight[: chunk.n_rows]))
    return found


def joined(batches: list[Batch]) -> dict[str, np.ndarray]:
    """All arrays of some batches, windows one after the other."""
    parts: dict[str, list[np.ndarray]] = {}
    for batch in batches:
        arrays = {**batch.inputs, **{f"target {k}": v for k, v in batch.target.items()}}
        for name, array in {**arrays, "weight": batch.weight}.items():
            parts.setdefault(name, []).append(array)
    return {name: np.concatenate(own) for name, own in parts.items()}


def in_order(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Windows sorted by what they hold."""
    n = len(arrays["weight"])
    keys = [np.nan_to_num(arrays[name], nan=-9).reshape(n, -1) for name in sorted(arrays)]
    order = np.lexsort(np.round(np.concatenate(keys, 1), 3).T[::-1])
    return {name: array[order] for name, array in arrays.items()}


KINDS: dict[str, dict[str, Any]] = {
    "one scale": {"scaling": "shared"},
    "scales of groups": {},
    "known ahead, observed, static": {
        "known": ("price",),
        "observed": ("heat",),
        "static": ("area", "kind"),
        "calendar": True,
    },
    "all other numbers": {"observed": None, "ignore": ("area",)},
    "asinh": {"asinh": ("load",)},
    "asinh by outliers": {"asinh": "auto"},
    "logarithms": {"signed_log": ("load",), "known": ("price",)},
    "rows count": {"frequency": "rows"},
    "irregular": {"frequency": "irregular", "calendar": True},
    "two targets, a stride": {"target": ("load", "heat"), "stride": 3, "rows": 70},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_that_fits_in_one_part_is_what_the_rows_in_memory_are(
    path: str, kind: str
) -> None:
    """Encoder, statistics, the windows of an epoch, and those that are judged."""
    given = options(path, **KINDS[kind])
    dataset = load_series_stream(given, "auto")
    whole = in_memory(given)
    for own, truth in zip(dataset.encoder.columns, whole.encoder.columns, strict=True):
        assert own.deviation == pytest.approx(truth.deviation, rel=1e-6)
        assert replace(own, deviation=truth.deviation) == truth
    assert replace(dataset.encoder, columns=whole.encoder.columns) == whole.encoder
    assert dataset.n_train == whole.n_train == len(dataset.splits["train"])
    found = dataset.statistics(dataset.splits["train"])["inputs"]
    fitted = whole.statistics(whole.splits["train"])["inputs"]
    assert found.keys() == fitted.keys()
    for name, array in fitted.items():
        np.testing.assert_allclose(found[name], array, rtol=1.2e-7, atol=1e-12, err_msg=name)
    own = in_order(joined(epoch_of(dataset)))
    batch = whole.take(whole.arrays, whole.splits["train"])
    weight_n = whole.weight[whole.splits["train"]]
    truth = in_order(joined([batch._replace(weight=weight_n)]))
    assert own.keys() == truth.keys()
    for name, array in truth.items():
        np.testing.assert_array_equal(own[name], array, err_msg=name)
    assert dataset.stream.weight_sum == pytest.approx(float(weight_n.sum(dtype=np.float64)))
    for split in ("train", "valid", "test"):
        for name, array in joined([whole.take(whole.arrays, whole.splits[split])]).items():
            judged = joined([dataset.take(dataset.arrays, dataset.splits[split])])
            np.testing.assert_array_equal(judged[name], array)


def small_pieces(monkeypatch) -> None:
    """Few series in memory, few at once, and few windows cut out of them at once."""
    monkeypatch.setattr(blocks, "SAMPLE_ROWS", 200)
    monkeypatch.setattr(blocks, "MIN_SAMPLED", 3)
    monkeypatch.setattr(blocks, "BLOCK_CELLS", 500)
    monkeypatch.setattr(load_stream, "PIECE_BYTES", 1000)


@pytest.mark.parametrize("kind", ["one scale", "known ahead, observed, static", "irregular"])
def test_a_small_sample_leaves_exact_what_is_counted(path: str, monkeypatch, kind: str) -> None:
    given = options(path, **KINDS[kind], shuffle_window=64)
    whole = in_memory(given)
    small_pieces(monkeypatch)
    dataset = load_series_stream(given, "auto")
    assert len(dataset.flat.sizes) == 3
    assert len(dataset.stream.counts) > 6
    assert dataset.encoder.groups == whole.encoder.groups
    assert dataset.encoder.marked == whole.encoder.marked
    assert dataset.encoder.time == whole.encoder.time
    np.testing.assert_allclose(raw_fills(dataset), raw_fills(whole), rtol=1e-5)
    assert dataset.n_train == whole.n_train > len(dataset.splits["train"])
    found = raw_levels(dataset)
    for name, (center, scale) in raw_levels(whole).items():
        np.testing.assert_allclose(found[name][0], center, rtol=1e-5, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(found[name][1], scale, rtol=1e-5, err_msg=name)
    own = in_order(raw_windows(dataset, joined(epoch_of(dataset))))
    batch = whole.take(whole.arrays, whole.splits["train"])
    batch = batch._replace(weight=whole.weight[whole.splits["train"]])
    truth = in_order(raw_windows(whole, joined([batch])))
    for name, array in truth.items():
        np.testing.assert_allclose(own[name], array, rtol=1e-5, atol=1e-4, err_msg=name)


def test_a_run_from_before_goes_on_where_no_value_is_missing(tmp_path):
    """Its fingerprint says nothing of the medians that its folder has not."""
    hour = datetime.timedelta(hours=1)
    tables = {f"g{i}": a_series(f"g{i}", 60, i, step=hour) for i in range(3)}
    whole = load_series_stream(options(write(tables, tmp_path / "whole")), "auto")
    load = [None, *tables["g1"]["load"].to_pylist()[1:]]
    tables["g1"] = tables["g1"].set_column(2, "load", pa.array(load, pa.float64()))
    gaps = load_series_stream(options(write(tables, tmp_path / "gaps")), "auto")
    for dataset, is_same in ((whole, True), (gaps, False)):
        assert dataset.encoder.fills
        before = replace(dataset, encoder=replace(dataset.encoder, fills=()))
        assert (before.fingerprint == dataset.fingerprint) == is_same


def raw_fills(dataset: SeriesDataset) -> np.ndarray:
    """What stands before the first value of each group, in raw units."""
    columns = dataset.encoder.columns
    units = [columns[i].unit for i in own_columns(columns)]
    return np.array(dataset.encoder.fills) * units


def raw_levels(dataset: SeriesDataset) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{statistic of a column: centers and scales, in raw units}."""
    fitted = dataset.statistics(dataset.splits["train"])["inputs"]
    levels = {}
    for column, place in zip(dataset.encoder.columns, dataset.encoder.places, strict=True):
        tables = {"": ("center", "scale"), " of groups": ("group_center", "group_scale")}
        for of, (center, scale) in tables.items():
            if center in fitted:
                own_center = fitted[center][..., place].astype(np.float64) * column.unit
                own_scale = fitted[scale][..., place].astype(np.float64) * column.unit
                levels[column.name + of] = (own_center + column.shift, own_scale)
    unit = np.array([column.unit for column in dataset.encoder.targets])
    if "group_error" in fitted:
        levels["errors"] = (fitted["group_error"] * unit, fitted["error_ratio"])
    return levels


def raw_windows(dataset: SeriesDataset, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Windows in raw units, float64: encoders of other samples have other units."""
    raw = {name: array.astype(np.float64) for name, array in arrays.items()}
    n_columns = dataset.encoder.n_columns
    shift_c = np.zeros(n_columns)
    unit_c = np.ones(n_columns)
    for column, place in zip(dataset.encoder.columns, dataset.encoder.places, strict=True):
        shift_c[place] = column.shift
        unit_c[place] = column.unit
    for name in ("past", "future"):
        if name in raw:
            width = raw[name].shape[-1]
            raw[name] = raw[name] * unit_c[-width:] + shift_c[-width:]
    n_targets = dataset.encoder.n_targets
    own = np.tile(unit_c[:n_targets], HORIZON), np.tile(shift_c[:n_targets], HORIZON)
    raw["target value"] = raw["target value"] * own[0] + own[1]
    return raw


def odd_stamps(name: str, n: int, seed: int) -> pa.Table:
    """A series that keeps to no step."""
    minutes = np.cumsum(np.random.default_rng(seed).integers(1, 5000, n))
    when = np.datetime64("2024-01-01", "us") + minutes * np.timedelta64(1, "m")
    table = a_series(name, n, seed, step=datetime.timedelta(hours=1))
    return table.set_column(1, "when", pa.array(when))


def test_steps_of_groups_are_those_that_are_found_in_memory(tmp_path: Path, monkeypatch) -> None:
    """Fewer series are hourly, of more rows; some keep to no step, in blocks of their own."""
    day = datetime.timedelta(days=1)
    tables = {"long": a_series("long", 400, 1, step=day / 24)}
    for i in range(4):
        tables[f"day{i}"] = a_series(f"day{i}", 60 + i, i, step=day)
        tables[f"odd{i}"] = odd_stamps(f"odd{i}", 70 + i, i)
    names = ["day0", "day1", "odd0", "odd1", "odd2", "long", "day2", "odd3", "day3"]
    tables = {name: tables[name] for name in names}
    small_pieces(monkeypatch)
    for part in (names, ["odd0", "odd1", "odd2", "odd3"]):
        own = {name: tables[name] for name in part}
        path = write(own, tmp_path / f"of{len(part)}", files=1)
        given = options(path, scaling="group")
        dataset = load_series_stream(given, "auto")
        whole = in_memory(given)
        assert dataset.encoder.time == whole.encoder.time
        assert dataset.encoder.season == whole.encoder.season
        assert dataset.n_train == whole.n_train
        np.testing.assert_allclose(
            raw_levels(dataset)["errors"][0], raw_levels(whole)["errors"][0], rtol=1e-5
        )
    assert whole.encoder.time is not None and whole.encoder.time.counts == "rows"


def test_an_epoch_is_each_window_once_in_another_order_each_time(path: str, monkeypatch) -> None:
    """A window by all that it reads; series are longer than a chunk."""
    small_pieces(monkeypatch)
    given = options(path, observed=("heat",), scaling="shared", shuffle_window=16)
    dataset = load_series_stream(given, "auto")
    assert max(dataset.stream.counts) > 2 * dataset.stream.chunk_rows
    orders = []
    for epoch in range(2):
        arrays = joined(epoch_of(dataset, epoch))
        keys = np.concatenate([arrays["past"][:, :, 2], arrays["series"][:, None]], 1)
        assert len(np.unique(keys, axis=0)) == dataset.n_train
        orders.append(keys)
    assert not np.array_equal(orders[0], orders[1])
    np.testing.assert_array_equal(np.unique(orders[0], axis=0), np.unique(orders[1], axis=0))


def test_a_chunk_of_a_long_series_has_windows_of_all_its_times(tmp_path: Path) -> None:
    table = a_series("g", 300, 0, step=datetime.timedelta(hours=1))
    path = write({"g": table}, tmp_path / "rows", files=1)
    dataset = load_series_stream(options(path, shuffle_window=64), "auto")
    (block,) = dataset.stream.files.groups
    (piece,) = dataset.stream.pieces(block)
    rows = dataset.stream.numbers(piece, dataset.stream.training_rows(piece))
    assert sorted(rows.tolist()) == list(range(LOOKBACK, 300 - 24 - HORIZON + 1))
    first = rows[:53]
    assert first.min() < 20 and first.max() > 250
    assert (np.diff(first) == 5).all()  # 265 windows in five chunks


def test_chunks_can_be_read_from_anywhere(path: str, monkeypatch) -> None:
    small_pieces(monkeypatch)
    dataset = load_series_stream(options(path, shuffle_window=40), "auto")
    plan = plan_chunks(dataset.n_train, 8, dataset.stream.chunk_rows)
    straight = list(read_chunks(dataset.stream, plan, 0, 0, plan.steps_per_epoch))
    assert len(straight) > 4
    for k in range(1, len(straight), 2):
        first = k * plan.steps_per_chunk
        own = next(read_chunks(dataset.stream, plan, 0, first, plan.steps_per_epoch))
        np.testing.assert_array_equal(own.batch.inputs["past"], straight[k].batch.inputs["past"])
        np.testing.assert_array_equal(own.batch.target["value"], straight[k].batch.target["value"])


def test_windows_are_known_by_the_rows_of_their_first_predictions(path: str, monkeypatch) -> None:
    """What a run that diverges names; of a step without a row the one before."""
    small_pieces(monkeypatch)
    dataset = load_series_stream(options(path, scaling="shared", shuffle_window=40), "auto")
    table = pa.concat_tables(make_series().values())
    load = table["load"].to_numpy()
    (column,) = dataset.encoder.columns
    arrays = joined(epoch_of(dataset))
    rows = row_numbers(dataset.stream, 0, 0, 0, dataset.n_train)
    first = arrays["target value"][:, 0].astype(np.float64) * column.unit + column.shift
    known = ~np.isnan(first)
    assert 0 < (~known).sum() < 60
    np.testing.assert_allclose(first[known], load[rows[known]], rtol=1e-5, atol=0.01)
    groups = np.array(dataset.encoder.groups)[arrays["series"]]
    np.testing.assert_array_equal(groups, np.array(table["name"].to_pylist())[rows])


def test_nothing_is_fitted_on_rows_that_judge(path: str, tmp_path: Path, monkeypatch) -> None:
    """Their values are others; neither what is learned before training nor any window changes."""
    small_pieces(monkeypatch)
    kind = {"known": ("price",), "observed": ("heat",), "shuffle_window": 64}
    one = load_series_stream(options(path, **kind), "auto")
    spoiled = {}
    for name, table in make_series().items():
        n_trained = table.num_rows - 24
        for column in ("load", "price", "heat"):
            place = table.column_names.index(column)
            values = table[column].to_numpy().copy()
            values[n_trained:] = 1e6 - 3 * values[n_trained:]
            table = table.set_column(place, column, pa.array(values, from_pandas=True))
        spoiled[name] = table
    other = load_series_stream(options(write(spoiled, tmp_path / "rows"), **kind), "auto")
    assert one.encoder == other.encoder
    fitted = [d.statistics(d.splits["train"])["inputs"] for d in (one, other)]
    for name, array in fitted[0].items():
        np.testing.assert_array_equal(fitted[1][name], array)
    found = joined(epoch_of(other))
    for name, array in joined(epoch_of(one)).items():
        np.testing.assert_array_equal(found[name], array)
    judged = [d.take(d.arrays, d.splits["valid"]).target["value"] for d in (one, other)]
    assert np.nanmax(judged[1]) > 10 * np.nanmax(judged[0])


def test_series_that_stand_apart_are_refused_with_both_places(tmp_path: Path) -> None:
    tables = make_series(4)
    tables["again"] = tables["g1"][:40]
    path = write(tables, tmp_path / "apart", files=2)
    with pytest.raises(UserError) as error:
        load_series_stream(options(path), "auto")
    assert str(error.value) == (
        f"{path}: rows of group 'g1' stand apart, from row 61 of {path}/0.parquet and row 82 of "
        f"{path}/1.parquet on; a stream reads whole series: sort by 'name' and time, each series "
        "in one file"
    )
    mixed = pa.concat_tables([tables["g0"][:20], tables["g2"], tables["g0"][20:]])
    path = write({"all": mixed}, tmp_path / "mixed", files=1)
    with pytest.raises(UserError, match=r"group 'g0' stand apart, from row 1 of .* and row 95 of"):
        load_series_stream(options(path), "auto")


def test_a_row_without_its_series_is_refused(tmp_path: Path) -> None:
    table = make_series(1)["g0"]
    names = pa.array([*["g0"] * 50, None, *["g0"] * 9], pa.string())
    path = write({"g0": table.set_column(0, "name", names)}, tmp_path / "rows", files=1)
    with pytest.raises(UserError, match="column 'name': row 1 has no value; every row needs"):
        load_series_stream(options(path), "auto")


def test_cells_that_no_training_row_may_hold_are_refused_wherever_they_are(
    tmp_path: Path, monkeypatch
) -> None:
    """A series that is not in memory holds a number that is no count, or has no logarithm."""
    small_pieces(monkeypatch)
    tables = make_series()
    names = set(load_series_stream(options(write(tables, tmp_path / "all")), "auto").flat.names)
    chosen = next(name for name in tables if name not in names)
    for name, table in tables.items():
        counts = np.arange(table.num_rows) % 7.0
        if name == chosen:
            counts[5] = 2.5
        tables[name] = table.set_column(2, "load", pa.array(counts))
    path = write(tables, tmp_path / "counts")
    with pytest.raises(UserError, match=r"column 'load': 2.5 in row 6: config.loss=negative_bin"):
        load_series_stream(options(path, scaling="shared"), "negative_binomial")
    price = tables[chosen]["price"].to_numpy().copy()
    for name, table in tables.items():
        price = np.abs(table["price"].to_numpy())
        price[5] = -1 if name == chosen else price[5]
        tables[name] = table.set_column(3, "price", pa.array(price))
    path = write(tables, tmp_path / "logarithms")
    with pytest.raises(UserError, match=r"column 'price': -1 in a training row has no log"):
        load_series_stream(options(path, known=("price",), log1p=("price",)), "auto")


def test_what_is_streamed_left_out_and_judged_is_said(tmp_path: Path, monkeypatch) -> None:
    small_pieces(monkeypatch)
    tables = make_series()
    tables["short"] = a_series("short", LOOKBACK + HORIZON - 1, 1, step=datetime.timedelta(hours=1))
    blank = a_series("blank", 50, 1, step=datetime.timedelta(hours=1))
    tables["blank"] = blank.set_column(2, "load", pa.nulls(50, pa.float64()))
    path = write(tables, tmp_path / "rows", files=1)
    dataset = load_series_stream(options(path, shuffle_window=16), "auto")
    whole = in_memory(options(path))
    assert dataset.encoder.groups == whole.encoder.groups
    assert not {"short", "blank"} & set(dataset.encoder.groups)
    said = "\n".join(dataset.notes)
    assert f"{whole.n_train:,} training windows of 14 series are streamed from 1 file; in" in said
    n_valid = (len(dataset.splits["valid"]), len(whole.splits["valid"]))
    assert n_valid[0] < n_valid[1]
    assert f"{n_valid[0]} of {n_valid[1]} windows valid and " in said
    assert "1 of 14 series have no value of a target; left out" in said
    assert "1 of 14 series have fewer rows than a window; left out" in said
    assert whole.gaps is not None
    n_gaps = int(whole.gaps[:, 0].sum())
    assert f"column 'load': {n_gaps} of {len(whole.values):,} values of all series are" in said
    assert "config.data.shuffle_window: 16 windows are shuffled at once, of about" in said
