"""What sequences count for, from a column with a weight of each."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from train.config import LSTM, Config, Sequences
from train.config import validate as check
from train.data.files.read import read_table
from train.data.load import read_encoder
from train.data.sequences.load import load_sequences
from train.data.sequences.weights import sequence_weights
from train.errors import UserError

N = 20
WEIGHT = np.array([0.0, 1.0, 2.5, 4.0])[np.arange(N) % 4]


def by_line(folder: Path, weights: list) -> str:
    """JSON lines, a sequence each."""
    path = folder / "s.jsonl"
    lines = []
    for i, weight in enumerate(weights):
        row = {"x": [1.0 * i] * (1 + i % 3), "w": weight, "y": "ab"[i % 2]}
        lines.append(json.dumps(row) + "\n")
    path.write_text("".join(lines))
    return str(path)


def by_step(folder: Path, weights: list[str], last: str | None = None) -> str:
    """A text file with a row per step, three of a sequence, and numbers in German."""
    path = folder / "s.csv"
    lines = ["id;t;x;w;y\n"]
    for i, weight in enumerate(weights):
        for t in range(3):
            shown = last if last and t == 2 and i == len(weights) - 1 else weight
            lines.append(f"s{i};{t};{i},5;{shown};{'ab'[i % 2]}\n")
    path.write_text("".join(lines))
    return str(path)


def options(path: str, **fields) -> Sequences:
    return Sequences(path=path, inputs="x", target="y", weight="w", **fields)


def test_each_sequence_counts_for_its_weight_and_none_of_weight_0_trains(tmp_path):
    lines = options(by_line(tmp_path, WEIGHT.tolist()), valid=0.25)
    steps = options(
        by_step(tmp_path, [f"{w:.1f}".replace(".", ",") for w in WEIGHT]),
        valid=0.25,
        id="id",
        order="t",
    )
    for data in (lines, steps):
        dataset = load_sequences(data, "auto")
        np.testing.assert_array_equal(dataset.weight, WEIGHT.astype(np.float32))
        for part in ("train", "valid"):
            assert (dataset.weight[dataset.splits[part]] > 0).all()
        n_idle = sum("of weight 0 neither train nor validate" in note for note in dataset.notes)
        assert n_idle == 1
        encoder = read_encoder(json.loads(json.dumps(dataset.encoder.to_json())))
        assert encoder == dataset.encoder
        [use] = [column.use for column in dataset.reading.columns if column.name == "w"]
        assert use == "what rows count for"
        # A later file is read as this one: 2,5 is no 25.
        reading = dataset.encoder.labels.weight_reading
        again = sequence_weights(read_table(data.path), data, data.path, reading)
        np.testing.assert_array_equal(again, WEIGHT.astype(np.float32))


def test_weights_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"column 'w': the weight of row 2 is -1"):
        load_sequences(options(by_line(tmp_path, [1.0, -1.0, *[1.0] * 8])), "auto")
    with pytest.raises(UserError, match=r"column 'w': the weight of row 2 is missing"):
        load_sequences(options(by_line(tmp_path, [1.0, None, *[1.0] * 8])), "auto")
    with pytest.raises(UserError, match="column 'w': a weight is one number for each sequence"):
        load_sequences(options(by_line(tmp_path, [[1.0, 2.0]] * 8)), "auto")
    varied = options(by_step(tmp_path, ["1"] * 8, last="2"), id="id", order="t")
    with pytest.raises(UserError, match="column 'w': sequence 8 has more than one weight"):
        load_sequences(varied, "auto")
    with pytest.raises(UserError, match="has no column 'v'"):
        load_sequences(Sequences(varied.path, inputs="x", target="y", weight="v"), "auto")


def test_a_weight_has_no_other_role_and_is_in_no_stream():
    for field, name in (("inputs", "x"), ("target", "y")):
        data = Sequences("s.jsonl", inputs="x", target="y", weight=name)
        with pytest.raises(UserError, match=rf"config\.data\.weight: .* config\.data\.{field} too"):
            check(Config(data=data, net=LSTM()))
    data = Sequences("s.parquet", inputs="x", target="y", weight="w", stream=True)
    with pytest.raises(UserError, match=r"config\.data\.weight: sequences in a stream count once"):
        check(Config(data=data, net=LSTM()))
