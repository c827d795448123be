"""Options that the sequences of a file do not need are said; a CRF without tags is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from train import config as configs
from train.config import LSTM, Config, Population, Sequences
from train.data.load import load_dataset
from train.errors import UserError


def write(folder: Path) -> Path:
    lines = []
    for i in range(12):
        row = {
            "x": [1.0, 2.0, i],
            "words": ["a", "b", "c"],
            "tags": ["O", "X", "O"],
            "y": "pq"[i % 2],
        }
        lines.append(json.dumps(row))
    path = folder / "rows.jsonl"
    path.write_text("\n".join(lines))
    return path


def notes(path: Path, inputs: str, target: str, net: LSTM, **data: object) -> list[str]:
    options = Sequences(str(path), inputs=inputs, target=target, **data)  # type: ignore[arg-type]
    config = Config(data=options, net=net)
    configs.validate(config)
    return [note for note in load_dataset(config).notes if note.startswith("not used")]


def test_options_that_no_step_needs_are_said(tmp_path: Path) -> None:
    path = write(tmp_path)
    net = LSTM(rare=0.5, token_size=9, readout="mean", head=(4,))
    assert notes(path, "x", "y", net, fold_case=True) == [
        "not used, for the inputs have no tokens: "
        "config.data.fold_case, config.net.token_size, config.net.rare"
    ]
    assert notes(path, "words", "tags", net, fold_case=True) == [
        "not used, for every target has a value at each step: config.net.readout, config.net.head"
    ]
    assert notes(path, "words", "y", net) == notes(path, "x", "tags", LSTM()) == []


def test_a_crf_needs_tags(tmp_path: Path) -> None:
    path = write(tmp_path)
    with pytest.raises(UserError, match=r"^config\.net\.crf: decodes tags, and no target is one"):
        notes(path, "words", "y", LSTM(crf=True))
    assert notes(path, "words", "tags", LSTM(crf=True)) == []


def test_what_auto_stands_for_may_leave_options_idle(tmp_path: Path) -> None:
    path = write(tmp_path)
    behind = "not used, for config.net.convolutions=auto stands for () here: "
    net = LSTM(convolutions="auto", pool=2, stride=3, widths=(5, 9), bidirectional="auto")
    assert notes(path, "x", "y", net) == [
        behind + "config.net.widths, config.net.stride, config.net.pool"
    ]
    assert notes(path, "x", "y", LSTM(convolutions="auto")) == []
    assert notes(path, "x", "y", LSTM(convolutions=(4,), pool=2)) == []
    for row in (longer := [json.loads(line) for line in path.read_text().splitlines()]):
        row["x"] = [1.0, 2.0, 3.0] * 20
    path.write_text("\n".join(map(json.dumps, longer)))
    assert notes(path, "x", "y", net) == []  # which are convolved


def test_settings_may_differ_in_what_they_read(tmp_path: Path) -> None:
    options = Sequences(str(write(tmp_path)), inputs="x", target="y")
    net = LSTM(convolutions="auto", pool=2)
    population = Population(grid={"net.convolutions": ("auto", (4,))})
    config = Config(data=options, net=net, population=population)
    assert not [note for note in load_dataset(config).notes if note.startswith("not used")]
