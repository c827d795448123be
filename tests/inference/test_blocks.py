"""train.inference.blocks: rows in blocks of one size, and together again."""

from __future__ import annotations

import numpy as np
import pytest

from train.inference.blocks import in_blocks, join_blocks, pad_rows


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 8, 9])
@pytest.mark.parametrize("axis", [0, 1])
def test_blocks_of_any_number_of_rows_come_back_in_order(n, axis):
    inputs = {"x": np.arange(2 * n).reshape(n, 2), "y": np.arange(n) + 0.5}
    sizes = []

    def predict_block(block):
        sizes.append({len(array) for array in block.values()})
        total = block["x"].sum(1) + block["y"]
        return {"total": total if axis == 0 else np.stack([total, -total])}

    found = in_blocks(predict_block, inputs, 4, axis)["total"]
    wanted = inputs["x"].sum(1) + inputs["y"]
    np.testing.assert_array_equal(found, wanted if axis == 0 else np.stack([wanted, -wanted]))
    assert sizes == [{4}] * max(1, -(-n // 4))


def test_padding_keeps_the_type_and_what_is_whole():
    array = np.ones((2, 3), np.int32)
    assert pad_rows(array, 2) is array
    padded = pad_rows(array, 5)
    assert padded.dtype == np.int32 and padded.sum() == 6 and padded.shape == (5, 3)


def test_joined_blocks_are_cut_to_the_rows_there_are():
    blocks = [{"a": np.array([1, 2])}, {"a": np.array([3, 0])}]
    assert join_blocks(blocks, 3)["a"].tolist() == [1, 2, 3]
