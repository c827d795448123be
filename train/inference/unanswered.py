"""Lines on rows whose answer is not finite, as where they hold numbers beyond float32."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from train.core.tasks import HEAD_KINDS
from train.data.dataset import Encoder


class Unanswered:
    """How many rows, or series, have no finite answer of each head; they may come in parts."""

    def __init__(self, encoder: Encoder):
        self._heads = [head for head in encoder.heads if not HEAD_KINDS[head.kind].every_step]
        self._places: dict[str, list[int]] = {head.name: [] for head in self._heads}
        self._n_bad = dict.fromkeys(self._places, 0)
        self._n_rows = 0

    def add(self, predictions: Mapping[str, np.ndarray]) -> None:
        """Counts the answers to further rows."""
        n_rows = 0
        for name, places in self._places.items():
            answer = predictions[name]
            n_rows = len(answer)
            is_finite_n = np.isfinite(answer).all(tuple(range(1, answer.ndim)))
            bad = np.flatnonzero(~is_finite_n)
            places += [self._n_rows + int(place) for place in bad[:1] if not places]
            self._n_bad[name] += len(bad)
        self._n_rows += n_rows

    def lines(self, where: str) -> list[str]:
        """A line for each head that lacks answers."""
        found = []
        for head in self._heads:
            if places := self._places[head.name]:
                counted = f"{self._n_bad[head.name]:,} of {self._n_rows:,} answers"
                found.append(
                    f"{where}: {counted} to {head.columns[0]!r} are no numbers, first that of row "
                    f"{places[0] + 1}: what it reads is too far from the training rows; correct it"
                )
        return found


def tell_unanswered(
    tell: Callable[[str], object],
    encoder: Encoder,
    predictions: Mapping[str, np.ndarray],
    where: str,
) -> None:
    """Tells, in a line for each head, how many rows or series have no finite answer."""
    unanswered = Unanswered(encoder)
    unanswered.add(predictions)
    for line in unanswered.lines(where):
        tell(line)
