"""Autoencoders in whole runs: what they learn, what the folder answers with, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train import config as configs
from train import loop, predict
from train.config import (
    LSTM,
    Augment,
    Competitive,
    Config,
    Dense,
    Optim,
    Perceptron,
    Population,
    Sequences,
    Table,
    Train,
)
from train.data.files.read import read_table
from train.data.files.write import write_pieces
from train.errors import UserError
from train.evaluate import evaluate
from train.inference.files import predict_file
from train.run.log import read_history

DIGITS = Table(path="builtin:digits", label="digit", valid=0.15, test=0.2)
ADAM = Optim(name="adam", learning_rate=3e-3)


def config_of(**fields: Any) -> Config:
    fields = {
        "data": DIGITS,
        "net": Dense((64,), code=4),
        "optim": ADAM,
        "train": Train(epochs=10),
    } | fields
    return Config(loss="reconstruction", **fields)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A run on digits."""
    found = tmp_path_factory.mktemp("digits") / "run"
    loop.fit(config_of(train=Train(epochs=30)), found)
    return found


def test_a_linear_one_finds_the_plane_of_the_components(tmp_path):
    """A linear autoencoder at its minimum gives back what as many principal components do.

    Baldi & Hornik (1989).
    """
    data = Table(path="builtin:iris", label="species", valid=0, test=0)
    train = Train(epochs=1000, batch_size=30, eval_every=500)
    optim = Optim(name="adam", learning_rate=3e-2, schedule="cosine")
    result = loop.fit(
        config_of(data=data, net=Dense((), code=2), train=train, optim=optim),
        tmp_path / "run",
    )
    ours = result["metrics"]["train"]["rmse"]
    pca = result["baselines"]["train"]["pca"]["rmse"]
    assert pca <= ours * (1 + 1e-6)  # nothing linear is below it
    assert ours == pytest.approx(pca, rel=1e-5)


@pytest.mark.slow
def test_a_deep_one_passes_as_many_components(folder):
    result = json.loads((folder / "result.json").read_text())
    scores = result["metrics"]["test"]
    baselines = result["baselines"]["test"]
    assert scores["rmse"] < 0.85 * baselines["pca"]["rmse"] < 0.85 * baselines["mean"]["rmse"]
    assert scores["r2"] > baselines["pca"]["r2"] + 0.1
    history = read_history(folder)
    assert {"rmse", "r2"} <= {name for line in history if line["split"] == "valid" for name in line}


@pytest.mark.slow
def test_the_folder_answers_with_codes_and_errors(folder):
    model = predict.load(folder)
    table = read_table("builtin:digits")
    answers = model.table(table)
    assert answers.column_names == ["row", "code_1", "code_2", "code_3", "code_4", "error"]
    strange = table.slice(0, 50)
    shuffled = pa.table(
        {
            name: column.take(pa.array(np.random.default_rng(i).permutation(50)))
            for i, (name, column) in enumerate(
                zip(strange.column_names, strange.columns, strict=True)
            )
        }
    )
    plain, torn = (np.asarray(model.columns(rows)["error"]) for rows in (strange, shuffled))
    # Rows unlike those of training are told by their error.
    assert np.median(torn) > 2 * np.median(plain)
    saved = pq.read_table(folder / "predictions.parquet")
    rows = saved["row"].to_numpy()
    np.testing.assert_allclose(saved["error"], np.asarray(answers["error"])[rows], rtol=1e-5)
    assert saved["digit"].to_pylist() == table["digit"].take(pa.array(rows)).to_pylist()
    again = evaluate(model, table.take(pa.array(rows)))
    result = json.loads((folder / "result.json").read_text())
    assert again["rmse"] == pytest.approx(result["metrics"]["test"]["rmse"], rel=1e-6)


@pytest.mark.slow
def test_the_report_draws_codes_by_label_and_what_comes_back(folder):
    text = (folder / "report.html").read_text()
    assert (
        "by their code" not in text
        and "on the first two principal components of their codes" in text
    )
    assert "By column" in text and "for PCA" in text


def mixed_rows(path: Path, n: int = 400, gaps: float = 0.0) -> str:
    """Two hidden numbers behind four columns and a category; `gaps` of the cells are left out."""
    random = np.random.default_rng(0)
    mix = random.normal(size=(2, 4))
    z = random.normal(size=(n, 2))
    columns: dict[str, Any] = {f"x{i}": z @ mix[:, i] for i in range(4)}
    columns["kind"] = np.where(z[:, 0] > 0.5, "high", np.where(z[:, 0] < -0.5, "low", "middle"))
    for name, values in columns.items():
        columns[name] = [None if random.random() < gaps else value for value in values.tolist()]
    pq.write_table(pa.table(columns), path)
    return str(path)


@pytest.mark.slow
def test_categories_come_back_too_and_gaps_cost_nothing(tmp_path):
    result = {}
    for name, gaps in (("whole", 0.0), ("torn", 0.15)):
        data = Table(path=mixed_rows(tmp_path / f"{name}.parquet", gaps=gaps), valid=0.2, test=0.2)
        net = Dense((32,), activation="tanh", code=2)
        result[name] = loop.fit(
            config_of(data=data, net=net, train=Train(epochs=60)), tmp_path / name
        )
    whole = result["whole"]["metrics"]["test"]
    torn = result["torn"]["metrics"]["test"]
    assert whole["r2"] > 0.97 and whole["accuracy"] > 0.9
    assert torn["r2"] > 0.6 and torn["accuracy"] > 0.7
    assert result["whole"]["baselines"]["test"]["mean"]["accuracy"] < 0.6


@pytest.mark.slow
def test_noise_is_on_what_is_read_alone(tmp_path):
    """A denoising net is asked for the clean row, and comes nearer to it from a noisy one.

    It is compared with a net that was trained without noise.
    """
    errors = {}
    for name, noise in (("plain", 0.0), ("denoising", 1.0)):
        found = tmp_path / name
        loop.fit(
            config_of(
                net=Dense((128,), code=16), augment=Augment(noise=noise), train=Train(epochs=30)
            ),
            found,
        )
        model = predict.load(found)
        table = read_table("builtin:digits")
        inputs = model.encoder.encode(table, "digits")["numbers"]
        clean = model.answers({"numbers": inputs})["row"]
        noisy = inputs + inputs.std(0) * np.random.default_rng(1).normal(size=inputs.shape).astype(
            np.float32
        )
        errors[name] = np.sqrt(
            np.mean((model.answers({"numbers": noisy})["reconstruction"] - clean) ** 2)
        )
    assert errors["denoising"] < 0.9 * errors["plain"]


@pytest.mark.slow
def test_of_several_nets_the_best_answers(tmp_path):
    result = loop.fit(
        config_of(population=Population(seeds=3, grid={"net.code": (2, 8)})), tmp_path / "run"
    )
    assert result["members"] == 6 and len(result["kept"]) == 1
    assert result["settings"][0]["values"] == {"net.code": 8}  # more numbers tell more
    best = min(result["per_member"], key=lambda member: member["value"])
    assert best["member"] in result["kept"]
    columns = predict.load(tmp_path / "run")(
        {name: np.zeros(3) for name in predict.load(tmp_path / "run").encoder.number_names}
    )
    assert len(columns["code_8"]) == 3


@pytest.mark.slow
def test_a_stream_is_given_back_as_rows_in_memory_are(tmp_path):
    path = mixed_rows(tmp_path / "rows.parquet", n=2000)
    test_path = mixed_rows(tmp_path / "test.parquet", n=200)
    scores = {}
    for stream in (False, True):
        data = Table(path=path, test_path=test_path, valid=0.1, stream=stream)
        result = loop.fit(
            config_of(data=data, net=Dense((32,), code=2), train=Train(epochs=8)),
            tmp_path / f"{stream}",
        )
        scores[stream] = result["metrics"]["test"]
    assert (
        scores[True]["r2"] == pytest.approx(scores[False]["r2"], abs=0.05)
        and scores[True]["r2"] > 0.85
    )


@pytest.mark.slow
def test_clusters_of_codes(tmp_path, folder):
    """Codes go to a file with the label beside them; clusters among them agree with the digits."""
    codes = tmp_path / "codes.parquet"
    write_pieces(predict_file(predict.load(folder), "builtin:digits", ("digit",)), codes)
    data = Table(path=str(codes), label="digit", ignore=("row", "error"), valid=0, test=0)
    net = Competitive(units=10, restarts=5)
    scores = loop.fit(
        Config(data=data, net=net, train=Train(epochs=20, batch_size=256)), tmp_path / "run"
    )["metrics"]
    assert scores["train"]["adjusted_rand_index"] > 0.3


@pytest.mark.slow
def test_columns_to_copy_must_be_there_and_be_no_answers(folder, tmp_path):
    model = predict.load(folder)
    with pytest.raises(
        UserError, match="--copy: builtin:digits has no column 'digits'; did you mean 'digit'"
    ):
        next(predict_file(model, "builtin:digits", ("digits",)))
    rows = pa.table({name: np.zeros(2) for name in model.encoder.number_names} | {"error": [1, 2]})
    pq.write_table(rows, tmp_path / "rows.parquet")
    with pytest.raises(UserError, match="--copy: 'error' is the name of a column of the answers"):
        next(predict_file(model, str(tmp_path / "rows.parquet"), ("error",)))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"net": Dense()}, "config.net.code: an autoencoder needs one"),
        ({"net": Perceptron()}, "config.loss: reconstruction is not for a Perceptron"),
        ({"net": Competitive()}, "config.loss: a Competitive has its own"),
        (
            {"net": LSTM(), "data": Sequences(path="x", inputs="x", target="y")},
            "config.loss: reconstruction is for config.net=Dense",
        ),
        (
            {"data": replace(DIGITS, target="digit", label=None)},
            "config.data.target: not used by config.loss=reconstruction",
        ),
        ({"augment": Augment(mixup=0.2)}, "config.augment.mixup: is for nets with a target"),
        (
            {"class_weight": "balanced"},
            "config.class_weight: config.loss=reconstruction learns from no class",
        ),
        (
            {"label_smoothing": 0.1},
            "config.label_smoothing: config.loss=reconstruction learns from no class",
        ),
        (
            {"net": Dense(code=2, clip_outputs=True)},
            "config.net.clip_outputs: is for numbers to predict",
        ),
    ],
)
def test_what_does_not_go_together(fields, message):
    with pytest.raises(UserError, match=message):
        configs.validate(config_of(**fields))


def test_a_code_is_for_autoencoders():
    config = Config(data=Table(path="builtin:iris", target="species"), net=Dense(code=2))
    with pytest.raises(UserError, match=r"config.net.code: is for config.loss=reconstruction"):
        configs.validate(config)


def test_a_label_is_not_named_as_an_answer(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b,error\n" + "".join(f"{i},{i * i},{i % 3}\n" for i in range(20)))
    with pytest.raises(
        UserError, match=r"config.data.label: 'error' is the name of a column of the answers"
    ):
        loop.fit(config_of(data=Table(path=str(path), label="error")), tmp_path / "run")


@pytest.mark.slow
def test_thinned_nets_have_no_codes(folder):
    model = predict.load(folder)
    model.config.net.dropout = 0.5
    with pytest.raises(UserError, match=r"^dropout_samples: a code is no answer"):
        model.columns(read_table("builtin:digits").slice(0, 5), dropout_samples=3)
