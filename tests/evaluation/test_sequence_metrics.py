"""Metrics of sequences: entities against conlleval.pl, next steps against plain loops.

Of conlleval.pl it is a transcription; of next steps, likelihoods and errors.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.evaluation.metrics.sequences import (
    find_entities,
    next_binary_metrics,
    next_number_metrics,
    tag_metrics,
)
from train.evaluation.score import score_heads

TAGS = ("O", "B-a", "I-a", "B-b", "I-b", "E-a", "S-b")
# conlleval.pl (Tjong Kim Sang 2004): the pairs of prefixes between which an entity ends, and
# begins.
ENDS = {"BB", "BO", "IB", "IO", "EE", "EI", "EO"}
STARTS = {"BB", "IB", "OB", "EB", "EE", "EI", "OE", "OI"}
# Its later transcriptions for IOBES: a single one is always whole, and whatever is open ends before
# B, S and O.
ENDS |= {"BS", "IS", "SB", "SI", "SE", "SO", "SS", "EB", "ES"}
STARTS |= {"BS", "IS", "OS", "ES", "SS", "SB", "SE", "SI"}


def conlleval(answers: list[list[str]], targets: list[list[str]]) -> float:
    """The f1 of conlleval.pl: one pass over all steps, with an entity open on either side.

    An O stands between sentences.
    """
    correct = found = true = 0
    inside = False
    last_answer = "O"
    last_target = "O"
    for answer_t, target_t in zip(answers, targets, strict=True):
        for answer, target in zip([*answer_t, "O"], [*target_t, "O"], strict=True):
            ended = [
                ends(last, now) for last, now in ((last_answer, answer), (last_target, target))
            ]
            begun = [
                starts(last, now) for last, now in ((last_answer, answer), (last_target, target))
            ]
            if inside:
                if all(ended) and last_answer[2:] == last_target[2:]:
                    inside = False
                    correct = correct + 1
                elif any(ended) or answer[2:] != target[2:]:
                    inside = False
            if all(begun) and answer[2:] == target[2:]:
                inside = True
            found = found + begun[0]
            true = true + begun[1]
            last_answer = answer
            last_target = target
    return 2 * correct / (found + true) if found + true else 0.0


def ends(before: str, tag: str) -> bool:
    return before[0] + tag[0] in ENDS or (before[0] != "O" and before[2:] != tag[2:])


def starts(before: str, tag: str) -> bool:
    return before[0] + tag[0] in STARTS or (tag[0] != "O" and before[2:] != tag[2:])


def strict(answers: list[list[str]], targets: list[list[str]]) -> float:
    """f1 of whole entities alone, S or B I* E of one kind, by regular expressions."""
    found = []
    for rows in (answers, targets):
        entities = set()
        for row, tags in enumerate(rows):
            for kind in "ab":
                letters = "".join(tag[0] if tag[2:] == kind else "." for tag in tags)
                for match in re.finditer("S|BI*E", letters):
                    entities.add((row, kind, *match.span()))
        found.append(entities)
    total = len(found[0]) + len(found[1])
    return 2 * len(found[0] & found[1]) / total if total else 0.0


pairs = st.lists(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=8), min_size=1, max_size=5
)


@given(pairs)
def test_f1_is_that_of_conlleval(rows):
    if not any(rows):
        return
    width = max(len(row) for row in rows)
    answer, target = (np.full((len(rows), width), -1) for _ in range(2))
    for i, row in enumerate(rows):
        for t, pair in enumerate(row):
            answer[i, t], target[i, t] = pair
    names = [[[TAGS[pair[side]] for pair in row] for row in rows] for side in (0, 1)]
    scores = tag_metrics(answer, target, TAGS)
    assert scores["f1"] == pytest.approx(conlleval(*names), abs=1e-12)
    assert scores["strict_f1"] == pytest.approx(strict(*names), abs=1e-12)
    flat = [a == b for row in rows for a, b in row]
    assert scores["token_accuracy"] == pytest.approx(np.mean(flat))


def test_entities_by_hand():
    assert list(find_entities(["B-a", "I-a", "O", "I-b", "B-b", "I-a"])) == [
        (0, 1, "a"), (3, 3, "b"), (4, 4, "b"), (5, 5, "a"),
    ]  # fmt: skip
    assert list(find_entities([])) == []


def test_one_wrong_end_costs_both_entities():
    tags = ("B-a", "I-a", "O")
    scores = tag_metrics([[0, 1, 2, 0]], [[0, 1, 1, 0]], tags)
    assert scores["f1"] == pytest.approx(0.5)  # of two found and two true one is right
    assert scores["token_accuracy"] == 0.75


def test_a_tag_never_seen_is_an_entity_missed():
    tags = ("B-a", "O")
    scores = tag_metrics([[0, 1, -1]], [[0, 2, -1]], tags)  # 2: B-(unseen)
    assert scores["f1"] == pytest.approx(2 / 3)
    assert scores["token_accuracy"] == 0.5


def test_rows_of_weight_0_and_no_rows():
    tags = ("B-a", "O")
    scores = tag_metrics([[0], [0]], [[0], [1]], tags, [1, 0])
    assert scores["f1"] == 1
    assert scores["token_accuracy"] == 1
    assert all(np.isnan(v) for v in tag_metrics([[0]], [[0]], tags, [0]).values())


def test_tags_that_are_no_entities_have_no_f1():
    scores = tag_metrics([[0, 1]], [[0, 0]], ("NOUN", "VERB"))
    assert scores["token_accuracy"] == 0.5
    assert "f1" not in scores


def test_nll_is_summed_over_channels_and_averaged_over_steps():
    probability = np.array([[[0.5, 0.25], [0.9, 0.1], [0.3, 0.3]]], np.float32)
    target = np.array([[[1, 0], [0, 0], [np.nan, np.nan]]])
    expected = -(np.log(0.5) + np.log(0.75) + np.log(0.1) + np.log(0.9)) / 2
    assert next_binary_metrics(probability, target)["nll"] == pytest.approx(expected, rel=1e-6)
    assert np.isfinite(
        next_binary_metrics(np.ones((1, 1, 1), np.float32), np.zeros((1, 1, 1)))["nll"]
    )


def test_next_numbers_are_judged_in_raw_units():
    target = np.array([[[0.0, 1.0], [2.0, 3.0], [np.nan, np.nan]]])
    answer = np.array([[[1.0, 1.0], [2.0, 2.0], [7.0, 7.0]]])
    scores = next_number_metrics(answer, target, [10.0, 1.0])
    residual = np.array([10.0, 0.0, 0.0, -1.0])
    assert scores["mse"] == pytest.approx((residual**2).mean())
    assert scores["mae"] == pytest.approx(np.abs(residual).mean())
    spread = 2 * 10.0**2 + 2 * 1.0**2
    assert scores["r2"] == pytest.approx(1 - (residual**2).sum() / spread)


def test_next_numbers_that_stay_have_no_spread_and_those_missing_do_not_count():
    target = np.array([[[0.1, np.nan], [0.1, 3.0], [0.1, 3.0]]])
    exact = next_number_metrics(np.nan_to_num(target), target, [2.0, 5.0])
    assert exact == {"rmse": 0, "mse": 0, "mae": 0, "r2": 1}
    off = next_number_metrics(np.add(np.nan_to_num(target), [0, 1]), target, [2.0, 5.0])
    assert off["r2"] == 0 and off["mse"] == pytest.approx(2 * 25 / 5)
    nothing = next_number_metrics(target, target * np.nan, [1.0, 1.0])
    assert nothing.keys() == off.keys() and np.isnan(list(nothing.values())).all()


@pytest.mark.parametrize(
    ("tags", "same"),
    [("B-x I-x L-x U-x O", "B-x I-x E-x S-x O"), ("B M E S O", "B- I- E- S- O")],
)
def test_every_scheme_has_the_f1_of_iobes(tags, same):
    random = np.random.default_rng(0)
    answer, target = random.integers(0, 5, (2, 30, 9))
    assert tag_metrics(answer, target, tags.split()) == tag_metrics(answer, target, same.split())


def test_bare_kinds_are_entities_as_long_as_they_go_on():
    tags = ("LOC", "O", "PER")
    scores = tag_metrics([[0, 0, 1, 2, 2]], [[0, 0, 2, 2, 2]], tags)
    assert scores["f1"] == pytest.approx(0.5)
    assert "strict_f1" not in scores


def test_several_targets_bear_their_names():
    from train.data.dataset import Head

    heads = [
        Head("y", "binary", ("y",), ("a", "b"), 1),
        Head("tags", "tags", ("tags",), ("B-a", "O"), 2),
    ]
    answers = {"y": [0.9], "tags": [[0]]}
    targets = {"y": [1], "tags": [[0]]}
    scores = score_heads(heads, answers, targets)
    assert scores["y.accuracy"] == scores["tags.f1"] == scores["tags.token_accuracy"] == 1
