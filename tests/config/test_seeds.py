"""How many nets for sequences train where nobody says it: hand arithmetic, and who has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from train import config as configs
from train.config import LSTM, Config, Population, Sequences, Train
from train.config.bounded import LAST_SEED
from train.config.members import is_population, members_of
from train.config.own_net import own_net
from train.config.seeds import MAX_SEEDS, SECONDS, may_have_seeds, seeds_of

DATA = {"data.path": "x.jsonl", "data.inputs": "x", "data.target": "y"}


def asked(more: Mapping[str, str] | None = None) -> Config:
    """configs/sequences.py on some file."""
    return configs.load("sequences", DATA | dict(more or {}))


def resolved(net: LSTM, epochs: int, *, characters: bool = False) -> Config:
    return Config(data=Sequences(characters=characters), net=net, train=Train(epochs=epochs))


def assert_largest(
    config: Config, seconds_of_a_row: float, numbers: int, *, tokens: bool = False
) -> None:
    """The rows at which four, and two, nets take SECONDS are where their number falls.

    `seconds_of_a_row`: those of all epochs, by hand, of sequences of 50 steps.
    """
    for seeds in (4, 2):
        rows = SECONDS / (seeds * seconds_of_a_row)
        for share, found in ((0.99, seeds), (1.01, seeds // 2)):
            n = round(rows * share)
            assert seeds_of(config, n, longest=50, numbers=numbers, tokens=tokens) == found


def test_an_lstm_costs_its_weights_at_every_step() -> None:
    net = LSTM(hidden=(30, 20), bidirectional=True, readout="mean")
    # Both directions of the first layer read 6 numbers, those of the second 60.
    weights = 2 * 4 * 30 * (6 + 30) + 2 * 4 * 20 * (60 + 20)
    assert_largest(resolved(net, epochs=7), 7 * 50 * (3e-6 + 8e-11 * weights), numbers=6)
    gru = replace(net, cell="gru")
    assert_largest(resolved(gru, epochs=7), 7 * 50 * (3e-6 + 8e-11 * weights * 3 / 4), numbers=6)


def test_words_are_as_wide_as_their_vectors() -> None:
    net = LSTM(hidden=(100,), readout="mean", token_size=90, character_size=50)
    for characters, width in ((False, 90), (True, 140)):
        config = resolved(net, epochs=3, characters=characters)
        of_a_row = 3 * 50 * (3e-6 + 8e-11 * 4 * 100 * (width + 100))
        assert_largest(config, of_a_row, numbers=0, tokens=True)


def test_an_lstm_behind_convolutions_reads_what_they_pool() -> None:
    net = LSTM(
        hidden=(40,),
        bidirectional=True,
        convolutions=(60, 30),
        widths=(7, 9, 11),
        later_width=5,
        stride=2,
        pool=4,
        own_scale=True,
    )
    # Two numbers a step, and both once more by their own scale: through filters nine steps wide.
    convolved = 4 * 9 * 60 + 60 * 5 * 30
    weights = (convolved + 2 * 4 * 40 * (30 + 40) / 4) / 2
    assert_largest(resolved(net, epochs=20), 20 * 50 * (3e-6 + 8e-11 * weights), numbers=2)


def test_an_lstm_reads_several_steps_at_once() -> None:
    net = LSTM(hidden=(200,), patch=5, readout="mean")
    weights = 4 * 200 * (3 + 200) / 5
    assert_largest(resolved(net, epochs=40), 40 * 50 * (3e-6 + 8e-11 * weights), numbers=3)


def test_the_default_may_be_several_nets_and_is_one_until_rows_are_read() -> None:
    config = asked()
    assert config.population == Population(seeds="auto")
    assert may_have_seeds(config) and MAX_SEEDS == 4
    assert not is_population(config) and len(members_of(config)) == 1
    configs.validate(config)


ONE = {
    "a stream": {"data.stream": "true"},
    "the next step": {"data.next_step": "true", "data.target": ""},
    "one direction": {"net.bidirectional": "false"},
    "windows": {"train.truncate": "20"},
    "a member": {"population.member": "0"},
    "folds": {"population.folds": "3"},
    "a grid": {"population.grid": '{"optim.l2": (0.0, 0.1)}'},
    "one net": {"population.seeds": "1"},
    "the last seed": {"seed": str(LAST_SEED)},
}


@pytest.mark.parametrize("more", ONE.values(), ids=ONE.keys())
def test_whoever_says_which_nets_there_are_or_goes_step_by_step_has_one(
    more: Mapping[str, str],
) -> None:
    config = asked(more)
    configs.validate(config)
    assert not may_have_seeds(config)


def test_tables_series_and_nets_of_ones_own_have_one() -> None:
    for name in ("table", "series"):
        given = {"data.path": "x.csv", "data.target": "y"}
        config = configs.load(name, given)
        config = replace(config, population=Population(seeds="auto"))
        assert not may_have_seeds(config) and len(members_of(config)) == 1
    assert not may_have_seeds(replace(asked(), net=own_net("my_nets.Net", {})))
