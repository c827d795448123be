"""Tags: their codes, whether they keep to IOB2, and what may follow what."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from train.data.sequences.schemes import as_iobes
from train.data.sequences.steps import StepText, read_step_text
from train.data.sequences.tags import TagColumn, fit_tags, odd_tags_note, unseen_note, unseen_tags


def text(*rows: list[str]) -> StepText:
    return read_step_text(pa.table({"y": pa.array(rows, pa.list_(pa.string()))}), "y", "data")


def test_tags_are_sorted_and_unseen_ones_stand_apart():
    tags = fit_tags("y", text(["O", "B-a", "I-a"]))
    assert tags.classes == ("B-a", "I-a", "O")
    assert tags.encode(text(["I-a", "B-z", "I-z", "O"])).tolist() == [1, 3, 4, 2]


def test_iob2_is_told_from_other_schemes():
    assert fit_tags("y", text(["B-a", "I-a", "O"], ["B-b", "B-b"])).iob
    assert not fit_tags("y", text(["I-a", "I-a", "O", "I-a"])).iob  # IOB1
    assert not fit_tags("y", text(["NOUN", "VERB"])).iob
    assert not fit_tags("y", text(["B-a", "E-a", "O"])).iob  # IOBES
    assert not fit_tags("y", text(["B-a", "I-b", "O"])).iob
    assert not fit_tags("y", text(["B-a"], ["I-a", "O"])).iob  # a row begins anew


def test_a_few_mistakes_do_not_unmake_a_scheme():
    rows = [["B-a", "I-a"]] * 200
    assert fit_tags("y", text(*rows, ["I-a", "O"])).iob
    assert not fit_tags("y", text(*rows, *[["I-a", "O"]] * 10)).iob


def test_inside_follows_its_own_kind_alone():
    classes = ("B-a", "B-b", "I-a", "I-b", "O")
    rules = TagColumn("y", classes, True).transitions
    start, transition = rules["start"], rules["transition"]
    allowed = transition == 0
    assert (start == 0).tolist() == [True, True, False, False, True]
    assert {(classes[i], "I-a") for i in np.flatnonzero(allowed[:, 2])} == {
        ("B-a", "I-a"),
        ("I-a", "I-a"),
    }
    assert allowed[:, [0, 1, 4]].all()


def test_other_tags_may_follow_freely():
    rules = TagColumn("y", ("I-a", "O"), False).transitions
    assert set(rules) == {"start", "transition"}
    assert not rules["start"].any() and not rules["transition"].any()


@pytest.mark.parametrize(
    ("scheme", "row"),
    [
        ("IOB2", "B-a I-a O B-b B-b"),
        ("IOB1", "I-a I-a O I-a B-a I-b"),
        ("IOBES", "B-a I-a E-a O S-b B-b E-b"),
        ("BILOU", "B-a I-a L-a O U-b B-b L-b"),
        ("BMES", "B M E S S B E"),
        ("BMEWO", "B-a M-a E-a W-a O"),
        ("", "B-a I-b E-a O S-b"),
        ("", "PER PER O LOC"),
        ("", "NOUN VERB"),
    ],
)
def test_the_scheme_is_told_by_letters_and_by_what_follows_what(scheme, row):
    tags = fit_tags("y", text(row.split()))
    assert tags.scheme == scheme
    assert tags.iob == (scheme == "IOB2")
    # What stands in the training rows is never forbidden.
    codes = tags.encode(text(row.split()))
    rules = tags.transitions
    assert rules["start"][codes[0]] == 0 and rules.get("end", np.zeros(9))[codes[-1]] == 0
    assert (rules["transition"][codes[:-1], codes[1:]] == 0).all()
    assert ("end" in rules) == (scheme not in ("", "IOB1", "IOB2"))


def test_what_marks_no_entities():
    assert as_iobes(["NOUN", "VERB"]) is None
    assert as_iobes(["A", "B", "O"]) is None  # groups of blood
    assert as_iobes(["B", "O"]) is None
    assert as_iobes(["0", "1"]) is None
    assert as_iobes(["O", "PER"]) == ["O", "I-PER"]
    assert as_iobes(["B", "I", "O"]) == ["B-", "I-", "O"]
    assert as_iobes(["L-x", "U-x", "B-x", "O"]) == ["E-x", "S-x", "B-x", "O"]


def test_tags_that_no_training_row_has_are_named_and_counted():
    tags = fit_tags("y", text(["O", "B-a", "I-a"]))
    later = [["O", "B-z"], None, ["B-z", "I-z"], ["I-a"]]
    table = pa.table({"y": pa.array(later, pa.list_(pa.string()))})
    assert unseen_tags(table, tags, "f") == {"B-z": 2, "I-z": 1}
    [note] = unseen_note(unseen_tags(table, tags, "f"), tags, "f")
    assert note == (
        "f: 3 steps have a tag in 'y' that no training row has, and count as wrong: "
        "'B-z' (2), 'I-z' (1)"
    )
    assert unseen_note(unseen_tags(table.slice(1, 1), tags, "f"), tags, "f") == []


@pytest.mark.parametrize(
    ("odd", "n_rows", "said"),
    [
        ("X-??", 100, "tags 'y': 'X-??' (1) begin as no tag of entities does, though nearly"),
        ("b-a", 100, "'b-a' (1) begin as no tag"),
        ("X-??", 10, ""),  # one of 21 is not few
        ("O", 100, ""),
        ("I-a", 100, ""),
    ],
)
def test_a_tag_that_unmakes_a_scheme_is_said(odd, n_rows, said):
    rows = pa.array([["B-a", "I-a", "O"]] * n_rows + [[odd]], pa.list_(pa.string()))
    table = pa.table({"y": rows})
    tags = fit_tags("y", read_step_text(table, "y", "f"))
    note = odd_tags_note(tags, table, "f")
    assert said in note and bool(said) == bool(note)
    assert bool(tags.scheme) == (odd in ("O", "I-a"))


def test_words_that_are_no_scheme_say_nothing():
    rows = pa.array([["NOUN", "VERB", "B"]] * 9, pa.list_(pa.string()))
    table = pa.table({"y": rows})
    assert odd_tags_note(fit_tags("y", read_step_text(table, "y", "f")), table, "f") == ""
