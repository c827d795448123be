"""Sequences as they come: how texts order steps, what is missing or unknown, targets not needed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from train.config.data_options import Sequences
from train.data.files.read import read_table
from train.data.sequences.dataset import SequenceDataset
from train.data.sequences.load import load_sequences
from train.data.sequences.weights import sequence_weights
from train.errors import UserError

N = 20
TOKENS = [["a", "b", "c"][i % 3 :] for i in range(N)]
LABELS = ["yes" if i % 2 else "no" for i in range(N)]


def lines(folder: Path, name: str = "data.jsonl", /, **columns) -> str:
    rows = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    (folder / name).write_text("\n".join(map(json.dumps, rows)))
    return str(folder / name)


def load(path: str, **changes) -> SequenceDataset:
    base = {"inputs": "x", "target": "label", "valid": 0.2, "test": 0.2}
    return load_sequences(Sequences(path=path, **{**base, **changes}), "auto")


def said_in(data: SequenceDataset, path: str) -> tuple[str, ...]:
    return data.encoder.read(read_table(path, ()), "new").notes


MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
MONATE = (
    "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (
            [f"t{i + 1}" for i in range(12)],
            "steps are ordered by texts: 't1', 't2', 't3' and so on",
        ),
        ([f"step {i + 1} of 12" for i in range(12)], "'step 1 of 12', 'step 2 of 12'"),
        ([f"2024-W{i + 1}" for i in range(12)], ""),
        ([f"Q{i % 4 + 1} {2020 + i // 4}" for i in range(12)], ""),
        (MONTHS, "steps are ordered by texts: 'Jan', 'Feb', 'Mar'"),
        (MONATE, "steps are ordered by texts: 'Januar', 'Februar', 'März'"),
        ([f"{i + 1:02d}" for i in range(12)], "'01', '02', '03'"),
    ],
)
def test_steps_stand_in_the_order_that_texts_mean(tmp_path, order, said):
    rows = pd.DataFrame(
        [
            {"id": i, "at": order[t], "x": 100.0 * i + t, "label": LABELS[i]}
            for i in range(N)
            for t in range(len(order))
        ]
    ).sample(frac=1, random_state=0)
    rows.to_csv(tmp_path / "long.csv", index=False)
    data = load(str(tmp_path / "long.csv"), id="id", order="at")
    assert any(said in note for note in data.notes) if said else not data.notes
    later = data.encoder.read(read_table(str(tmp_path / "long.csv"), ()), "new")
    for inputs in (data.inputs, later.inputs):
        assert (np.diff(inputs["numbers"][:, : len(order), 0]) > 0).all()


def test_two_steps_at_one_text_are_shown_as_it_is_written(tmp_path):
    table = pd.DataFrame({"id": ["a"] * 3, "at": ["t1", "t02", "t2"], "x": "uvw", "label": "u"})
    table["x"] = list("uvw")
    table.to_csv(tmp_path / "long.csv", index=False)
    with pytest.raises(UserError, match="rows 2 and 3 of one sequence are both t2; steps must"):
        load(str(tmp_path / "long.csv"), id="id", order="at")


def test_an_id_with_blanks_is_the_id(tmp_path):
    rows = [(f"s{i}" + " " * (t % 2), t, float(t), LABELS[i]) for i in range(N) for t in range(4)]
    table = pd.DataFrame(rows, columns=["id", "at", "x", "label"])
    table.to_csv(tmp_path / "long.csv", index=False)
    data = load(str(tmp_path / "long.csv"), id="id", order="at")
    assert data.inputs["length"].tolist() == [4] * N


def test_tokens_and_numbers_that_are_missing_are_told_in_every_file(tmp_path):
    tokens = [[None, *row] for row in TOKENS]
    path = lines(tmp_path, x=tokens, label=LABELS)
    data = load(path)
    n_steps = sum(map(len, tokens))
    found = f"column 'x': {N} of {n_steps} tokens are missing; read as unknown"
    assert [found in line for line in (*data.notes, *said_in(data, path))] == [True, True]
    path = lines(tmp_path, x=[[None, 1.5, float(i)] for i in range(N)], label=LABELS)
    data = load(path)
    found = f"{N} numbers of steps are missing; read as their column's mean"
    assert [found in line for line in (*data.notes, *said_in(data, path))] == [True, True]


@pytest.mark.parametrize("characters", [False, True])
def test_a_file_of_words_that_training_lacks_is_told_of(tmp_path, characters):
    data = load(lines(tmp_path, x=TOKENS, label=LABELS), characters=characters)
    upper = lines(tmp_path, "upper.jsonl", x=[["A", "B"], ["a"]], label=["no", "no"])
    (line,) = said_in(data, upper)
    done = "read as unknown" + (", by their characters alone" if characters else "")
    assert line == (
        f"new: column 'x': 2 of 3 tokens are in no training row, as 'A'; those of training are as "
        f"{data.encoder.vocabulary.words[0]!r}; {done}"
    )
    some = lines(tmp_path, "some.jsonl", x=[["A", "b"], ["a"]], label=["no", "no"])
    assert not said_in(data, some)


@pytest.mark.parametrize("label", [None, "p", 3, ["p"]])
def test_answers_need_no_targets_whatever_stands_there(tmp_path, label):
    sets = [[["p"], ["q", "r"], []][i % 3] for i in range(N)]
    data = load(lines(tmp_path, x=TOKENS, label=sets))
    new = lines(tmp_path, "new.jsonl", x=TOKENS[:2], label=[label, label])
    assert data.encoder.read(read_table(new, ()), "new").inputs["length"].tolist() == [3, 2]


def test_whole_numbers_are_labels_where_lists_differ_in_length(tmp_path):
    sets = [[[7], [8, 9], []][i % 3] for i in range(N)]
    data = load(lines(tmp_path, x=TOKENS, label=sets))
    texts = load(lines(tmp_path, x=TOKENS, label=[[str(k) for k in own] for own in sets]))
    assert [head.name for head in data.encoder.heads] == ["label=7", "label=8", "label=9"]
    for name, values in texts.target.items():
        np.testing.assert_array_equal(data.target[name], values)
    flags = [[[1, 0, 0, 1], [0, 1, 1, 0]][i % 2] for i in range(N)]  # yes or no for each of four
    message = r"row 1 has 4 (tags|numbers) for 3 steps of 'x'; .*; what is of the whole sequence is"
    with pytest.raises(UserError, match=message):
        load(lines(tmp_path, x=TOKENS, label=flags))
    tags = [own if i else own[1:] for i, own in enumerate(TOKENS)]  # one slip: no such advice
    with pytest.raises(UserError, match=r"row 1 has 2 tags for 3 steps of 'x'; .* for each$"):
        load(lines(tmp_path, x=TOKENS, label=tags))


def test_few_whole_numbers_that_are_no_classes_are_told_of(tmp_path):
    data = load(lines(tmp_path, x=TOKENS, label=[0, 1, 2, 0] * (N // 4)))
    assert data.encoder.heads[0].kind == "regression"
    assert data.notes == (
        "target 'label' holds 3 different numbers, 0 to 2, and is read as a number; "
        "config.loss=categorical_crossentropy makes them classes",
    )


def test_advice_names_options_that_sequences_have(tmp_path):
    data = load(lines(tmp_path, x=TOKENS, label=[1, 2, "b", 1] * (N // 4)))
    assert data.notes[0].endswith("a category; config.data.missing says otherwise")


def test_a_net_of_rows_per_step_reads_lists_of_the_same_steps(tmp_path):
    rows = [
        {"id": f"s{i}", "at": t, "x": float(i + t), "w": token, "label": LABELS[i], "weight": 1 + i}
        for i in range(N)
        for t, token in enumerate(TOKENS[i])
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "long.csv", index=False)
    long = str(tmp_path / "long.csv")
    data = load(long, inputs=("x", "w"), id="id", order="at", weight="weight")
    columns = {
        "x": [[float(i + t) for t in range(len(TOKENS[i]))] for i in range(N)],
        "w": TOKENS,
        "label": LABELS,
        "weight": list(range(1, N + 1)),
    }
    of_steps = data.encoder.read(read_table(long, ()), "long")
    for names in ({"id": [f"s{i}" for i in range(N)]}, {}):
        table = read_table(lines(tmp_path, **columns, **names), ())
        of_lists = data.encoder.read(table, "lists")
        for name, values in of_steps.inputs.items():
            np.testing.assert_array_equal(of_lists.inputs[name], values)
        assert [*of_lists.names] == (["row", "id"] if names else [])
        np.testing.assert_array_equal(
            data.encoder.encode_targets(table, "lists")[0]["label"],
            data.encoder.encode_targets(read_table(long, ()), "long")[0]["label"],
        )
        weights = sequence_weights(table, data.options, "lists")
        np.testing.assert_array_equal(weights, np.arange(1, N + 1))
    with pytest.raises(UserError, match=r"config\.data\.order: new has no column 'at'"):
        data.encoder.read(read_table(long, ()).drop_columns(["at"]), "new")


def test_what_holds_no_lists_says_what_does(tmp_path):
    data = load(lines(tmp_path, x=TOKENS, label=LABELS))
    pd.DataFrame({"x": ["[1, 2]", "[3]"]}).to_csv(tmp_path / "cells.csv", index=False)
    with pytest.raises(
        UserError, match=r"column 'x' holds lists as text, '\[1, 2\]'; write the lists"
    ):
        said_in(data, str(tmp_path / "cells.csv"))
    pd.DataFrame({"x": list("abc")}).to_csv(tmp_path / "long.csv", index=False)
    advice = "or train with config.data.id and config.data.order where a file has a row per step"
    with pytest.raises(UserError, match=f"split the text into tokens first, {advice}"):
        said_in(data, str(tmp_path / "long.csv"))
