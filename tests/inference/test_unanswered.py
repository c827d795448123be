"""Rows without a finite answer, told of over all parts of a file."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from train.data.dataset import Head
from train.inference.unanswered import Unanswered


def test_rows_are_counted_over_all_parts() -> None:
    encoder: Any = SimpleNamespace(heads=(Head("value", "regression", ("load",), (), 2),))
    unanswered = Unanswered(encoder)
    for bad_rows in ([], [1], [0, 3]):
        answers = np.zeros((4, 2))
        answers[bad_rows, 1] = np.inf
        unanswered.add({"value": answers})
    (line,) = unanswered.lines("file")
    assert line.startswith("file: 3 of 12 answers to 'load' are no numbers, first that of row 6:")
    assert Unanswered(encoder).lines("file") == []
