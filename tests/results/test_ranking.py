"""Which members of a population answer."""

from __future__ import annotations

import math
from typing import Literal

import pytest

from train.config import Population
from train.config.members import Member
from train.data.dataset import Head
from train.results.ranking import answering_members, rank_settings
from train.results.records import MemberResult

NUMBER = Head("value", "regression", ("y",), (), 1)
CODES = Head("codes", "reconstruction", ("a", "b"), (), 2)
TAGS = Head("tags", "tags", ("tags",), ("a", "b"), 2)


def result(number: int, setting: int, value: float, fold: int = 0) -> MemberResult:
    return MemberResult(Member(number, setting, fold, 7, {}), value, 3, 2, False, 10, {})


RESULTS = [
    result(0, 0, 4.0),
    result(1, 0, math.nan),
    result(2, 1, 2.0, fold=0),
    result(3, 1, 1.5, fold=1),
    result(4, 1, 3.0, fold=1),
    result(5, 1, math.inf, fold=1),
    result(6, 2, 0.5),
    result(7, 2, math.nan),
]


@pytest.mark.parametrize(
    ("keep", "numbers"), [("ensemble", {2, 3, 4}), ("all", {0, 2, 3, 4, 6}), ("best", {3})]
)
def test_members_of_a_finite_value_answer(
    keep: Literal["ensemble", "all", "best"], numbers: set[int]
) -> None:
    assert answering_members(Population(keep=keep), [NUMBER], RESULTS, 1) == numbers


def test_of_answers_that_have_no_mean_the_best_alone_is_kept() -> None:
    assert answering_members(Population(keep="all"), [NUMBER, CODES], RESULTS, 1) == {3}
    refit = Population(keep="refit", folds=2)
    assert answering_members(refit, [CODES], RESULTS, 1) == {2, 3}


def test_tags_are_answered_by_all_nets_together() -> None:
    assert answering_members(Population(), [NUMBER, TAGS], RESULTS, 1) == {2, 3, 4}


def test_where_a_whole_setting_diverged_others_answer() -> None:
    diverged = [result(0, 0, math.nan), result(1, 1, 5.0), result(2, 2, 6.0)]
    assert answering_members(Population(keep="ensemble"), [NUMBER], diverged, 0) == {1, 2}


def test_a_setting_with_a_net_that_diverged_comes_last() -> None:
    assert [setting.setting for setting in rank_settings(RESULTS[:5])] == [1, 0]
    assert rank_settings(RESULTS)[-1].deviation is None
