"""A run of the config `series` on series with far outliers, which it reads as asinh."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from train import config as configs
from train import loop, predict
from train.inference.load import read_start
from train.portable import stablehlo

CONFIG = Path(__file__).parents[2] / "configs" / "series.py"


def test_far_outliers_are_read_as_asinh_which_is_said_saved_and_answered_by(tmp_path: Path):
    random = np.random.default_rng(0)
    load = random.normal(size=300)
    load[::9] *= 40
    pq.write_table(pa.table({"load": 7 + load}), tmp_path / "load.parquet")
    options = {
        "data.path": str(tmp_path / "load.parquet"),
        "data.target": "load",
        "data.lookback": "8",
        "data.horizon": "2",
        "net.hidden": "4",
        "train.epochs": "2",
        "train.report": "false",
        "loss": "auto",
    }
    said: list[str] = []
    result = loop.fit(configs.load(CONFIG, options), tmp_path / "run", echo=said.append)
    assert [line for line in said if line.startswith("config.data.asinh: auto reads 'load' as")]
    written = json.loads((tmp_path / "run" / "config.json").read_text())["config"]
    assert written["data"]["asinh"] == ["load"] and written["loss"] == "mae"
    test = result["metrics"]["test"]
    model = predict.load(tmp_path / "run")
    table = pa.table({"load": 7 + load[:250]})
    answers = model.columns(table, interval=0.8)
    again = predict.load(tmp_path / "run").columns(table, interval=0.8)
    for name, values in answers.items():
        np.testing.assert_array_equal(values, again[name])
    # In the file's units: nearer to most of its values than to 0 or to asinh of them.
    assert 5 < answers["load"].min() <= answers["load"].max() < 9
    assert 0.5 < test["mae"] < 15
    exported = tmp_path / "net.stablehlo"
    exported.write_bytes(stablehlo.as_stablehlo(model))
    inputs = model.encoder.read(table, "table").inputs
    value = stablehlo.load(exported).answer({"past": inputs["past"]})
    raw = model.encoder.to_units(value)["value"][0]
    np.testing.assert_allclose(raw, answers["load"], rtol=1e-5)
    # The same rows go on from where the run stands, and so does the same command.
    more = configs.load(CONFIG, options | {"train.epochs": "3"})
    assert loop.fit(more, tmp_path / "run", verbose=False)["epochs"] == 3
    # A net that goes on with calmer rows keeps reading them as it did.
    pq.write_table(pa.table({"load": 7 + random.normal(size=300)}), tmp_path / "calm.parquet")
    calm_rows = {"data.path": str(tmp_path / "calm.parquet"), "data.asinh": "()"}
    calm = configs.load(CONFIG, options | calm_rows)
    loop.fit(calm, tmp_path / "calm", start=read_start(tmp_path / "run"), verbose=False)
    model = predict.load(tmp_path / "calm")
    assert model.encoder.asinh == model.config.data.asinh == ("load",)
    plain = configs.load(CONFIG, options | {"data.asinh": "()"})
    said.clear()
    loop.fit(plain, tmp_path / "plain", echo=said.append)
    written = json.loads((tmp_path / "plain" / "config.json").read_text())["config"]
    assert written["data"]["asinh"] == [] and written["loss"] == "mae"
    assert not [line for line in said if "config.data.asinh" in line]
