"""train.inference.blocks: rows in blocks of one size, and together again."""

from __future__ import annotations

import numpy as np
import pytest

from train.data.sequences.ragged import ragged
from train.inference.blocks import (
    AHEAD,
    AnswerBlocks,
    SequenceBlocks,
    in_blocks,
    join_blocks,
    pad_rows,
)


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 8, 9])
@pytest.mark.parametrize("axis", [0, 1])
def test_blocks_of_any_number_of_rows_come_back_in_order(n, axis):
    inputs = {"x": np.arange(2 * n).reshape(n, 2), "y": np.arange(n) + 0.5}
    sizes = []

    def predict_block(block):
        sizes.append({len(array) for array in block.values()})
        total = block["x"].sum(1) + block["y"]
        return {"total": total if axis == 0 else np.stack([total, -total])}

    found = in_blocks(AnswerBlocks(predict_block, dict), inputs, 4, axis)["total"]
    wanted = inputs["x"].sum(1) + inputs["y"]
    np.testing.assert_array_equal(found, wanted if axis == 0 else np.stack([wanted, -wanted]))
    assert sizes == [{4}] * max(1, -(-n // 4))


def test_blocks_are_sent_before_the_first_is_waited_for():
    said = []

    def send(block):
        said.append("send")
        return block["x"]

    def fetch(sent):
        said.append("fetch")
        return {"x": sent}

    found = in_blocks(AnswerBlocks(send, fetch), {"x": np.arange(2 * AHEAD)}, 1)["x"]
    assert found.tolist() == list(range(2 * AHEAD))
    assert said[: AHEAD + 2] == [*["send"] * AHEAD, "fetch", "send"] and said.count("fetch") == 16


def test_padding_keeps_the_type_and_what_is_whole():
    array = np.ones((2, 3), np.int32)
    assert pad_rows(array, 2) is array
    padded = pad_rows(array, 5)
    assert padded.dtype == np.int32 and padded.sum() == 6 and padded.shape == (5, 3)


def test_joined_blocks_are_cut_to_the_rows_there_are():
    blocks = [{"a": np.array([1, 2])}, {"a": np.array([3, 0])}]
    assert join_blocks(blocks, 3)["a"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("axis", [0, 1])
def test_sequences_of_like_length_stand_together_and_come_back_in_order(axis):
    lengths = np.array([3, 40, 0, 8, 9, 100, 2])
    x_nt = np.zeros((7, 104), np.int32)
    for row, length in enumerate(lengths):
        x_nt[row, :length] = row + 1
    mask_nt = np.arange(104)[None] < lengths[:, None]
    inputs = {"length": lengths, "x": x_nt, "c": ragged(x_nt[mask_nt], lengths, 104)}
    shapes = set()

    def predict_block(block):
        x_bt = np.asarray(block["x"])
        np.testing.assert_array_equal(x_bt, block["c"])
        shapes.add(x_bt.shape)
        mask = np.arange(x_bt.shape[1])[None] < block["length"][:, None]
        answers = {"sum": x_bt.sum(1), "tags": np.where(mask, x_bt, -1)}
        answers["next"] = np.where(mask[..., None], x_bt[..., None] / 2, np.nan)
        return answers if axis == 0 else {k: np.stack([v, v]) for k, v in answers.items()}

    blocks = SequenceBlocks(8, ("tags", "next"))
    found = blocks.predict(AnswerBlocks(predict_block, dict), inputs, 2, axis)
    found = found if axis == 0 else {name: array[1] for name, array in found.items()}
    np.testing.assert_array_equal(found["sum"], x_nt.sum(1))
    np.testing.assert_array_equal(found["tags"], np.where(mask_nt, x_nt, -1))
    wanted = np.where(mask_nt[..., None], x_nt[..., None] / 2, np.nan)
    np.testing.assert_array_equal(found["next"], wanted)
    assert shapes == {(2, 8), (2, 16), (2, 64), (2, 128)}


def test_long_rows_make_small_blocks():
    sizes = set()

    def predict_block(block):
        sizes.add(block["x"].shape)
        return {"n": block["length"]}

    rows = np.array([1, 70_000])
    inputs = {"length": rows, "x": np.zeros((2, 70_000), np.int8)}
    answer = AnswerBlocks(predict_block, dict)
    assert SequenceBlocks(64, ()).predict(answer, inputs, 256)["n"].tolist() == [1, 70_000]
    assert sizes == {(256, 64), (1, 131_072)}
