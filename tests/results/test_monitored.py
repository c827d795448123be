"""What is called best is best by the measure that is named, and who loses to a line says so."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from train.config import Config, Table, Train
from train.config.members import Member
from train.data.dataset import Head
from train.report.learning import learning_curve
from train.report.monitor import mark_in_words, weights_in_words
from train.results.against_baselines import losing_lines, metric_that_counts
from train.results.monitored import Monitored
from train.results.records import Facts, MemberResult
from train.results.summary import summary

LOSSES = (0.5, 0.4, 0.6, 0.75)  # of steps 10 to 40
ERRORS = (0.3, 0.25, 0.2, 0.22)
RESTORED = {
    ("last", "error"): 40,
    ("best", "error"): 30,
    ("best", "loss"): 20,
    ("last", "loss"): 40,
}


def history():
    lines = []
    for i, (loss, error) in enumerate(zip(LOSSES, ERRORS, strict=True), 1):
        at = {"step": 10 * i, "epoch": i, "member": 0}
        lines.append({**at, "split": "train", "loss": 1 / i})
        lines.append({**at, "split": "valid", "loss": loss, "error": error, "accuracy": 1 - error})
    return lines


def monitored(restore, monitor, *, has_valid=True) -> Any:
    config = Config(train=Train(restore=restore, monitor=monitor))
    return Monitored.of(config, history(), has_valid=has_valid)


def facts_of(step):
    net = MemberResult(Member(0, 0, 0, 0, {}), 0.2, step, 4, False, 10, {})
    return Facts(5, 40, 4, step, 40, (net,), {})


@pytest.mark.parametrize(
    ("restore", "monitor", "best", "words", "options"),
    [
        ("best", "loss", 20, "weights of step 20 of 40, where validation loss was lowest", ""),
        (
            "best",
            "error",
            30,
            "weights of step 30 of 40, where validation error was lowest",
            "monitor=loss",
        ),
        (
            "last",
            "loss",
            20,
            "the last weights, of step 40; validation loss was lowest at step 20",
            "restore=best",
        ),
        (
            "last",
            "error",
            30,
            "the last weights, of step 40; validation error was lowest at step 30",
            "restore=best monitor=loss",
        ),
    ],
)
def test_best_is_best_by_the_named_measure(restore, monitor, best, words, options):
    by = monitored(restore, monitor)
    step = RESTORED[restore, monitor]
    facts = by.name_best(facts_of(step))
    result = facts.to_json() | {"monitor": by.monitor}
    assert (result["best_step"], result["weights_step"]) == (best, step)
    assert facts.to_json()["per_member"][0]["best_step"] == best
    assert weights_in_words(result) == words
    assert "best" not in words or restore == "best"
    mark = mark_in_words(by.monitor)
    assert mark == ("last" if restore == "last" else f"best by {monitor}")
    expected = [f"--config.train.{option}" for option in options.split()]
    assert by.options_to_try(facts.answering_nets()) == expected


def test_weights_of_no_step_are_those_of_the_linear_map_or_of_the_mean():
    by = monitored("best", "loss")
    result = by.name_best(facts_of(0)).to_json() | {"monitor": by.monitor}
    words = weights_in_words(result)
    assert words == "the mean alone: no step of 40 had a lower validation loss"
    words = weights_in_words(result | {"horizon": {}})
    assert words == "the linear map alone: no step of 40 had a lower validation loss"
    (net,) = result["per_member"]
    result["per_member"] = [net, net, net | {"weights_step": 20}]
    words = weights_in_words(result)
    assert words == "the mean alone in 2 of 3 nets: no step of 40 had a lower validation loss"


def test_the_last_weights_may_be_the_best_and_of_equal_ones_the_latest_are():
    by = monitored("last", "loss")
    by = Monitored(by.monitor, by.history[:4])
    facts = by.name_best(facts_of(20))
    result: Any = facts.to_json() | {"monitor": by.monitor}
    words = weights_in_words(result)
    assert words == "the last weights, of step 20; validation loss was lowest then"
    assert by.options_to_try(facts.answering_nets()) == []
    again = [line | {"step": 10 * line["step"]} for line in by.history]
    assert Monitored(by.monitor, [*by.history, *again]).lowest_steps("loss") == {0: 200}


def test_of_several_nets_the_best_one_says_what_is_best():
    by = monitored("last", "loss")
    history = [*by.history, *(line | {"member": 1} for line in by.history[2:4])]
    nets = [
        MemberResult(Member(number, number, 0, 0, {}), value, 40, 4, False, 10, {})
        for number, value in ((0, np.nan), (1, 0.3))
    ]
    history = [line | {"step": 5} if line["member"] else line for line in history]
    facts = Monitored(by.monitor, history).name_best(
        dataclasses.replace(facts_of(40), per_member=tuple(nets))
    )
    assert [net.best_step for net in facts.per_member] == [20, 5]
    assert facts.best_step == 5


def test_without_validation_rows_the_last_weights_answer_and_nothing_is_to_be_tried():
    by = monitored("best", "error", has_valid=False)
    facts = by.name_best(facts_of(40))
    result = facts.to_json() | {"monitor": by.monitor}
    assert weights_in_words(result) == "the last weights, of step 40"
    assert by.options_to_try(facts.answering_nets()) == []


def test_a_result_of_an_earlier_version_says_what_it_knows():
    earlier: Any = {"best_step": 3, "steps": 21}
    assert weights_in_words(earlier) == "weights of step 3 of 21"


@pytest.mark.parametrize(
    ("values", "higher", "words"),
    [
        (LOSSES, False, "lowest: 2"),
        (ERRORS[::-1], True, "highest: 4"),
        ((0.5, 0.4, 0.4, 0.6), False, "lowest: 3"),  # of equal ones the latest
    ],
)
def test_a_curve_is_marked_at_its_own_best(values, higher, words):
    epochs = np.arange(1, 5)
    curves = {"train": (epochs, 10.0 - epochs), "valid": (epochs, np.array(values))}
    drawn = learning_curve("rmse", "by epoch", curves, (4, "last: 4"), higher=higher)
    assert f'<i class="dot blue"></i>{words}<' in drawn
    assert '<i class="line grey"></i>last: 4<' in drawn


def against_line(heads, net, linear, options):
    return losing_lines(heads, net, {"linear": linear}, options)


def test_a_net_that_loses_to_a_line_says_so_and_what_to_try():
    head = Head("y", "binary", ("y",), ("a", "b"), 1)
    price = Head("v", "regression", ("low", "high"), (), 2)
    options = ["--config.train.restore=best", "--config.train.monitor=loss"]
    (line,) = against_line([head], {"accuracy": 0.723}, {"accuracy": 0.779}, options)
    assert line == (
        "a linear model does better on the validation rows: accuracy 0.779, this net 0.723; "
        "try --config.train.restore=best --config.train.monitor=loss"
    )
    assert against_line([head], {"accuracy": 0.779}, {"accuracy": 0.779}, options) == []
    trees = {"trees": {"accuracy": 0.72, "auc": 0.9}}
    assert losing_lines([head], {"accuracy": 0.723, "auc": 0.8}, trees, options) == []
    counts = metric_that_counts(Table(metric="auc"))
    (line,) = losing_lines([head], {"accuracy": 0.723, "auc": 0.8}, trees, options, counts)
    assert line == (
        "gradient-boosted trees do better on the validation rows: auc 0.900, this net 0.800"
    )
    load = Head("value", "regression", ("load",), (), 1)
    repeated = {"last": {"rmse": 3.0}, "seasonal": {"rmse": 1.5}}
    (line,) = losing_lines([load], {"rmse": 2.0}, repeated, options)
    assert line == "the last season does better on the validation rows: rmse 1.50, this net 2.00"
    nan = float("nan")
    (line,) = against_line([head], {"accuracy": nan}, {"accuracy": 0.779}, [])
    assert line == "a linear model does better on the validation rows: accuracy 0.779, this net n/a"
    assert against_line([head], {"accuracy": 0.5}, {"accuracy": nan}, []) == []
    assert against_line([head], {"accuracy": nan}, {"accuracy": nan}, []) == []
    own = {"low.rmse": 2.0, "high.rmse": 1.0}
    (line,) = against_line([price], own, {"low.rmse": 1.0, "high.rmse": 3.0}, [])
    assert line == (
        "a linear model does better on the validation rows: low.rmse 1.00, this net 2.00"
    )
    # Digits that show which is the better.
    (line,) = against_line([price], {"low.rmse": 364.41}, {"low.rmse": 364.38}, [])
    assert line.endswith("low.rmse 364.38, this net 364.41")
    (line,) = against_line([price], {"low.rmse": 0.500001}, {"low.rmse": 0.5}, [])
    assert line.endswith("low.rmse 0.500000, this net 0.500001")
    # What float32 rounds, as where a net answers the mean, is no loss.
    assert against_line([price], {"low.rmse": 4.52753467}, {"low.rmse": 4.52753466}, []) == []
    assert against_line([head], {"accuracy": 0.9}, {"accuracy": 0.9 + 1e-9}, []) == []
    result: Any = {
        "rows": {"test": 3},
        "metrics": {"test": {"rmse": 1.0}},
        "baselines": {},
        "members": 1,
        "interval": {},
        "n_parameters": 4,
        "epochs": 1,
        "best_step": 1,
        "steps": 1,
        "examples_per_second": 3.0,
        "seconds": {"total": 1.0, "compile": 0.5, "train": 0.5},
        "warnings": [line],
    }
    assert line in summary(result, Path("run")).splitlines()
