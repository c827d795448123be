"""Whole runs on sequences: trained, saved, loaded, asked, judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from resumption import stopped_after

from train import config as configs
from train import loop, predict
from train.config.data_options import Sequences
from train.config.net_options import LSTM, Dense
from train.config.options import Config, Optim, Train
from train.data.files.arrow import as_table
from train.data.files.read import read_table
from train.data.load import load_dataset
from train.errors import ReadingWarning, StoppedError, UserError
from train.evaluate import evaluate

WORDS = ("fly", "to", "rome", "paris", "now", "stay")


def sentences(n: int) -> list[dict[str, Any]]:
    """The intent is told by the first word, a city by a word, which is two tags long after "to"."""
    random = np.random.default_rng(0)
    rows = []
    for _ in range(n):
        first = random.choice(["fly", "stay"])
        city = str(random.choice(["rome", "paris"]))
        tokens = [first, "to", city, city]
        tags = ["O", "O", "B-city", "I-city"]
        extra = int(random.integers(0, 4))
        rows.append(
            {
                "words": tokens + ["now"] * extra,
                "tags": tags + ["O"] * extra,
                "intent": f"{first}-it",
            }
        )
    return rows


def waves(n: int) -> list[dict[str, Any]]:
    random = np.random.default_rng(1)
    rows = []
    for _ in range(n):
        slope = random.choice([-1, 1])
        steps = int(random.integers(3, 9))
        x = (
            slope * np.arange(steps)[:, None] * [0.5, 0.0]
            + random.standard_normal((steps, 2)) * 0.1
        )
        rows.append({"x": x.tolist(), "up": bool(slope > 0), "height": float(slope * steps)})
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def make_config(
    path: str, inputs: Any, target: Any, net: LSTM | None = None, epochs: int = 6, **data: Any
) -> Config:
    return Config(
        data=Sequences(path=path, inputs=inputs, target=target, **data),
        net=net or LSTM(hidden=(16,), bidirectional=True, readout="mean_max"),
        optim=Optim(name="adam", learning_rate=1e-2),
        train=Train(epochs=epochs, batch_size=8, importance_seconds=0),
    )


def fit(config: Config, folder: Path) -> Any:
    """What a run comes to; its scores go by the names of what was trained."""
    return loop.fit(config, folder)


def load(folder: Path) -> Any:
    """A run's net, whose answers are an array, or one for each target."""
    return predict.load(folder)


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    folder = tmp_path_factory.mktemp("tagged")
    path = write(folder / "s.jsonl", sentences(160))
    config = make_config(path, "words", ("tags", "intent"), LSTM((8,), bidirectional=True))
    return folder / "run", fit(config, folder / "run"), path


@pytest.fixture(scope="module")
def model(tagged: tuple[Path, dict[str, Any], str]) -> Any:
    """The run that was saved, loaded once: each load compiles anew."""
    return load(tagged[0])


def test_tags_and_a_label_are_learned_together(tagged):
    _, result, _ = tagged
    assert result["metrics"]["test"]["tags.f1"] == 1
    assert result["metrics"]["test"]["intent.accuracy"] == 1
    assert set(result["baselines"]["test"]["majority"]) >= {"tags.f1", "intent.accuracy"}
    assert result["task"]["tags"] == {
        "kind": "tags",
        "columns": ["tags"],
        "loss": "categorical_crossentropy",
    }


def test_predictions_hold_the_tags_as_lists(tagged):
    folder, _, _ = tagged
    table = pq.read_table(folder / "predictions.parquet")
    rows = sentences(160)
    for row in table.to_pylist():
        assert row["target_tags"] == rows[row["row"]]["tags"]
        assert len(row["tags"]) == len(rows[row["row"]]["words"])
        assert row["probability_fly-it"] + row["probability_stay-it"] == pytest.approx(1, abs=1e-5)
    assert "report.html" in {file.name for file in folder.iterdir()}


def test_a_loaded_network_answers_rows_in_their_order_alone_and_together(model):
    rows = sentences(160)
    words = [row["words"] for row in rows[:20]] + [["fly", "to", "atlantis"]]
    together = model({"words": words})
    assert [list(tags) for tags in together["tags"][:20]] == [row["tags"] for row in rows[:20]]
    assert len(together["tags"][20]) == 3
    for i in (0, 20):
        alone = model({"words": [words[i]]})
        assert list(alone["tags"][0]) == list(together["tags"][i])
        assert alone["intent"][0] == together["intent"][i]


def test_evaluate_agrees_with_the_run(tagged, model):
    path = tagged[2]
    scores = evaluate(model, read_table(path), path)
    assert scores["rows"] == 160 and scores["tags.f1"] == 1


def test_labels_and_tags_that_no_training_row_has_are_named_and_counted(model):
    known = sentences(20)
    strange = [dict(row) for row in sentences(3)]
    for row in strange:
        row["intent"] = "wait"
        row["tags"] = ["B-town", *row["tags"][1:]]
    scores: Any = evaluate(model, as_table(known + strange), "f")
    assert (scores["unseen_classes"], scores["unseen_tags"]) == (3, 3)
    assert scores["intent.accuracy"] == pytest.approx(20 / 23)
    alone = evaluate(model, as_table(known), "f")
    assert scores["intent.log_loss"] == pytest.approx(alone["intent.log_loss"])
    assert any("'wait' (3); they count as wrong" in note for note in scores["notes"])
    assert any("'tags'" in note and "'B-town' (3)" in note for note in scores["notes"])


def test_new_words_and_wrong_columns(model):
    with pytest.raises(
        UserError, match=r"config.data.inputs: data has no column 'words'; did you mean 'word'\?"
    ):
        model({"word": [["a"]]})
    with pytest.warns(ReadingWarning, match="1 of 2 sequences are empty"):
        answer = model({"words": [[], ["fly"]]})
    with pytest.warns(ReadingWarning, match="1 of 1 sequences are empty"):
        alone = model({"words": [[]]})
    assert answer["intent"][0] == alone["intent"][0]
    assert len(answer["tags"][0]) == 0


@pytest.mark.slow
def test_letters_and_the_means_of_steps_tell_them_too(tmp_path):
    path = write(tmp_path / "s.jsonl", sentences(160))
    config = make_config(path, "words", ("tags", "intent"), characters=True)
    scores = fit(config, tmp_path / "run")["metrics"]["test"]
    assert scores["tags.f1"] == scores["intent.accuracy"] == 1


@pytest.mark.slow
def test_a_run_resumed_ends_in_the_same_bits(tmp_path):
    path = write(tmp_path / "s.jsonl", sentences(60))
    net = LSTM(hidden=(8,), bidirectional=True, readout="max", dropout=0.3, rare=0.5)
    config = make_config(path, "words", ("tags", "intent"), net, epochs=4)
    whole = fit(config, tmp_path / "whole")
    with stopped_after(2), pytest.raises(StoppedError):
        fit(config, tmp_path / "parts")
    assert fit(config, tmp_path / "parts")["metrics"] == whole["metrics"]


@pytest.mark.slow
def test_numbers_tell_a_class_and_a_number(tmp_path):
    path = write(tmp_path / "s.jsonl", waves(200))
    net = LSTM(hidden=(16,), readout="last")
    result = fit(make_config(path, "x", ("up", "height"), net, epochs=12), tmp_path / "run")
    scores = result["metrics"]["test"]
    assert scores["up.accuracy"] > 0.95 and scores["height.r2"] > 0.8
    answers = load(tmp_path / "run")(
        {"x": [np.zeros((4, 2)).tolist(), (np.arange(6)[:, None] * [0.5, 0.0]).tolist()]}
    )
    assert len(answers["up"]) == 2
    assert answers["up"][1] and answers["height"][1] > 0


@pytest.mark.slow
def test_the_next_step_is_learned(tmp_path):
    rows = [{"x": [[(t + i) % 2, (t + i) % 2 ^ 1] for t in range(3 + i % 5)]} for i in range(80)]
    net = LSTM(hidden=(8,), cell="gru")
    path = write(tmp_path / "s.jsonl", rows)
    config = make_config(path, "x", (), net, epochs=20, next_step=True)
    result = fit(config, tmp_path / "run")
    assert result["metrics"]["test"]["nll"] < 0.3 * result["baselines"]["test"]["mean"]["nll"]
    answers = load(tmp_path / "run")({"x": [[[0, 1], [1, 0], [0, 1]]]})
    assert len(answers[0]) == 3
    assert answers[0][-1][0] > 0.8 and answers[0][-1][1] < 0.2  # what comes after the given steps


@pytest.mark.slow
def test_the_config_goes_on_with_chorales_like_rolls(tmp_path):
    """Chords of four notes that move by thirds, in rows of other lengths, as JSB has them."""
    random = np.random.default_rng(3)
    rolls = []
    for _ in range(80):
        first = random.integers(12)
        chords = (first + 4 * np.arange(random.integers(5, 30)))[:, None] + [0, 4, 7, 11]
        rolls.append({"x": np.eye(24, dtype=int)[chords % 24].sum(1).tolist()})
    data = {"path": write(tmp_path / "s.jsonl", rolls), "inputs": "x", "next_step": "true"}
    overrides = [(f"data.{name}", value) for name, value in data.items()]
    config = configs.load("configs/sequences.py", overrides)
    result = fit(config, tmp_path / "run")
    assert result["metrics"]["test"]["nll"] < 0.3 * result["baselines"]["test"]["mean"]["nll"]


@pytest.mark.slow
def test_a_number_at_every_step_is_learned(tmp_path):
    random = np.random.default_rng(4)
    steps = [random.standard_normal(random.integers(3, 12)) for _ in range(200)]
    rows = [{"x": x.tolist(), "y": (10 + 5 * np.cumsum(x)).tolist()} for x in steps]
    path = write(tmp_path / "s.jsonl", rows)
    config = make_config(path, "x", "y", LSTM(hidden=(32,)), epochs=40)
    result = fit(config, tmp_path / "run")
    assert result["metrics"]["test"]["r2"] > 0.9
    answers = load(tmp_path / "run")({"x": [[1.0, 1.0], [], [0.0, 0.0, 0.0]]})
    assert list(map(len, answers)) == [2, 0, 3]


@pytest.mark.slow
def test_a_crf_learns_what_follows_what(tmp_path):
    path = write(tmp_path / "s.jsonl", sentences(100))
    net = LSTM(hidden=(12,), bidirectional=True, readout="max", crf=True)
    result = fit(make_config(path, "words", "tags", net), tmp_path / "run")
    assert result["metrics"]["test"]["f1"] == 1
    assert result["task"]["tags"]["loss"] == "crf"


def test_a_row_per_step_is_answered_by_its_id(tmp_path):
    lines = ["who,at,x,up"]
    for i, row in enumerate(waves(120)):
        lines += [f"{i}-th,{t},{step[0]},{row['up']}" for t, step in enumerate(row["x"])]
    path = tmp_path / "long.csv"
    path.write_text("\n".join(lines) + "\n")
    config = make_config(str(path), "x", "up", LSTM(hidden=(8,)), 12, id="who", order="at")
    assert fit(config, tmp_path / "run")["metrics"]["test"]["accuracy"] > 0.95
    table = load(tmp_path / "run").table(read_table(path), str(path))
    assert table.column_names[:3] == ["row", "who", "prediction"]
    assert table.num_rows == 120
    assert table["who"][7].as_py() == "7-th"
    found = evaluate(load(tmp_path / "run"), read_table(path), str(path))
    assert found["rows"] == 120 and "notes" not in found
    lists = [
        {"x": [step[0] for step in row["x"]], "who": f"{i}-th"} for i, row in enumerate(waves(120))
    ]
    of_lists = load(tmp_path / "run").table(as_table(lists), "lists")
    assert of_lists.equals(table)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"net": Dense()}, "config.net: Dense reads"),
        (
            {"net": LSTM(bidirectional=True), "next_step": True},
            "config.net.bidirectional: .* what it predicts",
        ),
        ({"net": LSTM(patch=4), "next_step": True}, "config.net.patch"),
        (
            {"net": LSTM(convolutions=(6,)), "next_step": True},
            "config.net.convolutions: looks ahead",
        ),
        (
            {"net": LSTM(own_scale=True), "next_step": True},
            "config.net.own_scale: .* set it to false",
        ),
        ({"net": LSTM(convolutions=(2,))}, "config.net.convolutions: 2 filters .* 3 widths"),
        ({"net": LSTM(convolutions=(2,), widths=())}, "config.net.widths"),
        ({"net": LSTM(pool=3)}, "config.net.pool: not used by config.net.convolutions=()"),
        ({"net": LSTM(shortcut=True)}, "config.net.shortcut: is for config.data=Series"),
    ],
)
def test_options_that_contradict_are_refused(fields, message):
    next_step = fields.get("next_step", False)
    data = Sequences(
        path="s.jsonl", inputs="x", target=() if next_step else "y", next_step=next_step
    )
    with pytest.raises(UserError, match=message):
        configs.validate(Config(data=data, net=fields["net"]))


@pytest.mark.parametrize("field", ["patch", "pool", "stride"])
def test_steps_with_an_answer_each_are_not_read_as_one(tmp_path, field):
    path = write(tmp_path / "s.jsonl", sentences(40))
    net = LSTM(**{"convolutions": (6,), field: 2})
    with pytest.raises(UserError, match=f"config.net.{field}: 2 steps as one"):
        load_dataset(make_config(path, "words", "tags", net))
    with pytest.raises(UserError, match=r"own_scale: scales numbers"):
        load_dataset(make_config(path, "words", "intent", LSTM(own_scale=True)))


@pytest.mark.slow
def test_convolutions_compose_with_populations_averages_and_resumption(tmp_path):
    path = write(tmp_path / "s.jsonl", waves(120))
    net = LSTM(
        hidden=(8,),
        bidirectional=True,
        convolutions=(6, 6),
        widths=(3, 5),
        pool=2,
        fixed_filters=84,
        own_scale=True,
        readout="mean_max_last",
        dropout=0.2,
    )
    config = make_config(path, "x", "up", net, epochs=8)
    config.optim.ema = 0.5
    config.population.folds = 2
    whole = fit(config, tmp_path / "whole")
    assert whole["metrics"]["test"]["accuracy"] > 0.9
    with stopped_after(4), pytest.raises(StoppedError):
        fit(config, tmp_path / "parts")
    assert fit(config, tmp_path / "parts")["metrics"] == whole["metrics"]
    model = load(tmp_path / "whole")
    rows = {"x": [row["x"] for row in waves(9)]}
    together = model(rows)
    alone = [model({"x": [x]})[0] for x in rows["x"]]
    assert list(together) == alone


def test_arrays_of_any_rank_are_columns_of_lists():
    array = np.arange(12.0).reshape(2, 3, 2)
    for given in (array, list(array)):
        assert as_table({"x": given})["x"].to_pylist() == array.tolist()


def test_the_report_leads_with_the_entities(tagged):
    folder, _, _ = tagged
    page = (folder / "report.html").read_text()
    assert "Test f1 of tags <b>1" in page and '<ol class="sentence">' in page
    by_class = json.loads((folder / "result.json").read_text())["classes"]["test"]
    assert by_class["tags"]["f1"] == [1.0] * len(by_class["tags"]["entities"])
