"""Each column of answers has a name of its own."""

from __future__ import annotations

import numpy as np
import pytest

from train.data.answer_names import check_heads, free_names, name_answers
from train.data.dataset import Head
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.errors import UserError
from train.evaluation.predictions import row_table


def classes(name: str, *labels: str) -> tuple[Column, Head]:
    column = Column(name, "category", vocabulary=labels)
    return column, Head(name, "binary", (name,), labels, 1)


def encoder_of(*pairs: tuple[Column, Head]) -> TableEncoder:
    targets, heads = zip(*pairs, strict=True)
    return TableEncoder((), targets, heads)


def test_a_taken_name_gets_the_next_free_number() -> None:
    assert free_names(["a", "a", "a_2", "b"], ["b"]) == ["a", "a_2", "a_2_2", "b_2"]
    names = name_answers(["row", "col"], [])
    assert (names.targets, names.renamed) == (("row_2", "col"), (("row", "row_2"),))
    assert names.notes == ["answers: 'row_2' stands for 'row', a name that is taken"]


def test_no_column_of_answers_is_lost() -> None:
    encoder = encoder_of(classes("a", "b_c", "d"), classes("a_b", "c", "e"))
    answers = {"a": np.array([0.25]), "a_b": np.array([0.125])}
    columns = encoder.decode(answers)
    assert {name: column.tolist() for name, column in columns.items()} == {
        "a": ["b_c"],
        "a_b": ["c"],
        "probability_a_b_c": [0.75],
        "probability_a_d": [0.25],
        "probability_a_b_c_2": [0.875],
        "probability_a_b_e": [0.125],
    }
    assert set(encoder.answer_names.probabilities) == set(columns) - {"a", "a_b"}


def test_targets_and_answers_stand_beside_each_other_whatever_their_names() -> None:
    encoder = encoder_of(classes("row", "n", "y"), classes("target_row", "n", "y"))
    table = row_table(
        encoder,
        np.array([7]),
        {"row": np.array([1]), "target_row": np.array([0])},
        {"row": np.array([0.75]), "target_row": np.array([0.25])},
        (),
    )
    shown = table.to_pydict()
    assert shown["row"] == [7] and shown["row_2"] == ["y"] and shown["target_row"] == ["n"]
    assert shown["target_row_2"] == ["y"] and shown["target_target_row"] == ["n"]


def test_a_target_called_like_a_part_of_another_answer_is_refused() -> None:
    check_heads(["std.deviation", "std2"])
    with pytest.raises(UserError, match=r"'std\.deviation' is what the answers to 'std' are kept"):
        check_heads(["std", "std.deviation"])
