"""What `--help` says: every field and flag with its meaning, and what stands at a topic."""

from __future__ import annotations

import dataclasses
from typing import get_type_hints

import pytest

from train import flags
from train.config import Config, fields
from train.config.meanings import meanings_of


def help_on(topic: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        flags.parse_train([f"--help={topic}" if topic else "--help"], "The program's own words.")
    assert end.value.code == 0
    return capsys.readouterr().out


def test_help_shows_every_field_with_its_meaning_and_default(capsys: pytest.CaptureFixture[str]):
    text = help_on("all", capsys)
    assert "config.optim\n" in text and "config.net=LSTM\n" in text
    rate = "  learning_rate          How long a step is; "
    assert f"{rate}too high and the loss is not finite, too low and little is" in text
    assert f"{'':25}a number, above 0, or auto [0.001]\n" in text
    assert f"{'':25}integers such as (64, 64), at least 1, or auto [(64, 64)]\n" in text


@pytest.mark.parametrize(
    ("topic", "held", "left_out"),
    [
        ("", "The program's own words.\n", "config.optim.decay"),
        ("", "config.net=LSTM", "hidden_activation"),
        ("optim", "  plateau_factor  ", "  lookback "),
        ("config.optim", "  plateau_factor  ", "  lookback "),
        ("LSTM", "  bidirectional  ", "  residual "),
        ("series", "  lookback  ", "  label "),
        ("dropout", "  recurrent_dropout  ", "  hidden "),
        ("net.units", "  units  ", "  rule "),
    ],
)
def test_help_on_a_topic(topic: str, held: str, left_out: str, capsys: pytest.CaptureFixture[str]):
    text = help_on(topic, capsys)
    assert held in text and left_out not in text
    if not topic:
        assert len(text.splitlines()) < 60
    assert max(map(len, text.splitlines())) <= 110


def test_every_option_has_its_meaning_beside_it():
    lacking = []
    for kind in fields.KINDS.values():
        meanings = meanings_of(kind)
        for field in dataclasses.fields(kind):
            is_group = kind is Config and fields.group_kinds(get_type_hints(kind)[field.name])
            if not is_group and not meanings.get(field.name, "").endswith("."):
                lacking.append(f"{kind.__name__}.{field.name}")
    assert not lacking
