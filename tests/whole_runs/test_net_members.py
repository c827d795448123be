"""Members that share weights, from a config to answers: in a population, and over a stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from resumption import digest, stopped_after

from train import loop
from train.config import Config, Dense, Optim, Population, Table, Train
from train.errors import StoppedError
from train.inference.load import load

NET = Dense(hidden=(8,), members=3, embedding="piecewise_linear_b", embedding_bins=6, dropout=0.1)
OPTIM = Optim(name="adam", learning_rate=1e-2, ema=0.9)


@pytest.mark.slow
def test_nets_of_members_answer_by_the_mean_of_all_and_tell_how_far_these_lie_apart(
    tmp_path: Path,
) -> None:
    config = Config(
        data=Table(path="builtin:diabetes", target="progression"),
        net=NET,
        optim=OPTIM,
        train=Train(epochs=4, batch_size=8, importance_seconds=0, report=False),
        population=Population(seeds=2, folds=2),
    )
    result: Any = loop.fit(config, tmp_path / "run")
    single = Config(**{**vars(config), "population": Population(seeds=2, folds=2, member=1)})
    alone = loop.fit(single, tmp_path / "alone")
    assert alone["metrics"]["test"]["rmse"] == pytest.approx(
        result["per_member"][1]["metrics"]["rmse"], rel=1e-4
    )
    model: Any = load(tmp_path / "run")
    rows = pq.read_table(tmp_path / "run" / "predictions.parquet")
    assert "deviation" not in rows.column_names
    columns = {name: np.linspace(0.1, 0.4, 5) for name in model.encoder.number_names}
    inputs = model.encoder.read(pa.table(columns), "data").inputs
    each = model.ensemble.each(inputs)
    table = model.table(pa.table(columns), interval=0.8)
    assert {"deviation", "lower", "upper"} < set(table.column_names)
    both = model.ensemble.predict(inputs)
    np.testing.assert_allclose(both["value"], each["value"].mean(0), rtol=1e-5)
    variance = each["value"].var(0, ddof=1) + np.square(each["value.deviation"]).mean(0)
    np.testing.assert_allclose(both["value.deviation"], np.sqrt(variance), rtol=1e-4)
    assert (each["value.deviation"] > 0).all()


@pytest.mark.slow
def test_members_that_were_stopped_go_on_to_the_same_bits(tmp_path: Path) -> None:
    config = Config(
        data=Table(path="builtin:diabetes", target="progression"),
        net=NET,
        optim=OPTIM,
        train=Train(epochs=6, batch_size=8, importance_seconds=0, report=False),
    )
    loop.fit(config, tmp_path / "straight")
    with stopped_after(2), pytest.raises(StoppedError):
        loop.fit(config, tmp_path / "stopped")
    loop.fit(config, tmp_path / "stopped")
    assert digest(tmp_path / "stopped") == digest(tmp_path / "straight")


@pytest.mark.slow
def test_members_learn_from_a_stream(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(3000, 2))
    y = x[:, 0] - 2 * x[:, 1] + 0.1 * random.normal(size=3000)
    (tmp_path / "rows").mkdir()
    table = pa.table({"a": x[:, 0], "b": x[:, 1], "y": y})
    pq.write_table(table, tmp_path / "rows" / "0.parquet", row_group_size=500)
    config = Config(
        data=Table(path=str(tmp_path / "rows"), target="y", stream=True),
        net=NET,
        optim=OPTIM,
        train=Train(epochs=6, batch_size=16, importance_seconds=0, report=False),
    )
    result: Any = loop.fit(config, tmp_path / "run")
    assert result["metrics"]["test"]["r2"] > 0.95
