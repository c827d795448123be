"""A result.json from elsewhere: each field that a summary reads is there, or is named."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from train.errors import UserError
from train.report.result_check import checked_result

ONE: dict = {
    "rows": {"train": 3},
    "metrics": {"train": {"rmse": 1.0, "r2": None}},
    "baselines": {"train": {"mean": {"rmse": 2}}},
    "members": 1,
    "n_parameters": 5,
    "steps": 10,
    "epochs": 2,
    "best_step": 10,
    "per_member": [{"seed": 0, "value": 0.5, "metrics": {"rmse": 1.0}}],
    "spread": {},
    "interval": {},
    "seconds": {"total": 1.5},
    "examples_per_second": 10.5,
    "notes": [],
    "versions": {"jax": "1"},
    "config_sha256": "abc",
}


def test_what_a_run_wrote_is_let_pass_with_what_else_is_in_it() -> None:
    assert checked_result({**ONE, "more": [1]}, Path("r")) == {**ONE, "more": [1]}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("metrics", None, "metrics is no object"),
        ("metrics.train", 5, "metrics.train is no object"),
        ("metrics.train.rmse", "x", "metrics.train.rmse is not of its type"),
        ("members", True, "members is no number"),
        ("members", 2, "kept is missing"),
        ("notes", "text", "notes is no list"),
        ("warnings", [1], "warnings[0] is not of its type"),
        ("seconds", ..., "seconds is missing"),
    ],
)
def test_what_it_did_not_is_named(path: str, value: object, said: str) -> None:
    content = copy.deepcopy(ONE)
    *groups, name = path.split(".")
    holder = content
    for group in groups:
        holder = holder[group]
    holder[name] = value
    if value is ...:
        del holder[name]
    with pytest.raises(UserError) as caught:
        checked_result(content, Path("run/result.json"))
    assert str(caught.value) == f"run/result.json: {said}; it is not what a run wrote"


def test_a_population_with_a_net_that_diverged_is_let_pass() -> None:
    diverged = {"member": 1, "seed": 0, "value": None, "metrics": {"rmse": None}}
    several = {
        "members": 2,
        "kept": [0],
        "per_member": [{"member": 0, **ONE["per_member"][0]}, diverged],
        "settings": [{"values": {}, "value": None, "deviation": None, "epochs": 2}],
        "spread": {"rmse": {"mean": None}},
    }
    assert checked_result(ONE | several, Path("r")) == ONE | several


@pytest.mark.parametrize("content", [None, [], 5, "text", {}])
def test_what_is_no_result_at_all_is_a_line(content: object) -> None:
    with pytest.raises(UserError, match="it is not what a run wrote"):
        checked_result(content, Path("result.json"))
