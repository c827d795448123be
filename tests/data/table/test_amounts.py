"""Which targets are amounts with far tails, that loss=gamma is taken for, and that it is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train import config as configs
from train import loop
from train.data.table.amounts import MIN_REACH, reach_of
from train.run.metadata import read_config
from train.run.start import read_rows

BRIEF = {
    "net.hidden": "(4,)",
    "train.epochs": "1",
    "train.report": "false",
    "train.importance_seconds": "0",
    "train.linear_seconds": "0",
    "train.tree_seconds": "0",
}


def write_rows(
    path: Path,
    n: int,
    *,
    spread: float = 1.2,
    least: float = 0.1,
    place: int = 0,
    begin: float = 0,
) -> str:
    """Log-normal amounts `y` over `begin`, that at `place` is `least`; and `z`, a twentieth.

    `k` is a category.
    """
    random = np.random.default_rng(0)
    x = random.normal(size=n)
    y = np.exp(spread * (0.8 * x + 0.6 * random.normal(size=n)))
    y[place] = least
    k = np.where(x > 0, "a", "b")
    pq.write_table(pa.table({"x": x, "z": y / 20, "y": begin + 1000 * y, "k": k}), path)
    return str(path)


def asked(path: str, **more: str) -> configs.Config:
    given = {"data.path": path, "data.target": "y", "data.features": "x", "data.test": "0"}
    return configs.load("table", given | BRIEF | {k.replace("__", "."): v for k, v in more.items()})


def test_the_reach_is_that_of_a_hundredth_over_the_median() -> None:
    value_n = np.arange(1, 202)  # median 101; 2 of 201 values lie beyond 199
    assert reach_of(value_n) == pytest.approx(199 / 101)
    assert reach_of(7.5 * value_n) == pytest.approx(199 / 101)
    far_n = np.where(value_n > 190, 20 * value_n, value_n)
    assert reach_of(far_n) == pytest.approx(20 * 199 / 101)


def test_what_is_not_all_above_0_has_no_reach() -> None:
    assert reach_of(np.array([0.0, 1, 100])) == 0
    assert reach_of(np.array([-1.0, 1, 100])) == 0
    assert reach_of(np.empty(0)) == 0


@pytest.mark.parametrize(("n", "folds"), [(200, 5), (2000, 1)])
def test_amounts_with_far_tails_take_gamma_and_it_is_said(
    n: int, folds: int, tmp_path: Path
) -> None:
    config, dataset = read_rows(asked(write_rows(tmp_path / "rows.parquet", n)), None, None, None)
    assert (config.loss, config.population.folds) == ("gamma", folds)
    said = [note for note in dataset.notes if "config.loss" in note]
    assert len(said) == 1 and said[0].startswith("target 'y': a hundredth of its values, all above")
    reach = float(said[0].split("lies beyond ")[1].split(" times")[0])
    rows = dataset.splits["train"]
    value = pq.read_table(tmp_path / "rows.parquet")["y"].to_numpy()
    if folds > 1:
        assert len(rows) == n
    else:
        assert reach == pytest.approx(
            np.quantile(value[dataset.original_rows[rows]], 0.99)
            / np.median(value[dataset.original_rows[rows]]),
            rel=0.01,
        )
    assert reach > MIN_REACH
    # Counted from 0, which stays 0 among encoded numbers.
    (column,) = dataset.encoder.targets
    assert (column.shift, column.nonnegative) == (0, True) and column.unit != 1
    assert any("few rows" in note for note in dataset.notes) is (folds == 5)


@pytest.mark.parametrize(
    "more",
    [
        {"population__folds": "1"},
        {"population__folds": "5"},
        {"data__valid": "0.2"},
        {"data__metric": "rmse"},
        {"population__grid": '{"net.embedding": ("densely_periodic", "piecewise_linear_b")}'},
    ],
)
def test_the_loss_is_the_same_however_many_nets_there_are(
    more: dict[str, str], tmp_path: Path
) -> None:
    config = asked(write_rows(tmp_path / "rows.parquet", 200), **more)
    folds = 5 if "data__metric" in more else config.population.n_folds
    read, dataset = read_rows(config, None, None, None)
    assert (read.loss, read.population.folds) == ("gamma", folds)
    assert any("few rows" in note for note in dataset.notes) is ("data__metric" in more)


@pytest.mark.parametrize(
    ("made", "more"),
    [
        ({"n": 2001}, {}),
        ({"spread": 0.6}, {}),
        ({"least": 0.0}, {}),
        ({"least": -0.1}, {}),
        ({"begin": 102_400}, {}),  # a multiple of its unit
        ({}, {"data__target": "('y','k')"}),
        ({}, {"data__stream": "true", "train__batch_size": "32", "data__valid": "0.2"}),
        ({}, {"loss": "mse"}),
        ({}, {"data__metric": "mae"}),
        ({}, {"data__target": "('y','z')"}),
        ({}, {"net__linear_start": "true"}),
    ],
)
def test_others_keep_their_loss(
    made: dict[str, float], more: dict[str, str], tmp_path: Path
) -> None:
    path = write_rows(tmp_path / "rows.parquet", **{"n": 200, **made})
    config, dataset = read_rows(asked(path, **more), None, None, None)
    assert config.loss == more.get("loss", "auto")
    assert not any("gamma" in note for note in dataset.notes)


def test_amounts_that_begin_far_above_0_are_counted_from_0(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.parquet", 200, begin=1e5)
    _, dataset = read_rows(asked(path, loss="gamma"), None, None, None)
    value_n = pq.read_table(path)["y"].to_numpy()[dataset.original_rows]
    (column,) = dataset.encoder.targets
    encoded_n = dataset.arrays.target["value"][:, 0]
    np.testing.assert_allclose(encoded_n * column.unit, value_n, rtol=1e-6)


@pytest.mark.parametrize("more", [{}, {"population__folds": "1", "data__valid": "0.2"}])
def test_a_row_of_0_that_trains_or_validates_keeps_the_loss(
    more: dict[str, str], tmp_path: Path
) -> None:
    losses = []
    for place in range(20):  # about four of them validate the first net
        path = write_rows(tmp_path / "rows.parquet", 200, least=0.0, place=place)
        config, dataset = read_rows(asked(path, **more), None, None, None)
        losses.append(config.loss)
        assert not any("gamma" in note for note in dataset.notes)
    assert losses == ["auto"] * 20


@pytest.mark.slow
def test_a_run_goes_on_with_the_loss_it_began_with(tmp_path: Path) -> None:
    config = asked(write_rows(tmp_path / "rows.parquet", 200))
    loop.fit(config, tmp_path / "run", verbose=False)
    assert read_config(tmp_path / "run").loss == "gamma"
    longer = asked(str(tmp_path / "rows.parquet"), train__epochs="2")
    result = loop.fit(longer, tmp_path / "run", verbose=False)
    assert result["epochs"] == 2
    resumed, _ = read_rows(config, tmp_path / "run", None, None)
    assert resumed.loss == "gamma"


@pytest.mark.slow
def test_a_run_begun_with_another_loss_keeps_it(tmp_path: Path) -> None:
    config = asked(write_rows(tmp_path / "rows.parquet", 200, spread=0.6))
    loop.fit(config, tmp_path / "run", verbose=False)
    resumed, _ = read_rows(config, tmp_path / "run", None, None)
    assert resumed.loss == "auto"
