"""Scores of a backtest: over all windows, by origin, by step of the horizon and by group.

w windows, h horizon, o targets, k origins or groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from train.evaluation.metrics.scale_free import (
    Cells,
    Ends,
    by_name,
    by_step,
    by_window,
    cells_of,
    metrics_by,
    raw_pair,
)
from train.evaluation.metrics.seasonal_scales import Scales, seasonal_scales
from train.results.backtest.answers import Answered, joined_ends
from train.results.backtest.spread_scores import spread_by_origin, spread_over_all

NET = "net"
Curves: TypeAlias = dict[str, dict[str, np.ndarray]]  # {the net or a baseline: {metric: values}}


@dataclass(frozen=True)
class BacktestScores:
    """{the net or a baseline: {metric: values}}: over all, by origin, by step, by group.

    `groups` are the names that the last go by, none where there is one series alone; `windows_k`
    how many windows each origin has, `windows_g` each group.
    """

    groups: list[str]
    windows_k: np.ndarray
    windows_g: np.ndarray
    overall: dict[str, dict[str, float]] = field(default_factory=dict)
    by_origin: Curves = field(default_factory=dict)
    by_step: Curves = field(default_factory=dict)
    by_group: Curves = field(default_factory=dict)


def score_backtest(parts: Sequence[Answered], n_origins: int) -> BacktestScores:
    """The scores of all answers together, those of several nets one after the other."""
    names = _group_names(parts)
    place_of = {name: place for place, name in enumerate(names)}
    n_groups = max(len(names), 1)
    origin_w = np.concatenate([part.origin_w for part in parts])
    group_w = np.concatenate([_places(part, place_of) for part in parts])
    all_w = np.zeros(len(origin_w), np.int64)
    encoder = parts[0].dataset.encoder
    steps_h = np.arange(encoder.horizon)
    targets = [column.name for column in encoder.targets]
    scales = _scales(parts)
    spread = spread_by_origin(parts, n_origins)
    found = BacktestScores(
        groups=names,
        windows_k=np.bincount(origin_w, minlength=n_origins),
        windows_g=np.bincount(group_w, minlength=n_groups),
    )
    for name in _shared_names(parts):
        cells = _cells(parts, name)
        errors = by_window(cells, scales)
        whole = by_name(metrics_by(errors, all_w, 1), targets)
        overall = {metric: float(values[0]) for metric, values in whole.items()}
        of_origins = by_name(metrics_by(errors, origin_w, n_origins), targets)
        if name == NET:
            overall |= spread_over_all(spread, errors.cells, origin_w, targets)
            of_origins |= spread
        found.overall[name] = overall
        found.by_origin[name] = of_origins
        found.by_group[name] = by_name(metrics_by(errors, group_w, n_groups), targets)
        of_steps = metrics_by(by_step(cells, scales), steps_h, len(steps_h))
        found.by_step[name] = by_name(of_steps, targets)
    return found


def _shared_names(parts: Sequence[Answered]) -> list[str]:
    """The net, and the baselines that all parts have."""
    found = [NET]
    for name in parts[0].rivals:
        if all(name in part.rivals for part in parts):
            found.append(name)
    return found


def uneven_lines(parts: Sequence[Answered]) -> list[str]:
    """What only some of several nets have beside them, and is therefore left out of the scores."""
    lines = []
    names: dict[str, None] = {}
    for part in parts:
        names.update(dict.fromkeys(part.rivals))
    has_each = {name: sum(name in part.rivals for part in parts) for name in names}
    has_each["intervals"] = sum(part.level is not None for part in parts)
    for name, n_with in has_each.items():
        if 0 < n_with < len(parts):
            found = f"at {n_with} of {len(parts)} origins alone"
            lines.append(f"{name}: {found}, in forecasts.parquet; left out of the scores")
    return lines


def _scales(parts: Sequence[Answered]) -> Scales:
    """How much the series of all windows change."""
    found = [seasonal_scales(part.dataset, part.windows) for part in parts]
    absolute = np.concatenate([scales.absolute for scales in found])
    return Scales(absolute, np.concatenate([scales.squared for scales in found]))


def _cells(parts: Sequence[Answered], name: str) -> Cells:
    """The errors of all answers of the net, or of a baseline; of its intervals if all have some."""
    pairs = []
    ends: list[tuple[np.ndarray, np.ndarray]] = []
    for part in parts:
        answers = part.predicted.predictions if name == NET else part.rivals[name]
        pairs.append(raw_pair(part.dataset.encoder, answers, part.predicted.target))
        own = joined_ends(part) if name == NET else None
        if own is not None:
            ends.append(own)
    predictions, targets = map(np.concatenate, zip(*pairs, strict=True))
    if len(ends) < len(parts):
        return cells_of(predictions, targets)
    low, high = map(np.concatenate, zip(*ends, strict=True))
    return cells_of(predictions, targets, Ends(low, high))


def _group_names(parts: Sequence[Answered]) -> list[str]:
    """The names of all groups with a window, in the order of the file."""
    names: dict[str, None] = {}
    for part in parts:
        if part.dataset.flat.names is not None:
            names.update(dict.fromkeys(part.dataset.flat.names[np.unique(part.group_w)].tolist()))
    return list(names)


def _places(part: Answered, place_of: Mapping[str, int]) -> np.ndarray:
    """The place of each window's group among all [w]."""
    names = part.dataset.flat.names
    if names is None:
        return np.zeros(len(part.windows), np.int64)
    return np.array([place_of[str(name)] for name in names[part.group_w]])
