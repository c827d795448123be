"""Members and settings of a population compared: who answers, and how far nets are apart.

k members.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from train.config.options import Population
from train.core.tasks import HEAD_KINDS
from train.data.dataset import Head
from train.evaluation.metrics.direction import limits
from train.results.records import MemberResult, Scores, SettingResult


def rank(value: float) -> float:
    """A monitored value to sort by: nan comes last."""
    return value if np.isfinite(value) else np.inf


def rank_settings(results: Sequence[MemberResult]) -> list[SettingResult]:
    """What each setting came to, the best first: by the mean over its members."""
    by_setting: dict[int, list[MemberResult]] = {}
    for result in sorted(results, key=lambda result: result.member.setting):
        by_setting.setdefault(result.member.setting, []).append(result)
    settings = [_setting_result(own) for own in by_setting.values()]
    return sorted(settings, key=lambda setting: setting.value)


def _setting_result(own: Sequence[MemberResult]) -> SettingResult:
    value_k = np.array([rank(result.value) for result in own])
    deviation = None
    if len(own) > 1 and np.isfinite(value_k).all():
        deviation = float(value_k.std(ddof=1))
    return SettingResult(
        setting=own[0].member.setting,
        values=own[0].member.values,
        value=float(value_k.mean()),
        deviation=deviation,
        members=len(own),
        epochs=max(result.epochs for result in own),
    )


def answering_members(
    population: Population,
    heads: Sequence[Head],
    results: Sequence[MemberResult],
    best_setting: int,
) -> set[int]:
    """The numbers of the members that answer: of the best setting, or of all, or the best one."""
    finite = [result for result in results if np.isfinite(result.value)]
    own = [result for result in finite if result.member.setting == best_setting] or finite
    kinds = [HEAD_KINDS[head.kind] for head in heads]
    is_alone = not all(kind.averages or kind.together for kind in kinds)
    if population.keep == "refit" and is_alone:  # each fold is judged by one net
        best_of_fold: dict[int, int] = {}
        for result in sorted(own, key=lambda result: -result.value):
            best_of_fold[result.member.fold] = result.member.number
        return set(best_of_fold.values())
    if population.keep == "best" or is_alone:
        return {min(own, key=lambda result: result.value).member.number}
    answering = finite if population.keep == "all" else own
    return {result.member.number for result in answering}


def spread(scores: Sequence[Scores]) -> dict[str, dict[str, float]]:
    """{metric: {"mean", "deviation", "standard_error", "low", "high"}} over nets; {} of one net.

    Low and high hold the mean of many such nets with 95 % confidence by Student's t, if the nets
    are independent; neither is beyond what the metric can be.
    """
    if len(scores) < 2:
        return {}
    found = {}
    for name in scores[0]:
        found[name] = _spread_of(np.array([own[name] for own in scores]), *limits(name))
    return found


def _spread_of(value_k: np.ndarray, least: float, greatest: float) -> dict[str, float]:
    from scipy.special import stdtrit  # the quantile of Student's t

    mean = value_k.mean()
    deviation = value_k.std(ddof=1)
    error = deviation / np.sqrt(len(value_k))
    half = error * stdtrit(len(value_k) - 1, 0.975)
    return {
        "mean": float(mean),
        "deviation": float(deviation),
        "standard_error": float(error),
        "low": float(np.maximum(mean - half, least)),
        "high": float(np.minimum(mean + half, greatest)),
    }
