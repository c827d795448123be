"""A target of any number of labels: which columns are one, and what is made of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from train.config.data_options import Sequences
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.label_sets import LabelSet, as_columns, find_label_sets
from train.data.sequences.load import load_sequences
from train.errors import UserError

WORDS = ("ball", "bank", "soup")
TOPICS = ("sport", "money", "food")
SET = LabelSet("topics", TOPICS)


def table(n: int = 40) -> pa.Table:
    random = np.random.default_rng(0)
    tokens = [list(random.choice(WORDS, random.integers(4, 9))) for _ in range(n)]
    topics = [[t for t, word in zip(TOPICS, WORDS, strict=True) if word in row] for row in tokens]
    return pa.table({"tokens": tokens, "topics": topics, "tags": tokens})


def test_each_label_becomes_a_column_and_gaps_stay_gaps() -> None:
    rows = pa.table({"topics": [["food", "sport"], [], None, ["food", "food", None]]})
    read = as_columns(rows, (SET,), "data")
    assert read.to_pydict() == {
        "topics=sport": [True, False, None, False],
        "topics=money": [False, False, None, False],
        "topics=food": [True, False, None, True],
    }


def test_a_column_without_any_list_is_missing_in_all_of_its_labels() -> None:
    rows = pa.table({"x": [1, 2], "topics": pa.nulls(2)})
    read = as_columns(rows, (SET,), "data")
    assert read.column_names == ["x", *SET.columns]
    assert all(read.column(name).to_pylist() == [None, None] for name in SET.columns)


def test_labels_that_no_training_row_has_are_counted() -> None:
    rows = pa.table({"topics": [["art", "food"], ["art", "law"], ["money"]]})
    said: list[str] = []
    read = as_columns(rows, (SET,), "new.jsonl", said)
    assert read.column("topics=food").to_pylist() == [True, False, False]
    assert said == [
        "new.jsonl: column 'topics': 2 of 3 rows have labels that no answer has ('art', 'law'); "
        "these are passed over"
    ]


def test_one_for_each_step_is_no_set() -> None:
    said: list[str] = []
    (found,) = find_label_sets(table(), ("tags", "topics"), "tokens", "data", said)
    assert found.name == "topics" and found.labels == tuple(sorted(TOPICS))
    assert len(said) == 1 and "each of 3 labels is a yes or no" in said[0]


def test_what_all_rows_have_is_left_out_and_nothing_else_is_refused() -> None:
    said: list[str] = []
    rows = pa.table({"x": [["a"], ["b"]], "y": [["u", "v"], ["v", "w", "v"]]})
    (found,) = find_label_sets(rows, ("y",), "x", "data", said)
    assert found.labels == ("u", "w")
    assert said[-1] == "target 'y': all training rows have the label 'v', which is left out"
    with pytest.raises(UserError, match="data: column 'y': all training rows have the same labels"):
        find_label_sets(rows.slice(0, 1), ("y",), "x", "data", [])


def test_names_of_labels_that_stand_in_a_file_are_replaced_and_those_of_targets_refused() -> None:
    rows = pa.table({"x": [["a"], ["b"], ["a"]], "y": [["u"], [], ["u", "v"]], "y=u": [7, 8, 9]})
    (found,) = find_label_sets(rows, ("y",), "x", "data", [])
    read = as_columns(rows, (found,), "data").select(found.columns)
    assert read.to_pydict() == {"y=u": [True, False, True], "y=v": [False, False, True]}
    with pytest.raises(UserError, match="column 'y': a label would be answered as 'y=u', as anot"):
        find_label_sets(rows, ("y", "y=u"), "x", "data", [])


def test_a_file_is_loaded_with_a_head_for_each_label(tmp_path: Path) -> None:
    rows = table().to_pylist()
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = Sequences(path=str(path), inputs="tokens", target="topics,tags".split(","))
    dataset = load_sequences(options, "auto")
    heads = {head.name: head.kind for head in dataset.encoder.heads}
    assert heads == {f"topics={topic}": "binary" for topic in TOPICS} | {"tags": "tags"}
    again = SequenceEncoder.from_json(json.loads(json.dumps(dataset.encoder.to_json())))
    targets, present = again.encode_targets(table(), "data")
    assert present.all()
    for topic in TOPICS:
        wanted = [topic in row["topics"] for row in rows]
        assert targets[f"topics={topic}"].ravel().tolist() == wanted
    with pytest.raises(UserError, match="has no column 'topics'"):
        again.encode_targets(table().drop_columns(["topics"]), "data")
