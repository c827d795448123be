"""Which nets a config asks for, and what is refused before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from train import config as configs
from train.config import Config, Dense, Population, Table
from train.config.members import (
    config_of,
    grid_in_words,
    is_population,
    members_of,
    settings_of,
    with_values,
)
from train.errors import UserError

RATES = {"optim.learning_rate": (1e-3, 1e-2), "net.hidden": ((8,), (4, 4))}


def config(**population) -> Config:
    data = Table(path="builtin:diabetes", target="progression")
    return Config(seed=3, data=data, net=Dense(hidden=(8,)), population=Population(**population))


def test_members_are_settings_times_folds_times_seeds():
    members = members_of(config(seeds=2, folds=3, grid=RATES))
    assert len(members) == 4 * 3 * 2
    assert [member.number for member in members] == list(range(24))
    assert [(m.setting, m.fold, m.seed) for m in members[5:8]] == [(0, 2, 4), (1, 0, 3), (1, 0, 4)]
    assert members[-1].values == {"optim.learning_rate": 1e-2, "net.hidden": (4, 4)}


def test_a_members_config_is_that_of_a_single_net():
    whole = config(seeds=2, grid=RATES)
    own = config_of(whole, members_of(whole)[-1])
    assert (own.seed, own.optim.learning_rate, own.net.hidden) == (4, 1e-2, (4, 4))  # type: ignore[union-attr]
    assert not is_population(own)
    assert is_population(whole)
    assert whole.optim.learning_rate == 1e-3
    assert not is_population(config(seeds=2, member=1))


def test_with_values_replaces_fields_at_any_depth():
    changed = with_values(config(), {"label_smoothing": 0.1, "optim.l2": 0.5})
    assert (changed.label_smoothing, changed.optim.l2) == (0.1, 0.5)


def test_samples_are_drawn_from_ranges_and_values_by_the_seed():
    grid = {
        "optim.learning_rate": (1e-4, 1e-1),
        "optim.l2": (0, 1e-2),
        "train.batch_size": (16, 32),
    }
    found = settings_of(config(grid=grid, samples=400))
    assert found == settings_of(config(grid=grid, samples=400))
    rates = [setting["optim.learning_rate"] for setting in found]
    assert all(1e-4 <= rate <= 1e-1 for rate in rates)
    below = sum(rate < 10**-2.5 for rate in rates) / 400  # the middle of the range on a log scale
    assert 0.42 < below < 0.58
    linear = sum(setting["optim.l2"] < 5e-3 for setting in found) / 400
    assert 0.42 < linear < 0.58
    assert {setting["train.batch_size"] for setting in found} == {16, 32}


def test_a_grid_survives_the_command_line_and_json(tmp_path):
    path = Path(__file__).parents[2] / "configs" / "diabetes.py"
    text = (
        '{"optim.learning_rate": (1e-3, 3e-3), "net.hidden": ((64, 64), (128,)), '
        '"net.activation": ("relu", "tanh")}'
    )
    read = configs.load(path, {"population.grid": text})
    assert read.population.grid["net.hidden"] == ((64, 64), (128,))
    assert read.population.grid["net.activation"] == ("relu", "tanh")
    assert configs.from_json(configs.to_json(read)) == read


@pytest.mark.parametrize(
    ("population", "message"),
    [
        (
            {"grid": {"optim.learning": (1e-3,)}},
            "config.optim.learning: no such field; did you mean",
        ),
        (
            {"grid": {"data.path": ("a.csv",)}},
            "data.path cannot vary within a population: all are judged on the same",
        ),
        (
            {"grid": {"seed": (1, 2)}},
            "seed cannot vary within a population: config.population.seeds varies it",
        ),
        (
            {"grid": {"train.patience": (1, 2)}},
            "train.patience cannot vary .* evaluated, compared and saved together",
        ),
        (
            {"grid": {"loss": ("mse", "mae")}},
            "loss cannot vary within a population: all are compared by it",
        ),
        (
            {"grid": {"population.folds": (2, 3)}},
            "population.folds cannot vary .*: it says which nets there are",
        ),
        ({"grid": {"optim.l2": (0.1, 0.1)}}, "optim.l2 names a value twice"),
        (
            {"grid": {"optim.l2": (0.1, -1.0)}},
            "config.optim.l2: expected a number, at least 0, got -1.0",
        ),
        ({"grid": {"net.activation": ("relu", "rleu")}}, "did you mean relu"),
        ({"grid": {"net.dropout": ()}}, "net.dropout has no values"),
        (
            {"grid": {"optim.momentum": (0.9,), "optim.name": ("adam", "sgd")}},
            "the setting optim.momentum=0.9, optim.name=adam: .*sgd and rmsprop have it",
        ),
        ({"samples": 4}, "needs config.population.grid"),
        (
            {"samples": 5, "grid": {"net.hidden": ((8,), (4,)), "net.norm": ("none", "batch")}},
            "has 4 settings in all",
        ),
        ({"halving": 3}, "config.population.halving: compares settings; name several"),
        (
            {"halving": 3, "grid": {"optim.l2": (0.1,)}},
            "config.population.halving: compares settings; name several",
        ),
        (
            {"halving": 3, "samples": 1, "grid": {"optim.l2": (0.1, 1.0)}},
            "compares settings; name several",
        ),
        (
            {"keep": "all", "grid": {"net.hidden": ((4,), (8,))}},
            "nets that differ in net.hidden cannot be averaged",
        ),
        ({"seeds": 3, "member": 3}, "3 of 3; the last is 2$"),
        ({"seeds": "auto", "member": 1}, "0, unless config.population.seeds says how many"),
        ({"folds": "auto", "member": 1}, "0, unless config.population.folds says how many"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(population, message):
    with pytest.raises(UserError, match=message) as refused:
        configs.validate(config(**population))
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("config.")


def test_samples_of_values_alone_are_never_the_same_twice():
    grid = {"net.hidden": ((8,), (4,), (2,)), "optim.name": ("adam", "sgd")}
    found = settings_of(config(grid=grid, samples=6))
    assert len({repr(sorted(setting.items())) for setting in found}) == 6
    assert {setting["net.hidden"] for setting in found} == {(8,), (4,), (2,)}
    few = settings_of(config(grid=grid, samples=2))
    assert len(few) == 2 and few == settings_of(config(grid=grid, samples=2))


def test_halving_needs_validation_rows_which_folds_bring():
    grid = {"optim.l2": (0.0, 0.1)}
    bare = config(halving=3, grid=grid)
    bare.data.valid = 0
    with pytest.raises(UserError, match=r"set config.data.valid"):
        configs.validate(bare)
    folded = config(halving=3, grid=grid, folds=2)
    folded.data.valid = 0
    configs.validate(folded)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (None, "4 settings, all combinations: optim.l2 of 0, 0.01; net.hidden of (8,), (8, 8)"),
        (
            3,
            "3 settings, drawn at random: optim.l2 between 0 and 0.01; net.hidden of (8,), (8, 8)",
        ),
    ],
)
def test_how_a_grid_was_understood_is_said(samples, words):
    grid = {"optim.l2": (0, 0.01), "net.hidden": ((8,), (8, 8))}
    assert grid_in_words(Config(population=Population(grid=grid, samples=samples))) == words
    grid = {"optim.learning_rate": (1e-3, 1e-2)}
    drawn = grid_in_words(Config(population=Population(grid=grid, samples=3)))
    assert drawn.endswith("optim.learning_rate between 0.001 and 0.01 on a log scale")
    assert grid_in_words(Config()) == ""
