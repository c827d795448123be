"""What "auto" becomes where sequences are read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from train.config.data_options import Sequences
from train.config.net_options import LSTM
from train.config.options import Augment, Config, Train
from train.config.sequence_recipe import Traits, auto_patch, auto_valid, resolve_sequences


def auto(**train) -> Config:
    net = LSTM(
        hidden="auto",
        dropout="auto",
        input_dropout="auto",
        readout="auto",
        patch="auto",
        noise="auto",
        offset="auto",
        crop="auto",
    )
    return Config(
        data=Sequences(),
        net=net,
        train=Train(epochs="auto", batch_size="auto", restore="auto", **train),
    )


def test_long_sequences_of_numbers_are_read_in_patches():
    assert [auto_patch(n) for n in (7, 40, 60, 150, 1500)] == [1, 1, 5, 5, 50]
    resolved = resolve_sequences(auto(), 100, Traits(longest=150, tokens=False, of_steps=False))
    assert resolved.net.patch == 5 and resolved.net.noise > 0


@pytest.mark.parametrize(("tokens", "of_steps"), [(True, False), (False, True), (True, True)])
def test_what_has_an_answer_or_a_word_at_each_step_is_read_step_by_step(tokens, of_steps):
    resolved = resolve_sequences(auto(), 100, Traits(longest=150, tokens=tokens, of_steps=of_steps))
    assert resolved.net.patch == 1 and resolved.net.crop == 1


def test_more_rows_ask_for_more_units_and_less_noise():
    few, many = (
        resolve_sequences(auto(), n, Traits(longest=9, tokens=False, of_steps=False)).net
        for n in (270, 5_000)
    )
    assert (few.hidden, few.noise, few.offset) == ((64,), 0.3, 0.3)
    assert (many.hidden, many.noise, many.offset) == ((128,), 0.1, 0.1)
    assert few.readout == many.readout == "mean_max_last"


@pytest.mark.parametrize(
    ("other", "mixup"),
    [
        ({}, 0.2),
        ({"tokens": True}, 0),
        ({"of_steps": True}, 0),
        ({"classes": False}, 0),
        ({"longest": 41}, 0),
    ],
)
def test_short_numbers_of_one_class_each_are_mixed_but_at_the_end(other: dict, mixup: float):
    config = auto()
    config.net.convolutions = "auto"
    config.augment = Augment(mixup="auto", mixup_until="auto")
    traits = replace(Traits(longest=9, tokens=False, of_steps=False), **other)
    resolved = resolve_sequences(config, 100, traits).augment
    assert (resolved.mixup, resolved.mixup_until) == (mixup, 0.75 if mixup else 1)
    config.augment = Augment(mixup=0.3)
    assert resolve_sequences(config, 100, traits).augment == config.augment
    in_windows = auto(truncate=5)
    in_windows.augment = Augment(mixup="auto", mixup_until="auto")
    assert resolve_sequences(in_windows, 100, traits).augment == Augment()


def test_few_rows_are_passed_over_more_often():
    few, many = (
        resolve_sequences(auto(), n, Traits(longest=9, tokens=True, of_steps=True))
        for n in (1_600, 160_000)
    )
    assert few.train.epochs == 45 and many.train.epochs == 10
    assert few.train.batch_size == 16


@pytest.mark.parametrize(
    ("longest", "stride", "pool"), [(41, 1, 1), (250, 1, 4), (577, 1, 10), (1500, 3, 8)]
)
def test_long_sequences_are_convolved_and_shortened(longest, stride, pool):
    config = auto()
    for field in ("convolutions", "widths", "dilation", "stride", "pool", "own_scale"):
        setattr(config.net, field, "auto")
    traits = Traits(longest=longest, tokens=False, of_steps=False)
    resolved = resolve_sequences(config, 50, traits).net
    assert (resolved.stride, resolved.pool, resolved.patch) == (stride, pool, 1)
    assert len(resolved.convolutions) == 3 and resolved.own_scale is True
    assert resolved.dilation == 2 and resolved.convolution_dropout == 0 < resolved.dropout
    for other in (config, auto()):
        other.devices.exact = 8
        resolved = resolve_sequences(other, 50, traits).net
        assert resolved.convolutions == () and resolved.own_scale is False
    short = resolve_sequences(auto(), 50, Traits(longest=40, tokens=False, of_steps=False)).net
    assert short.convolutions == () and short.stride == short.pool == 1


@pytest.mark.parametrize(
    ("other", "is_convolved"),
    [
        ({}, True),
        ({"longest": 19}, False),
        ({"numbers": 2}, False),
        ({"classes": False}, False),
        ({"of_steps": True}, False),
        ({"numbers": 2, "longest": 41}, True),
    ],
)
def test_classes_of_one_number_a_step_are_convolved_from_twenty_steps_on(other, is_convolved):
    config = auto()
    config.net.convolutions = "auto"
    traits = replace(Traits(longest=20, tokens=False, of_steps=False, numbers=1), **other)
    resolved = resolve_sequences(config, 50, traits).net
    assert isinstance(resolved, LSTM)
    assert len(resolved.convolutions) == (3 if is_convolved else 0)


def test_convolved_rows_are_passed_over_by_how_many_there_are():
    epochs = []
    for n_rows in (30, 200, 10_000):
        config = auto()
        config.net.convolutions = "auto"
        one = resolve_sequences(config, n_rows, Traits(longest=300, tokens=False, of_steps=False))
        epochs.append(one.train.epochs)
    assert epochs == [500, 77, 20]


def test_few_rows_are_all_trained_on():
    assert [auto_valid(n) for n in (30, 270, 500, 7_000)] == [0, 0, 0.15, 0.15]


def test_both_directions_are_read_but_where_the_next_step_is_asked_for():
    for next_step in (False, True):
        config = auto()
        config.net.bidirectional = "auto"
        config.data.next_step = next_step
        traits = Traits(longest=9, tokens=False, of_steps=next_step)
        resolved = resolve_sequences(config, 100, traits)
        assert resolved.net.bidirectional is not next_step


def test_what_is_set_stays():
    net = LSTM(hidden=(9,), patch=3, readout="last")
    config = Config(data=Sequences(), net=net, train=Train(epochs=2, batch_size=5))
    resolved = resolve_sequences(config, 100, Traits(longest=150, tokens=False, of_steps=False))
    assert resolved == config
