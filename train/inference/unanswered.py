"""Rows whose answer is no finite number, which is said: what they hold is beyond float32."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from train.core.tasks import HEAD_KINDS
from train.data.dataset import Encoder


def tell_unanswered(
    tell: Callable[[str], object],
    encoder: Encoder,
    predictions: Mapping[str, np.ndarray],
    where: str,
) -> None:
    """Tells a line of each head that some rows, or series, have no finite answer of."""
    for head in encoder.heads:
        if HEAD_KINDS[head.kind].every_step:
            continue
        answer = predictions[head.name]
        is_finite_n = np.isfinite(answer).all(tuple(range(1, answer.ndim)))
        rows = np.flatnonzero(~is_finite_n)
        if len(rows):
            counted = f"{len(rows):,} of {len(answer):,} answers to {head.columns[0]!r}"
            tell(
                f"{where}: {counted} are no numbers, first that of row {rows[0] + 1}: "
                "what it reads is too far from the training rows; correct it"
            )
