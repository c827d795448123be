"""What a backtest leaves: forecasts.parquet, groups.csv, and the content of backtest.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np
import pyarrow as pa

from train.config.plan import Plan
from train.data.answer_names import beside
from train.data.series.encoder import SeriesEncoder
from train.data.series.time_column import write_stamps
from train.errors import UserError
from train.evaluation.groups import spread_over_groups
from train.evaluation.predictions import forecast_table
from train.report.result import Scores
from train.results.backtest.answers import Answered, cutoffs, level_of
from train.results.backtest.leaks import Leaks
from train.results.backtest.scores import NET, BacktestScores, Curves
from train.run.folder import read_json

NAME = "backtest.json"


class OriginRecord(TypedDict):
    """An origin, counted from 1."""

    origin: int
    windows: int
    cutoff: NotRequired[str]
    """The latest stamp that any window reads."""


class LeakRecord(TypedDict):
    """What spoiling all later cells came to."""

    origins: list[int]
    """Those whose forecasts changed."""
    spoiled_cells: int
    columns: list[str]


class _Optional(TypedDict, total=False):
    by_group: dict[str, dict[str, dict[str, float]]]
    """{net or baseline: {metric: its quantiles over groups}}, of several."""
    interval: float
    """The level of the net's intervals, where it has any."""
    leaks: LeakRecord
    seconds: float
    versions: dict[str, str]


class BacktestRecord(_Optional):
    """The content of backtest.json."""

    origins: list[OriginRecord]
    step: int | None
    horizon: int
    lookback: int
    season: int | None
    refit: str
    targets: list[str]
    groups: int
    windows: int
    metrics: Scores
    """Of the net, over all windows."""
    baselines: dict[str, Scores]
    by_origin: dict[str, dict[str, list[float]]]
    """{net or baseline: {metric: its value at each origin}}."""
    by_step: dict[str, dict[str, list[float]]]
    """The same at each step of the horizon."""
    notes: list[str]


def check_begun(folder: Path, plan: Plan) -> None:
    """Raises UserError where a folder holds another backtest that ended."""
    path = folder / NAME
    if not path.exists():
        return
    before = read_json(path, "a backtest's folder")
    if not isinstance(before, dict) or not isinstance(before.get("origins"), list):
        raise UserError(f"{path}: expected an object with the origins of a backtest")
    asked = (plan.origins, plan.step, plan.refit)
    found = (len(before["origins"]), before.get("step"), before.get("refit"))
    if found != asked:
        held = f"{found[0]} origins, {found[1]} steps apart, refit {found[2]}"
        raise UserError(f"--workdir: {folder} holds a backtest of {held}; name another folder")


def forecasts_of_all(parts: Sequence[Answered]) -> pa.Table:
    """A line for each origin, series and step: the truth, the net's answer, those of baselines.

    "origin" (from 1) and, where there are stamps, "cutoff", that of the last row before it, then
    what predictions.parquet has, the ends of intervals, and the baselines' forecasts.
    """
    # Some nets may lack what others have: what their season or their intervals are made of.
    return pa.concat_tables([_forecasts(part) for part in parts], promote_options="permissive")


def _forecasts(part: Answered) -> pa.Table:
    dataset = part.dataset
    encoder = dataset.encoder
    horizon = encoder.horizon
    first: dict[str, pa.Array] = {"origin": pa.array(np.repeat(part.origin_w + 1, horizon))}
    if dataset.flat.stamps is not None and encoder.time is not None:
        last = dataset.flat.stamps[part.now_w - 1]
        first["cutoff"] = write_stamps(np.repeat(last, horizon), encoder.time)
    predictions = part.predicted.predictions
    table = forecast_table(
        dataset, part.windows, part.predicted.target, predictions, part.quantiles
    )
    found: dict[str, pa.Array | pa.ChunkedArray] = dict(
        zip(table.column_names, table.columns, strict=True)
    )
    more: dict[str, pa.Array] = {}
    for name, values in part.ends.items():
        more[name] = pa.array(np.asarray(values).ravel())
    for name, answers in part.rivals.items():
        for target, values in encoder.decode(answers).items():
            label = name if encoder.n_targets == 1 else f"{target}_{name}"
            more[label] = pa.array(values.ravel())
    # A target may have the name of any of these, and its column is named first.
    return pa.table(beside(beside(found, first), more)).select(_order(found, first, more))


def _order(*parts: Mapping[str, object]) -> list[str]:
    """The names of columns, those of origins first."""
    found, first, more = parts
    names = list(beside(beside(found, first), more))
    n = len(found)
    return [*names[n : n + len(first)], *names[:n], *names[n + len(first) :]]


def groups_table(scores: BacktestScores) -> pa.Table:
    """A line for each group: how many windows it has, and the scores of the net and baselines."""
    columns: dict[str, pa.Array] = {
        "group": pa.array(scores.groups),
        "windows": pa.array(scores.windows_g),
    }
    for name, metrics in scores.by_group.items():
        for metric, values in metrics.items():
            label = metric if name == NET else f"{name}_{metric}"
            columns[label] = pa.array(values, mask=np.isnan(values))
    return pa.table(columns)


def backtest_record(
    parts: Sequence[Answered],
    scores: BacktestScores,
    plan: Plan,
    leaks: Leaks | None,
    notes: Sequence[str],
) -> BacktestRecord:
    """The content of backtest.json, but for seconds and versions."""
    encoder = parts[0].dataset.encoder
    optional: _Optional = {}
    if scores.groups:
        by_group = scores.by_group.items()
        optional["by_group"] = {name: spread_over_groups(metrics) for name, metrics in by_group}
    if (level := level_of(parts)) is not None:
        optional["interval"] = level
    if leaks is not None:
        optional["leaks"] = {
            "origins": [origin + 1 for origin in leaks.origins],
            "spoiled_cells": leaks.n_cells,
            "columns": list(leaks.columns),
        }
    return {
        "origins": _origins(parts, scores),
        "step": plan.step,
        "horizon": encoder.horizon,
        "lookback": encoder.lookback,
        "season": encoder.season,
        "refit": plan.refit,
        "targets": [column.name for column in encoder.targets],
        "groups": len(scores.groups) or 1,
        "windows": int(scores.windows_k.sum()),
        "metrics": scores.overall[NET],
        "baselines": {name: found for name, found in scores.overall.items() if name != NET},
        "by_origin": _lists(scores.by_origin),
        "by_step": _lists(scores.by_step),
        **optional,
        "notes": list(notes),
    }


def _origins(parts: Sequence[Answered], scores: BacktestScores) -> list[OriginRecord]:
    shown = shown_cutoffs(parts)
    found: list[OriginRecord] = []
    for origin, n_windows in enumerate(scores.windows_k.tolist()):
        one: OriginRecord = {"origin": origin + 1, "windows": n_windows}
        if origin in shown:
            one["cutoff"] = shown[origin]
        found.append(one)
    return found


def shown_cutoffs(parts: Sequence[Answered]) -> dict[int, str]:
    """{origin: the latest stamp that is read there, as the file would write it}."""
    encoder: SeriesEncoder = parts[0].dataset.encoder
    latest = cutoffs(parts)
    if encoder.time is None or not latest:
        return {}
    written = write_stamps(np.array(list(latest.values())), encoder.time)
    return dict(zip(latest, map(str, written.to_pylist()), strict=True))


def _lists(curves: Curves) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    for name, metrics in curves.items():
        found[name] = {metric: values.tolist() for metric, values in metrics.items()}
    return found
