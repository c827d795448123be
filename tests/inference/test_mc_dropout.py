"""Answers with dropout left on: their mean and deviation, drawn by a seed, of each row alone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading import as_kinds

from train import loop, predict
from train.config import LSTM, Config, Dense, Optim, Sequences, Series, Table, Train
from train.data.dataset import Head
from train.data.files.read import read_table
from train.data.files.write import write_table
from train.errors import UserError
from train.inference.mc_dropout import make_sampler, summarise

RATE = 0.4


def rows(n: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 3))
    y = 1e5 + 20 * (x.sum(1) + 0.1 * random.normal(size=n))
    return pa.table(
        {
            "a": x[:, 0],
            "b": x[:, 1],
            "c": x[:, 2],
            "y": y,
            "kind": np.where(x[:, 0] > 0, "up", "down"),
        }
    )


class Runs(dict[str, Path]):
    """Nets on numbers and one on classes, each trained when a test first asks for it."""

    def __init__(self, root: Path):
        super().__init__(data=root / "data.parquet")
        self.root = root
        write_table(rows(400, 0), self["data"])

    def __missing__(self, name: str) -> Path:
        path = str(self["data"])
        data = Table(path=path, target="y", features=("a", "b", "c"), valid=0.2)
        net = Dense(hidden=(12,), activation="linear", dropout=RATE)
        optim = Optim(name="adam", learning_rate=1e-2)
        config = Config(data=data, net=net, loss="mse", optim=optim, train=Train(epochs=10))
        changes = {
            "linear": {},
            "norm": {"net": dataclasses.replace(net, norm="batch", dropout=1e-7)},
            "gaussian": {"loss": "gaussian"},
            "class": {"loss": "auto", "data": dataclasses.replace(data, target="kind")},
        }
        self[name] = self.root / name
        loop.fit(dataclasses.replace(config, **changes[name]), self[name])
        return self[name]


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Runs:
    return Runs(tmp_path_factory.mktemp("runs"))


def test_means_and_deviations_by_numpy():
    random = np.random.default_rng(0)
    samples, own = random.normal(size=(2, 7, 5, 2)).astype(np.float32)
    made = summarise({"value": jnp.asarray(samples)}, ["value"])
    np.testing.assert_allclose(made["value"], samples.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(made["value.deviation"], samples.std(0, ddof=1), rtol=1e-5)
    both = {"value": jnp.asarray(samples), "value.deviation": jnp.asarray(np.abs(own))}
    mixture = np.sqrt(samples.var(0, ddof=1) + np.square(own).mean(0))
    np.testing.assert_allclose(summarise(both, ["value"])["value.deviation"], mixture, rtol=1e-5)


@pytest.mark.slow
def test_of_a_linear_net_mean_and_deviation_have_a_formula(runs):
    """The variance of dropout's sum is p / (1 - p) times the sum of squares.

    For a unit that is kept counts 1 / (1 - p) times.
    """
    model = predict.load(runs["linear"])
    table = rows(300, 1)
    columns = model.columns(table, dropout_samples=2000)
    assert list(columns) == ["prediction", "deviation"]
    params, fitted = (jax.device_get(model.variables[name]) for name in ("params", "statistics"))
    numbers_bf = model.encoder.encode(table, "")["numbers"]
    x_bf = (numbers_bf - fitted["inputs"]["center"]) / fitted["inputs"]["scale"]
    layer = params["body"]["layer_0"]
    head = params["output"]["head_0_value"]
    part_bh = (x_bf @ layer["kernel"] + layer["bias"]) * head["kernel"][:, 0]
    unit = fitted["targets"]["value"]["scale"] * model.encoder.units["value"]
    wanted = np.sqrt(RATE / (1 - RATE) * np.square(part_bh).sum(1)) * unit
    np.testing.assert_allclose(columns["deviation"], wanted, rtol=0.1)
    assert (columns["deviation"] / wanted).mean() == pytest.approx(1, abs=0.02)
    error = (columns["prediction"] - model(table)) / wanted  # of a mean over 2000
    assert np.abs(error).max() < 4.5 / np.sqrt(2000)


def test_a_row_alone_has_the_bits_of_the_row_in_a_crowd(runs):
    model = predict.load(runs["linear"])
    table = rows(300, 2)
    crowd = model.columns(table, dropout_samples=8)
    for place in (0, 7, 255, 256, 299):
        alone = model.columns(table.slice(place, 1), dropout_samples=8)
        assert {name: values[0] for name, values in alone.items()} == {
            n: v[place] for n, v in crowd.items()
        }


def test_a_seed_draws_the_same_nets_again_and_another_seed_others(runs):
    first, again, other = (
        predict.load(runs["linear"]).columns(rows(20, 3), dropout_samples=5, seed=seed)
        for seed in (4, 4, 5)
    )
    assert all((first[name] == again[name]).all() for name in first)
    assert all((first[name] != other[name]).all() for name in first)


def test_one_sample_has_no_deviation(runs):
    with pytest.raises(UserError, match=r"^dropout_samples: expected an integer, at least 2, got"):
        predict.load(runs["linear"]).columns(rows(2, 3), dropout_samples=1)


@pytest.mark.slow
def test_batch_norm_keeps_what_it_has_learned(runs):
    """With next to nothing dropped the answers are the net's, whatever stands in the batch."""
    model = predict.load(runs["norm"])
    table = rows(10, 4)
    columns = model.columns(table, dropout_samples=4)
    np.testing.assert_allclose(columns["prediction"], model(table), rtol=1e-6)
    assert (columns["deviation"] < 1e-3).all()


@pytest.mark.slow
def test_a_deviation_that_the_net_answers_becomes_part_of_the_whole(runs):
    model = predict.load(runs["gaussian"])
    table = rows(50, 5)
    own = model.columns(table)["deviation"]
    whole = model.columns(table, dropout_samples=300)["deviation"]
    assert (whole > own * 1.02).mean() > 0.9


@pytest.mark.slow
def test_probabilities_are_means_and_have_deviations(runs):
    columns = predict.load(runs["class"]).columns(rows(50, 6), dropout_samples=50)
    assert list(columns) == [
        "prediction",
        "probability_down",
        "probability_up",
        "deviation_down",
        "deviation_up",
    ]
    np.testing.assert_allclose(
        columns["probability_down"] + columns["probability_up"], 1, rtol=1e-6
    )
    np.testing.assert_array_equal(columns["deviation_down"], columns["deviation_up"])
    assert (columns["prediction"] == np.where(columns["probability_up"] > 0.5, "up", "down")).all()
    unsure = np.abs(columns["probability_up"] - 0.5) < 0.2
    assert columns["deviation_up"][unsure].mean() > columns["deviation_up"][~unsure].mean()


def test_the_command_writes_mean_and_deviation(runs, tmp_path):
    out = tmp_path / "out.csv"
    flags = [
        f"--workdir={runs['linear']}",
        f"--data={runs['data']}",
        f"--out={out}",
        "--dropout_samples=6",
        "--seed=3",
    ]
    assert predict.main(flags) == 0
    written = as_kinds(read_table(str(out)))
    table = pq.read_table(runs["data"])
    assert written.column_names == ["row", "prediction", "deviation"]
    wanted = predict.load(runs["linear"]).columns(table, dropout_samples=6, seed=3)
    np.testing.assert_array_equal(written["deviation"], wanted["deviation"])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--dropout_samples=9", "--interval=0.9"], r"--interval: .* leave out --dropout_samples"),
        (["--dropout_samples=1"], r"--dropout_samples: expected an integer, at least 2, got '1'"),
        (
            ["--dropout_samples=many"],
            r"--dropout_samples: expected an integer, at least 2, got 'many'",
        ),
        (["--seed=1"], r"--seed: is for --samples"),
        (
            ["--dropout_samples=9", "--seed=-1"],
            r"--seed: expected an integer, at least 0 and at most 4294967295",
        ),
    ],
)
def test_samples_that_cannot_be_drawn_are_refused(runs, flags, message):
    with pytest.raises(UserError, match=message):
        predict.main([f"--workdir={runs['linear']}", f"--data={runs['data']}", *flags])


@pytest.mark.parametrize(
    "net",
    [Dense(hidden=(8,), dropout=0.0), Dense(hidden=(), dropout=0.5), LSTM(dropout=0.0, noise=0.5)],
)
def test_a_net_that_drops_nothing_is_refused(net):
    head = Head("value", "regression", ("y",), (), 1)
    with pytest.raises(
        UserError,
        match=r"--dropout_samples: this net has no dropout, .* config\.net\.dropout above 0",
    ):
        make_sampler(Config(net=net), SimpleNamespace(heads=(head,)))


def test_answers_at_every_step_are_refused():
    heads = (
        Head("value", "regression", ("y",), (), 1),
        Head("part", "tags", ("part",), ("N", "V"), 2),
    )
    with pytest.raises(UserError, match="--dropout_samples: 'part' is answered at every step"):
        make_sampler(Config(net=LSTM(dropout=0.5)), SimpleNamespace(heads=heads))


@pytest.mark.slow
def test_of_sequences_only_dropout_is_random(tmp_path):
    """Noise, offset and crop, which training adds, reach no answer; no word becomes unknown."""
    random = np.random.default_rng(7)
    path = tmp_path / "data.jsonl"
    words = {"w": ["a", "b"] * 2 + ["c"]}
    lines = [words | {"x": random.normal(size=5).tolist()} for _ in range(40)]
    path.write_text("".join(json.dumps(line | {"height": sum(line["x"])}) + "\n" for line in lines))
    net = LSTM(hidden=(6,), dropout=1e-7, noise=0.5, offset=0.5, crop=0.5, rare=5.0)
    data = Sequences(path=str(path), inputs=("x", "w"), target="height")
    config = Config(data=data, loss="mse", net=net, train=Train(epochs=2))
    loop.fit(config, tmp_path / "still")
    model = predict.load(tmp_path / "still")
    table = read_table(str(path), ())
    columns = model.columns(table, dropout_samples=4)
    np.testing.assert_allclose(columns["prediction"], model(table), rtol=1e-4, atol=1e-5)
    assert (columns["deviation"] < 1e-5).all()


@pytest.mark.slow
def test_forecasts_have_a_deviation_at_every_step(tmp_path):
    load = np.sin(np.arange(200) / 4) * 8
    write_table(pa.table({"load": load}), tmp_path / "load.csv")
    data = Series(path=str(tmp_path / "load.csv"), target="load", lookback=8, horizon=3)
    net = LSTM(hidden=(6,), recurrent_dropout=0.5)
    loop.fit(Config(data=data, loss="mse", net=net, train=Train(epochs=2)), tmp_path / "run")
    columns = predict.load(tmp_path / "run").columns(
        read_table(str(tmp_path / "load.csv"), ()), dropout_samples=20
    )
    assert list(columns) == ["row", "load", "deviation"]
    assert columns["deviation"].shape == (3,) and (columns["deviation"] > 0).all()
