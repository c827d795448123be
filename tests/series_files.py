"""Series in files of a time and a target, read as users read them, and gone on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from train.config.data_options import Series
from train.data.dataset import Rows
from train.data.series.dataset import SeriesDataset
from train.data.series.load import load_series

LOOKBACK = 4
HORIZON = 3


def frame(stamps, **columns) -> pd.DataFrame:
    n = len(stamps)
    return pd.DataFrame({"ts": stamps, "y": np.arange(n) % 7 + np.arange(n) / 100, **columns})


def read(folder: Path, table: pd.DataFrame, *, parquet: bool = False, **changes) -> SeriesDataset:
    whole = pa.Table.from_pandas(table, preserve_index=False)
    path = str(folder / ("series.parquet" if parquet else "series.csv"))
    if parquet:
        pq.write_table(whole, path)
    else:
        table.to_csv(path, index=False)
    base = {"target": "y", "time": "ts", "lookback": LOOKBACK, "horizon": HORIZON}
    return load_series(Series(path=path, **{**base, **changes}))


def ahead(data: SeriesDataset, table: pd.DataFrame) -> Rows:
    text = pa_csv.read_csv(
        pa.BufferReader(table.to_csv(index=False).encode()),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(map(str, table.columns), pa.string())
        ),
    )
    return data.encoder.read(text, "new")


def stamps_of(rows: Rows) -> list:
    found = rows.names["time"]
    assert isinstance(found, pa.Array)
    return found.tolist()


def write_wide(folder: Path, n_series: int, n: int, n_columns: int) -> str:
    """A folder of Parquet files of 50 series each of n hours, of so many columns of numbers."""
    folder.mkdir()
    random = np.random.default_rng(0)
    when = pa.array(np.datetime64("2024-01-01", "us") + np.arange(n) * np.timedelta64(1, "h"))
    for i in range(0, n_series, 50):
        parts = []
        for k in range(i, i + 50):
            x_nc = random.normal(size=(n, n_columns)).astype(np.float32)
            own = {f"x{c}": x_nc[:, c] for c in range(n_columns)}
            parts.append(pa.table({"name": [f"g{k}"] * n, "when": when, **own}))
        pq.write_table(pa.concat_tables(parts), folder / f"{i}.parquet", row_group_size=20_000)
    return str(folder)
