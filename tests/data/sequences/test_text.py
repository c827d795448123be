"""Vocabularies: counted in training rows, folded, cut; the codes of words and characters."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from train.data.sequences.steps import StepText, read_step_text
from train.data.sequences.text import MAX_CHARACTERS, UNKNOWN, Vocabulary, fit_vocabulary


def text(*rows: list[str | None]) -> StepText:
    return read_step_text(pa.table({"x": pa.array(rows, pa.list_(pa.string()))}), "x", "data")


def test_words_stand_by_how_often_they_occur():
    vocabulary = fit_vocabulary(text(["b", "a", "b"], ["c", "a", "b"]))
    assert vocabulary.words == ("b", "a", "c")
    assert vocabulary.n_words == 5
    assert vocabulary.encode(text(["c", "zzz", None, "b"])).tolist() == [4, UNKNOWN, UNKNOWN, 2]


def test_rare_words_are_unknown():
    vocabulary = fit_vocabulary(text(["b", "a", "b"]), min_count=2)
    assert vocabulary.words == ("b",)
    assert vocabulary.encode(text(["a"])).tolist() == [UNKNOWN]


def test_folding_joins_counts():
    vocabulary = fit_vocabulary(
        text(["Rome", "rome", "x12", "X99"]), min_count=2, fold_case=True, fold_digits=True
    )
    assert vocabulary.words == ("rome", "x00")
    assert vocabulary.encode(text(["ROME", "x77", "x7"])).tolist() == [2, 3, UNKNOWN]
    assert fit_vocabulary(text(["Rome", "rome"])).words == ("Rome", "rome")


def test_characters_are_read_as_written():
    vocabulary = fit_vocabulary(text(["ab", "A"]), fold_case=True, characters=True)
    assert vocabulary.characters == ("A", "a", "b")
    codes = vocabulary.encode_characters(text(["bA?"]))
    assert codes.shape == (1, MAX_CHARACTERS)
    assert codes[0, :4].tolist() == [4, 2, UNKNOWN, 0]
    assert codes.dtype == np.uint8


def test_of_a_long_word_both_ends_are_read():
    vocabulary = fit_vocabulary(text(["".join(map(chr, range(97, 123)))]), characters=True)
    codes = vocabulary.encode_characters(text(["a" * 12 + "q" * 12 + "z" * 12]))[0]
    assert codes.tolist() == [2] * 10 + [27] * 10


def test_without_characters_there_are_none():
    assert fit_vocabulary(text(["a"])).n_characters == 0
    assert Vocabulary(("a",), ("a",)).n_characters == 3
