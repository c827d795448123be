"""Scores of each group of a series. Truth is pandas'."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from series_tables import hours, options, write

from train.data.series.load import load_series
from train.evaluation.groups import group_scores
from train.evaluation.metrics.seasonal_scales import seasonal_scales


def test_scores_of_groups_are_those_of_their_rows(tmp_path):
    random = np.random.default_rng(0)
    sizes = {"b": 1e-2, "a": 1.0, "c": 1e5, "still": 70.0}
    columns: dict[str, list] = {"when": [], "name": [], "load": []}
    for name, size in sizes.items():
        columns["when"] += hours(60)
        columns["name"] += [name] * 60
        moves = np.zeros(60) if name == "still" else random.normal(0, 1, 60)
        columns["load"] += (size * (5 + moves)).tolist()
    columns["load"][50] = None  # of b's test rows
    columns["load"][60 + 9] = None  # of a's training rows
    path = write(pa.table(columns), tmp_path)
    dataset = load_series(options(path, group="name"))
    windows = dataset.splits["test"]
    target = dataset.take(dataset.arrays, windows).target
    raw = dataset.encoder.to_units(target)["value"]
    forecast = {"value": np.nan_to_num(target["value"]) * 0.9}
    high = np.where(np.arange(4) < 3, 1.5, 0.7)
    ends = (raw * 0.5, raw * high)
    scales = seasonal_scales(dataset, windows)
    found = group_scores(dataset, windows, target, {"": forecast, "last": target}, ends, scales)
    assert found is not None
    table = pd.DataFrame(found.columns()).set_index("group")
    error = dataset.encoder.to_units(forecast)["value"] - raw
    rows = pd.DataFrame({"error": error.ravel(), "raw": raw.ravel()})
    names = dataset.flat.names[
        np.searchsorted(dataset.flat.firsts, dataset.starts[windows], "right") - 1
    ]
    rows["group"] = names.repeat(4)
    rows["within"] = np.tile([1.0, 1.0, 1.0, 0.0], len(windows))
    rows["width"] = ((high - 0.5) * raw).ravel()
    known = rows[rows["raw"].notna()].groupby("group")
    load = pd.DataFrame(columns).groupby("name")["load"]
    deviation = load.apply(lambda x: x.iloc[:36].std(ddof=0))
    deviation["still"] = 350.0  # the size of what never moves
    mae = known["error"].apply(lambda x: x.abs().mean())
    expected = {
        "deviation": deviation,
        "mae": mae,
        "rmse": known["error"].apply(lambda x: np.sqrt((x**2).mean())),
        "mae_scaled": mae / deviation,
        "coverage": known["within"].mean(),
        "width": known["width"].mean(),
        "last_mae_scaled": mae * 0,
    }
    for name, wanted in expected.items():
        np.testing.assert_allclose(table[name], wanted[table.index], rtol=1e-4, err_msg=name)
    assert table["windows"].tolist() == rows.groupby("group").size()[table.index].div(4).tolist()
    spread = found.spread()
    compared = {"mase", "mae_scaled", "wape", "coverage", "last_mase", "last_mae_scaled"}
    assert set(spread) == compared
    scaled = sorted(found.scores["mae_scaled"])
    assert spread["mae_scaled"]["q10"] == pytest.approx(scaled[0] + 0.3 * (scaled[1] - scaled[0]))
    assert spread["mae_scaled"]["median"] == pytest.approx((scaled[1] + scaled[2]) / 2)
    assert spread["mae_scaled"]["max"] == scaled[3]
    # Also a window that begins where its series does is one of it.
    first = dataset.splits["train"][:1]
    target = dataset.take(dataset.arrays, first).target
    scales = seasonal_scales(dataset, first)
    alone = group_scores(dataset, first, target, {"": target}, None, scales)
    assert alone is not None and alone.names.tolist() == ["b"]
    far = np.tile(np.arange(60) % 7, 4) + 1e6
    far[180:] = 1e6
    path = write(pa.table(columns | {"load": far}), tmp_path)
    shared = load_series(options(path, group="name", scaling="shared"))
    assert shared.encoder.columns[0].shift != 0
    np.testing.assert_allclose(shared.group_deviations[3], 1e6, rtol=1e-6)
