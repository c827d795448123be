"""Rows taken some at a time come to what they are together."""

from __future__ import annotations

import numpy as np
import pytest

from train.config import LSTM, Config, Series
from train.data import blocks
from train.data.blocks import take_in_blocks, take_without_inputs
from train.data.load import load_dataset

SERIES = Series(path="builtin:mackey_glass", target="x", lookback=16, horizon=4, rows=300)


def test_blocks_are_as_many_rows_as_do_not_weigh_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = load_dataset(Config(data=SERIES, net=LSTM()))
    rows = dataset.splits["train"]
    whole = dataset.take(dataset.arrays, rows)
    assert [len(batch.weight) for batch in take_in_blocks(dataset, rows)] == [len(rows)]
    monkeypatch.setattr(blocks, "MIN_ROWS", 8)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 40 * 16 * 4)  # of 40 windows, which 32 stay below
    found = list(take_in_blocks(dataset, rows))
    assert {len(batch.weight) for batch in found[:-1]} == {32}
    with monkeypatch.context() as least:
        least.setattr(blocks, "BLOCK_BYTES", 1)
        assert len(next(take_in_blocks(dataset, rows)).weight) == 8
    past = np.concatenate([batch.inputs["past"] for batch in found])
    assert (past == whole.inputs["past"]).all()
    alone = take_without_inputs(dataset, rows)
    assert not alone.inputs and (alone.weight == whole.weight).all()
    assert (alone.target["value"] == whole.target["value"]).all()
    assert take_without_inputs(dataset, rows[:0]).target["value"].shape == (0, 4)
