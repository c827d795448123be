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


def shops(n: int) -> pa.Table:
    """Hourly sales of two shops, sorted by time: days, noise, and a promotion that adds 3.

    The promotion is known ahead.
    """
    random = np.random.default_rng(0)
    when = [datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=i) for i in range(n)]
    columns: dict[str, list] = {"when": [], "shop": [], "promotion": [], "sales": [], "visits": []}
    promotion = (random.random((n, 2)) < 0.2).astype(float)
    day = np.sin(2 * np.pi * np.arange(n) / 24)
    for i in range(n):
        for s, shop in enumerate(("north", "south")):
            sales = 50 + 30 * s + (5 + s) * day[i] + 3 * promotion[i, s] + 0.3 * random.normal()
            row = (when[i], shop, promotion[i, s], sales, 2 * sales + 10 * random.normal())
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
    return pa.table(columns)


def write(table: pa.Table, path) -> str:
    pa.csv.write_csv(table, path / "series.csv")
    return str(path / "series.csv")


def options(path: str, **changes) -> Series:
    base = {"target": "load", "time": "when", "lookback": 8, "horizon": 4, "valid": 12, "test": 12}
    return Series(path=path, **base | changes)
