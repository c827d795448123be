"""A small series of hours, as a table, as a file and as options that read it."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pyarrow.csv

from train.config.data_options import Series

HOUR = datetime.timedelta(hours=1)


def hours(n: int, start: str = "2024-01-01") -> list[datetime.datetime]:
    return [datetime.datetime.fromisoformat(start) + i * HOUR for i in range(n)]


def small_table(n: int = 60) -> pa.Table:
    random = np.random.default_rng(0)
    load = 100 + 10 * np.sin(np.arange(n) * 2 * np.pi / 24) + random.normal(size=n)
    return pa.table(
        {"when": hours(n), "load": load, "price": random.normal(size=n), "name": ["a"] * n}
    )


def write(table: pa.Table, path) -> str:
    pa.csv.write_csv(table, path / "series.csv")
    return str(path / "series.csv")


def options(path: str, **changes) -> Series:
    base = {"target": "load", "time": "when", "lookback": 8, "horizon": 4, "valid": 12, "test": 12}
    return Series(path=path, **base | changes)
