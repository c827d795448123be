"""Sequences from files: what is read, padded, and fitted on training rows alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.sequences.sequence_rows import NUMBERS, TAGGED, load_rows, long_file
from train.config.data_options import Sequences
from train.data.files.read import read_table
from train.data.sequences.dataset import SequenceDataset
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.load import load_sequences
from train.errors import UserError


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., SequenceDataset]:
    return partial(load_rows, tmp_path)


def raw(encoder: SequenceEncoder, dataset: SequenceDataset, row: int) -> np.ndarray:
    """A row's numbers in their own units."""
    shifts = np.array([shift for column in encoder.numbers for shift in column.shifts])
    units = np.array([unit for column in encoder.numbers for unit in column.units])
    return dataset.inputs["numbers"][row] * units + shifts


def test_numbers_are_padded_and_come_back(load):
    dataset = load(NUMBERS)
    assert dataset.inputs["numbers"].shape == (40, 8, 2)
    assert dataset.inputs["length"].tolist() == [1 + i % 4 for i in range(40)]
    np.testing.assert_allclose(raw(dataset.encoder, dataset, 7)[:4], NUMBERS[7]["x"], rtol=1e-6)
    assert (dataset.inputs["numbers"][7, 4:] == 0).all()
    assert dataset.encoder.heads[0].kind == "binary"


def test_a_bare_number_per_step_is_one_channel(load):
    dataset = load([{"x": [float(i), i + 1.0], "label": i * 0.5} for i in range(30)])
    assert dataset.inputs["numbers"].shape == (30, 8, 1)
    np.testing.assert_allclose(raw(dataset.encoder, dataset, 5)[:2, 0], [5, 6], rtol=1e-6)
    assert dataset.encoder.heads[0].kind == "regression"


def test_parquet_reads_as_json_lines_do(load, tmp_path):
    expected = load(NUMBERS)
    path = tmp_path / "s.parquet"
    pq.write_table(read_table(str(tmp_path / "s.jsonl")), path)
    dataset = load_sequences(Sequences(path=str(path), inputs="x", target="label"), "auto")
    for name, array in expected.inputs.items():
        np.testing.assert_array_equal(dataset.inputs[name], array)


def test_statistics_leave_padding_out(load):
    dataset = load(NUMBERS)
    rows = dataset.splits["train"]
    statistics = dataset.statistics(rows)["inputs"]
    steps = np.concatenate(
        [dataset.inputs["numbers"][r, : dataset.inputs["length"][r]] for r in rows]
    ).astype(float)
    np.testing.assert_allclose(statistics["center"], steps.mean(0), rtol=1e-5)
    np.testing.assert_allclose(statistics["scale"], steps.std(0), rtol=1e-5)


def test_what_is_fitted_is_fitted_on_training_rows(load):
    first = load(TAGGED, "tokens", ("tags", "intent"), characters=True)
    spoiled = [dict(row) for row in TAGGED]
    for row in (*first.splits["valid"], *first.splits["test"]):
        tokens = ["Zürich", *TAGGED[row]["tokens"][1:]]
        spoiled[row] = {
            "tokens": tokens,
            "tags": ["B-planet", *TAGGED[row]["tags"][1:]],
            "intent": "fly",
        }
    second = load(spoiled, "tokens", ("tags", "intent"), characters=True)
    assert second.encoder == first.encoder
    assert json.dumps(second.encoder.to_json()) == json.dumps(first.encoder.to_json())
    rows = first.splits["train"]
    for head in ("tags", "intent"):
        ours, theirs = (d.statistics(rows)["targets"][head] for d in (first, second))
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])
    assert any("no training row has" in note for note in second.notes)


def test_tokens_tags_and_labels_together(load):
    dataset = load(TAGGED, "tokens", ("tags", "intent"), characters=True, valid=0, test=0)
    words = dataset.encoder.vocabulary.words
    assert words[:2] == ("Fly", "to")  # the most frequent first
    codes = dataset.inputs["tokens"]
    assert [words[c - 2] for c in codes[2, :4]] == TAGGED[2]["tokens"]
    assert (codes[0, 2:] == 0).all()
    assert dataset.target["tags"][2].tolist() == [1, 1, 0, 1, -1, -1, -1, -1]  # B-city, O
    assert [(h.name, h.kind) for h in dataset.encoder.heads] == [
        ("intent", "multiclass"),
        ("tags", "tags"),
    ]
    assert dataset.inputs["characters"].shape == (40, 8, 20)
    assert dataset.encoder.steps == np.mean([len(row["tokens"]) for row in TAGGED])


def test_an_encoder_survives_json(load):
    for dataset in (
        load(NUMBERS),
        load(TAGGED, "tokens", ("tags", "intent"), characters=True, fold_case=True),
    ):
        plain = json.loads(json.dumps(dataset.encoder.to_json()))
        assert SequenceEncoder.from_json(plain) == dataset.encoder


def test_answers_become_columns(load):
    encoder = load(TAGGED, "tokens", ("tags", "intent")).encoder
    probabilities = np.eye(3)[[0, 2]].astype(np.float32)
    columns = encoder.decode({"intent": probabilities, "tags": np.array([[1, 0, -1], [1, -1, -1]])})
    assert columns["tags"].tolist() == [["O", "B-city"], ["O"]]
    assert columns["intent"].tolist() == ["fly", "stay"]
    assert list(columns) == [
        "intent",
        "tags",
        "probability_fly",
        "probability_go",
        "probability_stay",
    ]
    assert pa.table(columns).schema.field("tags").type == pa.list_(pa.string())
    alone = load(TAGGED, "tokens", "tags").encoder
    assert list(alone.decode({"tags": np.array([[1]])})) == ["prediction"]
    assert list(alone.raw_targets({"tags": np.array([[1]])})) == ["target"]


def test_numbers_and_tokens_together(load):
    rows = [{"x": [[0.5], [i]], "tokens": ["a", "b"], "label": "pq"[i % 2]} for i in range(20)]
    dataset = load(rows, ("x", "tokens"))
    assert set(dataset.inputs) == {"length", "numbers", "tokens"}


def test_the_next_step_is_the_target(load):
    rows = [{"x": [float(i), i + 1.0, i + 4.0]} for i in range(20)]
    dataset = load(rows, "x", (), next_step=True, valid=0, test=0)
    unit = dataset.encoder.numbers[0].units[0]
    shift = dataset.encoder.numbers[0].shifts[0]
    np.testing.assert_allclose(dataset.target["next"][3, :2, 0] * unit + shift, [4, 7], rtol=1e-6)
    assert np.isnan(dataset.target["next"][3, 2:]).all()
    assert dataset.encoder.heads[0].kind == "next_numbers"
    keys = load(
        [{"x": [[0, 1], [1, 1], [i % 2, 0]]} for i in range(20)],
        "x",
        (),
        next_step=True,
        valid=0,
        test=0,
    )
    assert keys.encoder.heads[0].kind == "next_binary"
    assert keys.target["next"][1, :2].tolist() == [[1, 1], [1, 0]]
    rate = keys.statistics(np.arange(20))["targets"]["next"]["rate"]
    np.testing.assert_allclose(rate, [(20 + 10 + 1) / 42, (20 + 1) / 42], rtol=1e-6)


@pytest.mark.parametrize("next_step", [False, True])
def test_without_scaling_numbers_and_targets_stay_as_they_are(load, next_step):
    rows = [{"x": [float(i), 100.0 + i], "label": i * 0.5} for i in range(30)]
    scaling = {"scaling": "none", "target_scaling": "none"}
    dataset = load(rows, target=() if next_step else "label", next_step=next_step, **scaling)
    assert dataset.inputs["numbers"][5, :2, 0].tolist() == [5, 105]
    statistics = dataset.statistics(np.arange(30))
    for fitted in (statistics["inputs"], *statistics["targets"].values()):
        assert (fitted["center"].item(), fitted["scale"].item()) == (0, 1)
    assert SequenceEncoder.from_json(dataset.encoder.to_json()) == dataset.encoder


def test_a_row_per_step_is_gathered_in_order(tmp_path):
    rows = [(f"s{i}", 3 - t, i + t, -t, "uv"[i % 2]) for t in range(3) for i in range(20)]
    path = long_file(tmp_path / "long.csv", rows)
    options = Sequences(
        path=path, inputs=("x", "y"), target="label", id="who", order="at", valid=0, test=0
    )
    dataset = load_sequences(options, "auto")
    assert dataset.inputs["length"].tolist() == [3] * 20
    np.testing.assert_allclose(
        raw(dataset.encoder, dataset, 4)[:3], [[6, -2], [5, -1], [4, 0]], atol=1e-6
    )
    assert dataset.encoder.heads[0].kind == "binary"
    names = dataset.encoder.read(read_table(path), path).names
    assert names["who"].tolist() == [f"s{i}" for i in range(20)]
    assert names["row"].tolist() == list(range(20))


def test_a_target_that_varies_within_sequences_is_tags(tmp_path):
    rows = [(i, t, i + t, 0, "uv"[t % 2]) for i in range(20) for t in range(3)]
    path = long_file(tmp_path / "l.csv", rows)
    options = Sequences(
        path=path, inputs=("x", "y"), target="label", id="who", order="at", valid=0, test=0
    )
    assert load_sequences(options, "auto").target["label"][:, :4].tolist() == [[0, 1, 0, -1]] * 20


def test_only_training_sequences_are_cut(load):
    dataset = load(NUMBERS, max_length=2, split="stratified")
    assert dataset.inputs["length"][dataset.splits["train"]].max() == 2
    assert dataset.inputs["length"][dataset.splits["test"]].max() == 4
    tagged = load(TAGGED, "tokens", "tags", max_length=2)
    assert (tagged.target["tags"][tagged.splits["train"], 2:] == -1).all()


def test_missing_numbers_of_steps_are_counted(load):
    rows = [*NUMBERS, {"x": [[None, 2.0], [None, None]], "label": "a"}]
    assert any("3 numbers of steps are missing" in note for note in load(rows).notes)
    assert not any("are missing" in note for note in load(NUMBERS).notes)


def test_rows_without_a_target_are_left_out(load):
    rows = [*NUMBERS, {"x": [[1.0, 2.0]], "label": None}]
    dataset = load(rows)
    assert len(dataset.weight) == 40
    assert any("1 of 41 rows lack a target" in note for note in dataset.notes)


def test_an_empty_sequence_is_said(load):
    dataset = load([*NUMBERS, {"x": [], "label": "a"}])
    assert len(dataset.weight) == 41
    assert any("1 of 41 sequences are empty, such as row 41" in note for note in dataset.notes)


def test_words_for_missing_are_words_and_among_numbers_are_missing(load):
    rows = []
    for i in range(30):
        step = "NA" if i == 4 else 0.5
        label = ("None", "yes", "NA")[i % 3]
        rows.append({"x": [1.0, step], "words": ["null", "b"], "label": label})
    dataset = load(rows, inputs=("x", "words"))
    assert dataset.encoder.heads[0].classes == ("NA", "None", "yes")
    assert dataset.encoder.vocabulary.words == ("b", "null")
    assert np.isnan(dataset.inputs["numbers"]).sum() == 1


def test_an_empty_sequence_has_empty_tags(load):
    dataset = load(
        [*TAGGED, {"tokens": [], "tags": [], "intent": "go"}], "tokens", "tags", valid=0, test=0
    )
    assert dataset.inputs["length"][40] == 0
    assert (dataset.target["tags"][40] == -1).all()


STEP_ROWS = [{"x": [i, i + 1.5, 0], "y": [2.0 * i, None, 7.5]} for i in range(10)]


def test_numbers_of_steps_are_a_target_and_come_back_as_lists(load):
    dataset = load(STEP_ROWS, "x", "y", valid=0, test=0)
    (head,) = dataset.encoder.heads
    assert (head.kind, head.columns) == ("step_numbers", ("y",))
    assert dataset.target["y"].shape == (10, 8, 1)
    assert np.isnan(dataset.target["y"][:, [1, 3, 7]]).all()
    shown = dataset.encoder.raw_targets(dataset.target)["target"]
    np.testing.assert_allclose(shown[3], [6, np.nan, 7.5], rtol=1e-6)
    fitted = dataset.statistics(dataset.splits["train"])["targets"]["y"]
    known = np.array([value for row in STEP_ROWS for value in row["y"] if value is not None])
    raw = fitted["center"] * dataset.encoder.units["y"] + dataset.encoder.step_numbers[0].shifts
    assert raw == pytest.approx(known.mean(), rel=1e-6)
    assert SequenceEncoder.from_json(json.loads(json.dumps(dataset.encoder.to_json()))).heads == (
        head,
    )
    cut = load(STEP_ROWS, "x", "y", valid=0, test=0, max_length=1)
    assert np.isnan(cut.target["y"][:, 1:]).all()
    with pytest.raises(UserError, match="row 1 has 2 numbers for 3 steps of 'x'"):
        load([{"x": [1, 2, 3], "y": [0.5, 1.5]}, *STEP_ROWS], "x", "y")


def test_whole_numbers_of_steps_are_tags_where_they_look_like_labels(load):
    tags = [{"x": [1.0, 2.0], "y": [i % 3, 2]} for i in range(30)]
    assert load(tags, "x", "y").heads[0].kind == "tags"
    assert load(tags, "x", "y", loss="mse").heads[0].kind == "step_numbers"
    counts = [{"x": [1.0, 2.0], "y": [i, 10 * i]} for i in range(30)]
    assert load(counts, "x", "y").heads[0].kind == "step_numbers"
    assert load(counts, "x", "y", loss="categorical_crossentropy").heads[0].kind == "tags"


def test_numbers_of_steps_in_a_row_per_step(tmp_path):
    rows = [(i, t, i + t, 0, f"{i},{t}5") for i in range(20) for t in range(3)]
    text = "\n".join(";".join(map(str, row)) for row in rows)
    (tmp_path / "l.csv").write_text(f"who;at;x;y;label\n{text}\n")
    options = Sequences(
        path=str(tmp_path / "l.csv"), inputs="x", target="label", id="who", order="at"
    )
    dataset = load_sequences(options, "auto")
    assert dataset.encoder.heads[0].kind == "step_numbers"
    shown = dataset.encoder.raw_targets(dataset.target)["target"]
    np.testing.assert_allclose(shown[2], [2.05, 2.15, 2.25], rtol=1e-6)


def test_rows_without_a_next_step(load):
    rows = [{"x": [1.0]}, *({"x": [1.0 * i, 2.0]} for i in range(9))]
    dataset = load(rows, "x", (), next_step=True, valid=0, test=0)
    assert any("1 of 10 training rows have no second step" in note for note in dataset.notes)
    with pytest.raises(UserError, match="no training row has a second step"):
        load([{"x": [1.0]}, {"x": []}] * 5, "x", (), next_step=True, valid=0, test=0)


def test_a_value_on_some_steps_is_the_label_of_the_sequence(tmp_path):
    rows = [(i, t, i + t, 0, "uv"[i % 2] if t == 2 else "") for i in range(20) for t in range(3)]
    path = long_file(tmp_path / "l.csv", rows)
    options = Sequences(
        path=path, inputs=("x", "y"), target="label", id="who", order="at", valid=0, test=0
    )
    dataset = load_sequences(options, "auto")
    assert dataset.target["label"].tolist() == [0, 1] * 10
    assert any("'label' has a value on 20 of 60 steps" in note for note in dataset.notes)
    mixed = [(*row[:4], "uvw"[row[1]] if row[0] else row[4]) for row in rows]
    options = replace(options, path=long_file(tmp_path / "m.csv", mixed))
    with pytest.raises(UserError, match="lacks a tag at a step"):
        load_sequences(options, "auto")
