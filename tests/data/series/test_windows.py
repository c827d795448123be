"""What a series that is too short is advised, and that it helps."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from train.config.data_options import Series
from train.data.series.windows import split_windows
from train.errors import UserError


def refusal(n: int, options: Series) -> str:
    """Why so many rows are refused; "" if they are not."""
    try:
        split_windows(np.array([n]), options)
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("n", "lookback", "horizon"), [(40, 96, 6), (40, 24, 6), (40, 36, 3), (300, 400, 30)]
)
def test_the_lookback_that_is_asked_for_leaves_windows_to_train_on(n, lookback, horizon):
    options = Series(lookback=lookback, horizon=horizon)
    (most,) = re.findall(r"at most (\d+)", refusal(n, options))
    assert refusal(n, replace(options, lookback=int(most))) == ""
    assert "for one window" in refusal(n, replace(options, lookback=int(most) + 1))


def test_a_series_whose_training_rows_hold_no_horizon_is_asked_for_no_others():
    options = Series(lookback=24, horizon=7)
    message = refusal(10, options)
    assert message.endswith("at most 3, and for none in config.data.valid and config.data.test")
    assert refusal(10, replace(options, lookback=3, valid=0, test=0)) == ""
