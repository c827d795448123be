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
