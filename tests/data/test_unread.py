"""Options that the sequences of a file do not need are said; a CRF without tags is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from train import config as configs
from train.config import LSTM, Config, Sequences
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
