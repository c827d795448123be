"""Scores of a backtest: over all windows, by origin, by step of the horizon and by group.

w windows, h horizon, o targets, k origins or groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from train.evaluation.metrics.scale_free import (
    Ends,
    Errors,
    by_name,
    errors_by_step,
    errors_of,
    metrics_by,
    raw_pair,
    seasonal_scales,
)
from train.results.backtest.answers import Answered, joined_ends
from train.results.backtest.spread_scores import spread_by_origin, spread_over_all

NET = "net"
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)  # over groups
Curves: TypeAlias = dict[str, dict[str, np.ndarray]]  # {the net or a baseline: {metric: values}}


@dataclass(frozen=True)
class BacktestScores:
    """{the net or a baseline: {metric: values}}: over all, by origin, by step, by group.

    `groups` are the names that the last go by, none where there is one series alone; `windows_k`
    how many windows each origin has, `windows_g` each group.
    """

    overall: dict[str, dict[str, float]]
    by_origin: Curves
    by_step: Curves
    by_group: Curves
    groups: list[str]
    windows_k: np.ndarray
    windows_g: np.ndarray


def score_backtest(parts: Sequence[Answered], n_origins: int) -> BacktestScores:
    """The scores of all answers together, those of several nets one after the other."""
    names = _group_names(parts)
    place_of = {name: place for place, name in enumerate(names)}
    origin_w = np.concatenate([part.origin_w for part in parts])
    group_w = np.concatenate([_places(part, place_of) for part in parts])
    encoder = parts[0].dataset.encoder
    targets = [column.name for column in encoder.targets]
    n_windows = len(origin_w)
    errors, step_errors, step_w = _errors(parts)
    overall: dict[str, dict[str, float]] = {}
    by_origin: Curves = {}
    by_step: Curves = {}
    by_group: Curves = {}
    for name, own in errors.items():
        whole = by_name(metrics_by(own, np.zeros(n_windows, np.int64), 1), targets)
        overall[name] = {metric: float(values[0]) for metric, values in whole.items()}
        by_origin[name] = by_name(metrics_by(own, origin_w, n_origins), targets)
        by_group[name] = by_name(metrics_by(own, group_w, max(len(names), 1)), targets)
        of_steps = metrics_by(step_errors[name], step_w, encoder.horizon)
        by_step[name] = by_name(of_steps, targets)
    spread = spread_by_origin(parts, n_origins)
    by_origin[NET] |= spread
    overall[NET] |= spread_over_all(spread, errors[NET], origin_w, targets)
    return BacktestScores(
        overall,
        by_origin,
        by_step,
        by_group,
        names,
        np.bincount(origin_w, minlength=n_origins),
        np.bincount(group_w, minlength=max(len(names), 1)),
    )


def group_quantiles(curves: Curves) -> dict[str, dict[str, dict[str, float]]]:
    """{the net or a baseline: {metric: {quantile over groups: value}}}, where a score is known."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, metrics in curves.items():
        found[name] = {}
        for metric, values_g in metrics.items():
            known = values_g[np.isfinite(values_g)]
            if len(known):
                values = np.quantile(known, QUANTILES)
                pairs = zip(QUANTILES, values.tolist(), strict=True)
                found[name][metric] = {f"q{100 * share:g}": value for share, value in pairs}
    return found


def _errors(
    parts: Sequence[Answered],
) -> tuple[dict[str, Errors], dict[str, Errors], np.ndarray]:
    """(errors of windows, errors of steps, the steps of the latter), of those that all parts have.

    The first two by the name of who made them.
    """
    pieces: dict[str, list[Errors]] = {}
    step_pieces: dict[str, list[Errors]] = {}
    steps = []
    for part in parts:
        scales = seasonal_scales(part.dataset, part.windows)
        found = joined_ends(part)
        ends = None if found is None else Ends(*found)
        answers = {NET: part.predicted.predictions, **part.rivals}
        for name, predictions in answers.items():
            own = ends if name == NET else None
            pair = raw_pair(part.dataset.encoder, predictions, part.predicted.target)
            pieces.setdefault(name, []).append(errors_of(*pair, scales, own))
            by_step, step_w = errors_by_step(*pair, scales, own)
            step_pieces.setdefault(name, []).append(by_step)
            if name == NET:
                steps.append(step_w)
    whole = [name for name, found in pieces.items() if len(found) == len(parts)]
    errors = {name: _joined(pieces[name]) for name in whole}
    step_errors = {name: _joined(step_pieces[name]) for name in whole}
    return errors, step_errors, np.concatenate(steps)


def _joined(pieces: Sequence[Errors]) -> Errors:
    """The errors of several parts one after the other; of intervals only where all have some."""
    columns = []
    for column in zip(*pieces, strict=True):
        columns.append(None if column[-1] is None else np.concatenate(column))
    return Errors(*columns)


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
