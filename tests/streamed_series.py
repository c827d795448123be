"""Series of many sizes in a folder of Parquet files, and the epochs of a stream of them."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from train.config.data_options import Series
from train.data.dataset import Batch
from train.data.series import blocks, load_stream
from train.data.series.dataset import SeriesDataset
from train.data.series.load import load_series
from train.data.series.stream import StreamedSeries
from train.data.stream.chunks import plan_chunks, read_chunks

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


def small_pieces(monkeypatch) -> None:
    """Few series in memory, few at once, and few windows cut out of them at once."""
    monkeypatch.setattr(blocks, "SAMPLE_ROWS", 200)
    monkeypatch.setattr(blocks, "MIN_SAMPLED", 3)
    monkeypatch.setattr(blocks, "BLOCK_CELLS", 500)
    monkeypatch.setattr(load_stream, "PIECE_BYTES", 1000)
