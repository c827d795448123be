"""The metrics of which a higher value is better; of every other, a lower one."""

from __future__ import annotations

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
