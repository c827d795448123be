"""How far outliers of series reach, against arithmetic by hand, and what is said where they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from train.config.data_options import Series
from train.config.net_options import LSTM
from train.config.options import Config
from train.data.resolve import loss_lines, resolve_config
from train.data.series.dataset import SeriesDataset
from train.data.series.load import load_series
from train.data.series.outliers import NORMAL, tail_ratio


def series_of(
    folder: Path, groups: Mapping[str, Sequence[float | None]], **options
) -> SeriesDataset:
    lines = ["name,y"]
    for name, values in groups.items():
        lines += [f"{name},{'' if value is None else value}" for value in values]
    path = folder / "rows.csv"
    path.write_text("\n".join(lines) + "\n")
    fields: dict[str, Any] = {"lookback": 2, "horizon": 1, "valid": 0, "test": 2} | options
    return load_series(Series(path=str(path), target="y", group="name", **fields))


def summed(changes: list[float]) -> list[float]:
    return [0.0, *np.cumsum(changes).tolist()]


def test_a_ratio_is_the_root_mean_square_of_changes_over_what_their_median_says(tmp_path):
    # The last two rows test, and their changes are none of those of training.
    found = tail_ratio(series_of(tmp_path, {"a": summed([1, -2, 3, 10, 500, -500])}))
    assert found == pytest.approx(np.sqrt(114 / 4) / (NORMAL * 2.5))


def test_changes_are_those_of_a_season_and_missing_values_have_none(tmp_path):
    values = [0, 1, 5, 2, 6, None, 9, 0, 0]  # over two steps: 5, 1, 1, -, 3, and two that test
    found = tail_ratio(series_of(tmp_path, {"a": values}, season=2))
    assert found == pytest.approx(np.sqrt(36 / 4) / (NORMAL * 2))


def test_of_several_series_it_is_the_median_and_one_that_mostly_stands_still_has_none(tmp_path):
    ratios = []
    groups = {}
    for name, far in (("a", 4.0), ("b", 40.0), ("c", 400.0)):
        groups[name] = summed([1, -1, 1, -1, far, 0, 0])
        ratios.append(np.sqrt((4 + far**2) / 5) / NORMAL)
    groups["still"] = summed([0, 0, 0, 7, 0, 0, 0])
    assert tail_ratio(series_of(tmp_path, groups)) == pytest.approx(ratios[1])
    assert tail_ratio(series_of(tmp_path, {"still": groups["still"]})) == 0


def test_the_loss_goes_by_it_which_is_said(tmp_path):
    far = series_of(tmp_path, {"a": summed([1, -1, 1, -1, 40, 0, 0])})
    near = series_of(tmp_path, {"a": summed([1, -1, 1, -1, 2, 0, 0])})
    config = Config(data=Series(path="rows.csv", target="y", lookback=2, horizon=1), net=LSTM())
    assert resolve_config(config, far).loss == "mae"
    assert resolve_config(config, near).loss == "auto"
    (line,) = loss_lines(config, far)
    assert line.startswith(
        "config.loss: auto is mae, for changes of the targets deviate 12.1 times"
    )
    assert not loss_lines(config, near)
