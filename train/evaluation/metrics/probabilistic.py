"""What quantiles and densities of numbers are worth: the scores of a whole split, in raw units.

Pinball loss (Koenker & Bassett 1978), CRPS, interval score (Gneiting & Raftery 2007), and the mean
weighted quantile loss of the M5 competition. n rows, o outputs, q quantiles.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from train.data.dataset import Encoder, Head
from train.evaluation.densities import Quantiles, Spread, pinball, spread_of
from train.evaluation.metrics.means import AllMeans, Means
from train.evaluation.metrics.numbers import interval_means, interval_of
from train.evaluation.spread import by_target, has_several_targets

Array = np.ndarray
SCORES = "spread"  # the means of scores,
ENDS = "spread interval"  # and of the interval that a spread has
OWN_LEVEL = 0.9  # of the interval that a density is judged by


def probabilistic_metrics(
    encoder: Encoder,
    predictions: Mapping[str, Array],
    targets: Mapping[str, Array],
    weight: Array | None,
    levels: tuple[float, ...],
) -> dict[str, float]:
    """The scores of each target of numbers that is answered with a spread; {} where none is.

    crps, pinball (the mean over levels), mean_weighted_quantile_loss (in units of the mean absolute
    target), coverage, width and interval_score of the net's own interval (from its lowest quantile
    to its highest, or the middle 90 % of its density), and of densities nll. Named as `score_heads`
    does; a target that is nan counts for nothing.
    """
    means = spread_means(encoder, predictions, targets, weight, levels)
    return spread_metrics_of(encoder, means, levels)


def spread_means(
    encoder: Encoder,
    predictions: Mapping[str, Array],
    targets: Mapping[str, Array],
    weight: Array | None,
    levels: tuple[float, ...],
) -> AllMeans:
    """What `spread_metrics_of` tells the scores by, of each target that has a spread."""
    found: dict[tuple[str, str], Means] = {}
    for head in encoder.heads:
        if head.kind != "regression":
            continue
        spread = spread_of(encoder, head, predictions, levels)
        if spread is None:
            continue
        target_no = encoder.to_units(targets)[head.name]
        weight_n = np.ones(len(target_no)) if weight is None else np.asarray(weight, np.float64)
        weight_m = np.repeat(weight_n, target_no.shape[1] // len(head.columns))
        for column, values in _by_column(head, spread, target_no, levels).items():
            found[SCORES, column] = _means(values, weight_m)
            ends = interval_means(values["low"], values["high"], values["target"], weight_m)
            found[ENDS, column] = ends
    return found


def spread_metrics_of(
    encoder: Encoder, means: AllMeans, levels: tuple[float, ...]
) -> dict[str, float]:
    """The scores of `probabilistic_metrics`."""
    several = has_several_targets(encoder)
    found = {}
    for (kind, column), scores in means.items():
        if kind != SCORES:
            continue
        own = {name: value for name, value in scores.values.items() if name != "size"}
        level = OWN_LEVEL if "nll" in own else levels[-1] - levels[0]
        size = scores.values["size"]
        own["mean_weighted_quantile_loss"] = 2 * own["pinball"] / size if size else float("nan")
        own |= interval_of(means[ENDS, column], level=level)
        for name, value in own.items():
            found[f"{column}.{name}" if several else name] = value
    return found


def own_ends(spread: Spread, levels: tuple[float, ...]) -> tuple[Array, Array, float]:
    """The ends [n, o] of a net's own interval, and its level."""
    if isinstance(spread, Quantiles):
        return spread.values[..., 0], spread.values[..., -1], levels[-1] - levels[0]
    shape = np.shape(spread.mean)
    low, high = ((1 - OWN_LEVEL) / 2, (1 + OWN_LEVEL) / 2)
    return spread.quantile(np.full(shape, low)), spread.quantile(np.full(shape, high)), OWN_LEVEL


def _by_column(
    head: Head, spread: Spread, target_no: Array, levels: tuple[float, ...]
) -> dict[str, dict[str, Array]]:
    """{column: {what: [m]}} of each number that is answered, as they stand."""
    safe_no = np.where(np.isnan(target_no), 0.0, target_no)
    low_no, high_no, _ = own_ends(spread, levels)
    of_all = {"target": target_no, "low": low_no, "high": high_no, "crps": spread.crps(safe_no)}
    if not isinstance(spread, Quantiles):
        of_all["nll"] = spread.nll(safe_no)
    loss_no = np.zeros_like(target_no)
    for level in levels:
        at_no = spread.quantile(np.full(target_no.shape, level))
        loss_no += pinball(at_no[..., None], safe_no, np.array([level]))[..., 0]
    of_all["pinball"] = loss_no / len(levels)
    found: dict[str, dict[str, Array]] = {column: {} for column in head.columns}
    for name, values_no in of_all.items():
        for column, values in by_target(head, values_no).items():
            found[column][name] = values
    return found


def _means(values: Mapping[str, Array], weight_m: Array) -> Means:
    """The means over rows of a known target and of weight, and the `size` of the target."""
    target = values["target"]
    counts = ~np.isnan(target) & (weight_m > 0)
    found = {}
    for name in ("crps", "pinball", "nll"):
        if name in values:
            found[name] = _mean(values[name][counts], weight_m[counts])
    found["size"] = _mean(np.abs(target[counts]), weight_m[counts])
    return Means(int(counts.sum()), float(weight_m[counts].sum()), found)


def _mean(values: Array, weight: Array) -> float:
    return float(np.average(values, weights=weight)) if len(values) else float("nan")
