"""Scores of each group of a series. Truth is pandas'."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
from series_tables import hours, options, write

from train.data.series.load import load_series
from train.evaluation.groups import group_scores


def test_scores_of_groups_are_those_of_their_rows(tmp_path):
    random = np.random.default_rng(0)
    sizes = {"b": 1e-2, "a": 1.0, "c": 1e5}
    columns: dict[str, list] = {"when": [], "name": [], "load": []}
    for name, size in sizes.items():
        columns["when"] += hours(60)
        columns["name"] += [name] * 60
        columns["load"] += (size * random.normal(5, 1, 60)).tolist()
    columns["load"][50] = None  # of b's test rows
    path = write(pa.table(columns), tmp_path)
    dataset = load_series(options(path, group="name"))
    windows = dataset.splits["test"]
    target = dataset.take(dataset.arrays, windows).target
    raw = dataset.encoder.to_units(target)["value"]
    forecast = {"value": np.nan_to_num(target["value"]) * 0.9}
    ends = (raw * 0.5, raw * np.where(np.arange(4) < 3, 1.5, 0.7))
    found = group_scores(dataset, windows, target, {"": forecast, "last": target}, ends)
    assert found is not None
    table = pd.DataFrame(found.columns()).set_index("group")
    error = dataset.encoder.to_units(forecast)["value"] - raw
    rows = pd.DataFrame({"error": error.ravel(), "raw": raw.ravel()})
    names = dataset.flat.names[
        np.searchsorted(dataset.flat.firsts, dataset.starts[windows], "right") - 1
    ]
    rows["group"] = names.repeat(4)
    rows["within"] = np.tile([1.0, 1.0, 1.0, 0.0], len(windows))
    known = rows[rows["raw"].notna()].groupby("group")
    load = pd.DataFrame(columns).groupby("name")["load"]
    deviation = load.apply(lambda x: x.iloc[:36].std(ddof=0))
    mae = known["error"].apply(lambda x: x.abs().mean())
    expected = {
        "deviation": deviation,
        "mae": mae,
        "rmse": known["error"].apply(lambda x: np.sqrt((x**2).mean())),
        "mae_scaled": mae / deviation,
        "coverage": known["within"].mean(),
        "last_mae_scaled": mae * 0,
    }
    for name, wanted in expected.items():
        np.testing.assert_allclose(table[name], wanted[table.index], rtol=1e-4, err_msg=name)
    assert table["windows"].tolist() == rows.groupby("group").size()[table.index].div(4).tolist()
    spread = found.spread()
    compared = {"mase", "mae_scaled", "wape", "coverage", "last_mase", "last_mae_scaled"}
    assert set(spread) == compared
    assert spread["mae_scaled"]["median"] == np.median(found.scores["mae_scaled"])
