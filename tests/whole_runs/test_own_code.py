"""Whole runs with a user's own net, loss and optimizer: trained, resumed, judged, exported."""

from __future__ import annotations

import pickle
import sys
from functools import partial

import flax.linen as nn
import numpy as np
import optax
import pandas as pd
import pytest
from sklearn.base import clone

from tests import own_nets
from train import check, evaluate, export, loop, predict
from train import config as configs
from train.config import Config, Population, Table, Train
from train.errors import UserError
from train.estimators import DenseRegressor
from train.inference.load import read_start

TRUST = ("tests.own_nets.Normed", "tests.own_nets.Gated", "jax.nn.silu")


def frame(n: int = 90) -> pd.DataFrame:
    """Numbers, gaps and words, and a number to predict."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": rng.normal(size=n), "b": rng.choice(["x", "y"], n)})
    rows["y"] = 2 * rows["a"] + (rows["b"] == "x")
    rows.loc[::9, "a"] = np.nan
    return rows


def config(**given: object) -> Config:
    """A config with own code, on rows in memory."""
    train = Train(epochs=2, tree_seconds=0, importance_seconds=0, linear_seconds=0, report=False)
    net = own_nets.Normed(own_nets.Gated(hidden=4, activation=nn.silu))
    whole = {
        "data": Table(target="y"),
        "net": net,
        "loss": partial(own_nets.asymmetric, over=2.0),
        "optim": partial(optax.adabelief, learning_rate=3e-3),
        "train": train,
    }
    return Config(**{**whole, **given})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of it."""
    folder = tmp_path_factory.mktemp("own") / "run"
    loop.fit(config(), folder, data=frame(), verbose=False)
    return folder


@pytest.mark.slow
def test_a_folder_answers_only_those_who_trust_it(folder, tmp_path, capsys, monkeypatch):
    with pytest.raises(UserError, match=r"run: config.net would import tests.own_nets.Normed"):
        predict.load(folder)
    model = predict.load(folder, TRUST)
    answers = model(frame())
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model))(frame()), answers)
    np.testing.assert_array_equal(predict.load(folder, ",".join(TRUST))(frame()[3:4]), answers[3])
    assert check.main([f"--workdir={folder}"]) == 2
    assert "BAD the net: does not load" in capsys.readouterr().out
    assert check.main([f"--workdir={folder}", f"--trust={','.join(TRUST)}"]) == 0
    data = tmp_path / "rows.csv"
    frame().to_csv(data, index=False)
    flags = [f"--workdir={folder}", f"--data={data}", f"--trust={','.join(TRUST)}"]
    assert evaluate.main(flags) == 0 and '"rmse"' in capsys.readouterr().out
    with pytest.raises(UserError, match=r"would import"):
        export.export(folder, tmp_path / "net.safetensors")
    with pytest.raises(UserError, match=r"^dropout_samples: .*Normed"):
        model.columns(frame(), dropout_samples=3)
    monkeypatch.delitem(sys.modules, "tests.own_nets")
    with pytest.raises(UserError, match=r"would import"):
        read_start(folder)
    assert "tests.own_nets" not in sys.modules


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["onnx", "stablehlo", "safetensors"])
def test_a_net_is_exported(folder, tmp_path, ending):
    if ending == "onnx":
        onnxruntime = pytest.importorskip("onnxruntime")
    out = tmp_path / f"net.{ending}"
    export.export(folder, out, trust=TRUST)
    assert out.stat().st_size > 1000
    if ending != "onnx":
        return
    session = onnxruntime.InferenceSession(str(out))
    rows = frame()
    given = {"a": rows["a"].to_numpy(), "b": rows["b"].to_numpy(object)}
    (answers,) = session.run(["prediction"], given)
    expected = predict.load(folder, TRUST)(rows)
    np.testing.assert_allclose(np.ravel(answers), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_a_run_goes_on_and_ends_in_the_bits_of_one_that_was_not_stopped(tmp_path):
    longer = config()
    longer.train.epochs = 4
    loop.fit(config(), tmp_path / "run", data=frame(), verbose=False)
    loop.fit(longer, tmp_path / "run", data=frame(), verbose=False)
    loop.fit(longer, tmp_path / "whole", data=frame(), verbose=False)
    one, other = (predict.load(tmp_path / name, TRUST)(frame()) for name in ("run", "whole"))
    np.testing.assert_array_equal(one, other)
    changed = config(net=own_nets.Gated(hidden=3))
    with pytest.raises(UserError, match=r"holds a run of another config \(config.net.kind"):
        loop.fit(changed, tmp_path / "run", data=frame(), verbose=False)


@pytest.mark.slow
def test_a_population_varies_fields_of_a_module(tmp_path):
    grid = {"net.hidden": (2, 4), "net.activation": (nn.silu, nn.relu)}
    population = Population(seeds=2, grid=grid, keep="ensemble")
    own = config(population=population, net=own_nets.Gated(), loss="auto")
    result = loop.fit(own, tmp_path / "run", data=frame(), verbose=False)
    assert result["members"] == 8
    with pytest.raises(UserError, match=r"jax.nn.silu and jax.nn.relu|jax.nn.relu and jax.nn.silu"):
        predict.load(tmp_path / "run", "tests.own_nets.Gated")
    model = predict.load(tmp_path / "run", ("tests.own_nets.Gated", "jax.nn.silu", "jax.nn.relu"))
    assert np.isfinite(model(frame())).all()
    folds = config(population=Population(folds=3))
    loop.fit(folds, tmp_path / "folds", data=frame(), verbose=False)
    assert predict.load(tmp_path / "folds", TRUST).ensemble.has_members


@pytest.mark.slow
def test_penalties_ask_for_kernels(tmp_path):
    with pytest.raises(UserError, match=r"config.optim.l2: .*Weights has none"):
        loop.fit(
            config(net=own_nets.Weights(), optim=configs.Optim(l2=0.1)),
            tmp_path / "run",
            data=frame(),
            verbose=False,
        )


@pytest.mark.slow
def test_statistics_of_a_batch_ask_for_whole_batches(tmp_path):
    with pytest.raises(UserError, match=r"config.devices.exact: .*Normed keeps batch_stats"):
        loop.fit(
            config(devices=configs.Devices(exact=2)), tmp_path / "run", data=frame(), verbose=False
        )


@pytest.mark.slow
def test_estimators_take_own_code_by_their_config():
    rows = frame()
    model = DenseRegressor(config(), loss=own_nets.asymmetric, workdir=None)
    model = clone(model).fit(rows[["a", "b"]], rows["y"])
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(rows[["a", "b"]]), model.predict(rows[["a", "b"]]))
    assert copy.model_.config.loss == "tests.own_nets.asymmetric"


@pytest.mark.slow
def test_sequences_and_series_take_a_module_of_steps(tmp_path):
    trust = ("tests.own_nets.Attending",)
    rng = np.random.default_rng(0)
    train = Train(epochs=2, report=False)
    rows = {
        "x": [rng.normal(size=n).tolist() for n in rng.integers(3, 9, 40)],
        "y": ["u", "v"] * 20,
    }
    data = configs.Sequences(inputs="x", target="y")
    own = Config(data=data, net=own_nets.Attending(), train=train)
    loop.fit(own, tmp_path / "sequences", data=rows, verbose=False)
    model = predict.load(tmp_path / "sequences", trust)
    whole = model.columns(rows)["probability_u"]
    alone = model.columns({"x": rows["x"][7:8]})["probability_u"]
    assert alone[0] == whole[7]  # whatever the length of the others
    with pytest.raises(UserError, match="step: only a net for sequences"):
        model.step({"x": rows["x"][:1]})
    series = configs.Series(target="load", lookback=12, horizon=3)
    own = Config(data=series, net=own_nets.Attending(hidden=6), train=train, loss="mae")
    load = {"load": np.sin(np.arange(150) / 4)}
    loop.fit(own, tmp_path / "series", data=load, verbose=False)
    assert np.isfinite(predict.load(tmp_path / "series", trust)(load)).all()
    named = [np.where(np.array(x) > 0, "a", "b").tolist() for x in rows["x"]]
    tags = {"x": rows["x"], "y": named}
    own = Config(data=data, net=own_nets.Attending(), train=train, population=Population(seeds=2))
    loop.fit(own, tmp_path / "tags", data=tags, verbose=False)
    assert len(predict.load(tmp_path / "tags", trust)(tags)[3]) == len(rows["x"][3])
