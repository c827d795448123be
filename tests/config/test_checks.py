"""What fields of a config contradict: each contradiction is named, its neighbour is let pass."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from train import config as configs
from train.config import LSTM, Config, Sequences, Series, Table, Train
from train.errors import UserError

GOOD = Config(data=Table(path="rows.csv", target="y"))


def changed(config: Config = GOOD, **groups: dict[str, Any]) -> Config:
    """The config with fields of its groups set, whatever their types."""
    config = configs.override(config, {})
    for name, new in groups.items():
        for field, value in new.items():
            setattr(getattr(config, name), field, value)
    return config


SERIES = dataclasses.replace(GOOD, data=Series("hours.csv", target="y", time="t"), net=LSTM())
SEQUENCES = dataclasses.replace(
    GOOD, data=Sequences("words.jsonl", inputs="tokens", target="tags"), net=LSTM()
)
NEXT = dataclasses.replace(
    GOOD, data=Sequences("words.jsonl", inputs="x", next_step=True), net=LSTM()
)


def asking(loss: Any, quantiles: tuple[float, ...]) -> Config:
    return dataclasses.replace(GOOD, loss=loss, quantiles=quantiles)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            changed(net={"hidden": [64, 64]}),
            r"config\.net\.hidden: expected integers .*; write \(64, 64\)",
        ),
        (changed(net={"hidden": (64, True)}), r"config\.net\.hidden: expected integers"),
        (
            changed(net={"dropout": math.nan}),
            r"config\.net\.dropout: expected a number, .*, got nan",
        ),
        (
            changed(net={"hiden": (3,)}),
            r"config\.net\.hiden: no such field; did you mean config\.net\.hidden\?",
        ),
        (
            changed(optim={"epochs": 3}),
            r"config\.optim\.epochs: no such field; did you mean config\.train\.epochs\?",
        ),
        (changed(optim={"nesterov": 1}), r"config\.optim\.nesterov: expected true or false, got 1"),
        (changed(train={"epochs": 1.0}), r"config\.train\.epochs: expected an integer"),
        (changed(data={"path": ""}), r"config\.data\.path: no data"),
        (changed(data={"target": ()}), r"config\.data\.target: no target"),
        (changed(data={"target": ("y", "y")}), r"config\.data\.target: 'y' is named twice"),
        (
            changed(data={"features": ("a", "y")}),
            r"config\.data\.features: 'y' is in config\.data\.target too",
        ),
        (
            changed(data={"ignore": ("y",)}),
            r"config\.data\.ignore: 'y' is in config\.data\.target too",
        ),
        (
            changed(data={"categorical": ("a",), "numeric": ("a",)}),
            r"config\.data\.numeric: 'a' is in config\.data\.c",
        ),
        (
            changed(data={"valid": 1.0}),
            r"config\.data\.valid: 1\.0 is no fraction below 1; .* write 1$",
        ),
        (changed(data={"valid": 0.5, "test": 0.5}), r"0\.5 \+ 0\.5 leaves no rows to train on"),
        (
            changed(data={"valid": "auto", "test": 0.9}),
            r"0\.15 \+ 0\.9 leaves no rows to train on",
        ),
        (
            changed(data={"split": "group"}),
            r"config\.data\.group: config\.data\.split=group needs a column",
        ),
        (
            changed(data={"group": "id"}),
            r"config\.data\.group: not used by config\.data\.split=random",
        ),
        (
            changed(optim={"name": "adam", "momentum": 0.9}),
            r"config\.optim\.momentum: sgd and rmsprop have it",
        ),
        (
            changed(optim={"name": "sgd", "nesterov": True}),
            r"config\.optim\.nesterov: needs config\.optim\.momentum",
        ),
        (
            changed(optim={"schedule": "exponential"}),
            r"config\.optim\.final: .* never comes to 0; set .* such as 0\.01",
        ),
        (
            changed(optim={"schedule": "one_cycle", "warmup": 0.1}),
            r"config\.optim\.warmup: config\.optim\.schedule=one_cycle rises on its own",
        ),
        (changed(optim={"warmup": 2.0}), r"config\.optim\.warmup: 2\.0 is no fraction"),
        (changed(optim={"warmup": 1.0}), r"config\.optim\.warmup: 1\.0 is no fraction"),
        (
            changed(optim={"l1": 0.1, "l1_step": "proximal", "ema": 0.9}),
            r"config\.optim\.ema: an average keeps none of the exact zeros",
        ),
        (
            changed(optim={"rates": {"biass": 0.1}}),
            r"config\.optim\.rates: no parameter of a Dense is named 'biass'; did you mean bias\?",
        ),
        (
            changed(data={"valid": 0}, train={"patience": 3}),
            r"config\.train\.patience: .* needs validation rows",
        ),
        (
            changed(data={"valid": 0}, optim={"schedule": "plateau"}),
            r"config\.optim\.schedule: plateau needs valid",
        ),
        (dataclasses.replace(GOOD, net=LSTM()), r"config\.net: an LSTM reads config\.data=Series"),
        (
            changed(SERIES, data={"known": ("y",)}),
            r"config\.data\.known: 'y' is in config\.data\.target too",
        ),
        (
            changed(SERIES, data={"group": "t"}),
            r"config\.data\.group: 't' is in config\.data\.time too",
        ),
        (
            changed(SERIES, data={"valid": 0.5, "test": 0.5}),
            r"0\.5 \+ 0\.5 leaves no rows to train on",
        ),
        (changed(SERIES, data={"valid": 0}, train={"patience": 3}), r"config\.train\.patience"),
        (changed(SEQUENCES, data={"inputs": ()}), r"config\.data\.inputs: no inputs"),
        (changed(SEQUENCES, data={"target": ()}), r"config\.data\.target: no target"),
        (
            changed(SEQUENCES, data={"next_step": True}),
            r"config\.data\.target: not used by config\.data\.next_step",
        ),
        (
            changed(SEQUENCES, data={"id": "doc"}),
            r"config\.data\.order: a file with a row per step needs",
        ),
        (dataclasses.replace(GOOD, name="a/b"), r"config\.name: 'a/b'"),
        (
            dataclasses.replace(GOOD, net=Train()),
            r"config\.net: expected train\.config\.Dense or .*, got Train\(",
        ),
        (
            asking("auto", (0.1, 0.5)),
            r"config\.quantiles: not used by config\.loss=auto; set config\.loss=quantile",
        ),
        (asking("quantile", (0.1, 0.1)), r"config\.quantiles: a level stands there twice, got"),
        (asking("quantile", (0.5,)), r"config\.quantiles: expected a level or more beside \.5"),
        (
            changed(GOOD, data={"nonnegative": True, "stream": True, "path": "x.parquet"}),
            r"config\.data\.nonnegative: goes by all training rows",
        ),
        (
            changed(NEXT, data={"nonnegative": True}),
            r"config\.data\.nonnegative: is for targets that are numbers",
        ),
        (
            asking("quantile", (0.5, 1.0)),
            r"config\.quantiles: expected numbers .*, above 0 and below 1, got",
        ),
        (
            dataclasses.replace(SERIES, loss="poisson"),
            r"choose mse, .*, quantile, gaussian, student_t, negative_binomial or zero_inflated$",
        ),
        (
            dataclasses.replace(NEXT, loss="gaussian"),
            r"config\.loss: gaussian is not for config\.data\.next_step=true",
        ),
    ],
)
def test_a_contradiction_is_named(config: Config, message: str):
    with pytest.raises(UserError, match=message):
        configs.validate(config)


# (what agrees, what of it is changed, why that is refused)
NEIGHBOURS = [
    (
        changed(data={"test_path": "t.csv", "valid": 0.7, "test": 0.5}),
        {"data": {"test_path": ""}},
        r"0\.7 \+ 0\.5 leaves no rows",
    ),
    (
        changed(data={"valid": 100, "test": 0.95}),
        {"data": {"valid": 0.1}},
        r"0\.1 \+ 0\.95 leaves no rows",
    ),
    (
        changed(data={"valid": 0, "valid_path": "v.csv"}, train={"patience": 3}),
        {"data": {"valid_path": ""}},
        "early stopping needs validation rows",
    ),
    (
        changed(data={"valid": 0}, train={"patience": 3}, population={"folds": 2}),
        {"population": {"folds": 1}},
        "early stopping needs validation rows",
    ),
    (
        changed(data={"valid": 0}, optim={"schedule": "plateau"}, population={"folds": 2}),
        {"population": {"folds": 1}},
        "plateau needs validation rows",
    ),
    (
        changed(data={"target": ("y", "z"), "categorical": ("y",)}),
        {"data": {"numeric": ("y",)}},
        r"config\.data\.numeric: 'y' is in config\.data\.categorical too",
    ),
    (
        changed(data={"split": "group", "group": "id"}),
        {"data": {"group": None}},
        r"config\.data\.group: config\.data\.split=group needs a column",
    ),
    (
        changed(optim={"name": "sgd", "nesterov": True, "momentum": 0.9}),
        {"optim": {"momentum": 0.0}},
        r"nesterov: needs config\.optim\.momentum",
    ),
    (
        changed(SERIES, data={"observed": None, "known": ("price",), "group": "shop"}),
        {"data": {"observed": ("price",)}},
        r"config\.data\.observed: 'price' is in config\.data\.known too",
    ),
    (
        changed(SEQUENCES, data={"id": "doc", "order": "i", "test_path": "t.jsonl", "test": 0.9}),
        {"data": {"test_path": ""}},
        r"leaves no rows to train on",
    ),
    (
        changed(SEQUENCES, data={"target": (), "next_step": True}),
        {"data": {"next_step": False}},
        r"config\.data\.target: no target",
    ),
    (
        changed(optim={"learning_rate": "auto", "rates": {"bias": 0}}, net={"hidden": ()}),
        {"optim": {"rates": {"bias": -1}}},
        r"config\.optim\.rates",
    ),
]


@pytest.mark.parametrize(("config", "change", "message"), NEIGHBOURS)
def test_what_agrees_is_let_pass_and_its_neighbour_is_not(
    config: Config, change: dict[str, dict[str, Any]], message: str
):
    before = configs.to_json(config)
    configs.validate(config)
    assert configs.to_json(config) == before  # as it was
    with pytest.raises(UserError, match=message):
        configs.validate(changed(config, **change))
