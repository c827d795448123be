"""The metrics of which a higher value is better, of every other a lower one; and their limits."""

from __future__ import annotations

import math

HIGHER_IS_BETTER = frozenset(
    {
        "r2",
        "accuracy",
        "auc",
        "f1",
        "strict_f1",
        "macro_f1",
        "token_accuracy",
        "silhouette",
        "adjusted_rand_index",
        "purity",
    }
)
SHARES = frozenset({"coverage", "calibration_error", "topographic_error"})
UNBOUNDED_BELOW = frozenset({"r2", "nll"})
LOWEST = {"silhouette": -1.0, "adjusted_rand_index": -0.5}


def limits(metric: str) -> tuple[float, float]:
    """The least and the greatest value that a metric, "TARGET.metric" too, can have."""
    name = metric.rpartition(".")[2]
    low = -math.inf if name in UNBOUNDED_BELOW else LOWEST.get(name, 0.0)
    return low, 1.0 if name in HIGHER_IS_BETTER | SHARES else math.inf
