"""Which way is better: the metrics of which a higher value is."""

from __future__ import annotations

HIGHER_IS_BETTER = frozenset(
    {
        "r2",
        "accuracy",
        "auc",
        "f1",
        "macro_f1",
        "token_accuracy",
        "silhouette",
        "adjusted_rand_index",
        "purity",
    }
)  # of every other, lower
