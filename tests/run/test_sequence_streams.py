"""Runs on sequences larger than memory: what they learn, how much they hold, that they resume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train import config as configs
from train import loop, predict
from train.config import LSTM, Config, Optim, Sequences, Train
from train.data.load import load_dataset
from train.data.stream.chunks import plan_chunks, read_chunks
from train.data.stream.rows import stream_of
from train.errors import UserError
from train.run.log import read_history


def write_sums(folder: Path, n: int, *, piece: int = 200, group: int = 50) -> str:
    """A folder of Parquet files of n sequences of 2 to 9 numbers, and their sums."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for i, start in enumerate(range(0, n, piece)):
        rows = []
        for _ in range(min(piece, n - start)):
            x = random.normal(size=int(random.integers(2, 10)))
            rows.append(
                {"x": x.tolist(), "sum": float(x.sum()), "up": "yes" if x.sum() > 0 else "no"}
            )
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{i}.parquet", row_group_size=group)
    return str(folder)


class Elman:
    """A layer of tanh units, read at a row's end, and a line behind it: float64, by hand."""

    def __init__(self, params: Any):
        leaves = {
            "/".join(k.key for k in path): np.asarray(leaf, np.float64)
            for path, leaf in jax.tree_util.tree_leaves_with_path(params)
        }

        def leaf(ending: str, within: str) -> np.ndarray:
            (found,) = [a for name, a in leaves.items() if within in name and name.endswith(ending)]
            return found

        cell = [leaf(name, "layer_0") for name in ("/kernel", "recurrent_kernel", "bias")]
        self.weights = [*cell, leaf("/kernel", "head"), leaf("bias", "head")]

    def descend(self, rows: list[np.ndarray], y_n: np.ndarray, rate: float) -> float:
        """A step of descent on the mean squared error of a batch; the sum of squares before it."""
        w, u, b, k, c = self.weights
        total = [np.zeros_like(weight) for weight in self.weights]
        squares = 0.0
        for x_t, y in zip(rows, y_n, strict=True):
            h_t = [np.zeros(len(b))]
            for x in x_t:
                h_t.append(np.tanh(x * w[0] + h_t[-1] @ u + b))
            error = h_t[-1] @ k[:, 0] + c[0] - y
            squares += error**2
            slope = 2 * error / len(y_n)
            total[3] += slope * h_t[-1][:, None]
            total[4] += slope
            back = slope * k[:, 0]
            for x, before, h in zip(x_t[::-1], h_t[-2::-1], h_t[:0:-1], strict=True):
                driven = back * (1 - h**2)
                total[0] += x * driven
                total[1] += before[:, None] * driven
                total[2] += driven
                back = u @ driven
        self.weights = [a - rate * g for a, g in zip(self.weights, total, strict=True)]
        return squares


@pytest.mark.slow
def test_updates_are_those_of_a_loop_over_the_chunks(tmp_path: Path) -> None:
    """Backpropagation by hand: an update a chunk, so that the order within one is free."""
    path = write_sums(tmp_path / "rows", 400)

    def config(rate: float) -> Config:
        return Config(
            name="plain",
            data=Sequences(path=path, inputs="x", target="sum", stream=True, shuffle_window=64),
            net=LSTM(hidden=(3,), cell="plain", readout="last"),
            optim=Optim(name="sgd", learning_rate=rate),
            train=Train(epochs=2, batch_size=64, restore="last"),
        )

    dataset = load_dataset(config(0.1))
    stream = stream_of(dataset)
    assert stream is not None
    loop.fit(config(1e-30), tmp_path / "still", verbose=False)  # at which no weight moves
    truth = Elman(predict.load(tmp_path / "still").variables["params"])
    loop.fit(config(0.1), tmp_path / "run", verbose=False)
    found = Elman(predict.load(tmp_path / "run").variables["params"])
    fitted = dataset.statistics(dataset.splits["train"])
    plan = plan_chunks(dataset.n_train, 64, 64)
    losses = []
    for chunk in read_chunks(stream, plan, 0, 0, 2 * plan.steps_per_epoch):
        x_nt = chunk.batch.inputs["numbers"][: chunk.n_rows, :, 0].astype(np.float64)
        x_nt = (x_nt - fitted["inputs"]["center"]) / fitted["inputs"]["scale"]
        length_n = chunk.batch.inputs["length"][: chunk.n_rows]
        y_n = chunk.batch.target["value"][: chunk.n_rows, 0].astype(np.float64)
        of_target = fitted["targets"]["value"]
        y_n = (y_n - of_target["center"]) / of_target["scale"]
        rows = [x_t[:length] for x_t, length in zip(x_nt, length_n, strict=True)]
        losses.append((chunk.n_rows, truth.descend(rows, y_n, 0.1)))
    for own, wanted in zip(found.weights, truth.weights, strict=True):
        np.testing.assert_allclose(own, wanted, rtol=2e-4, atol=2e-6)
    logged = [line["loss"] for line in read_history(tmp_path / "run") if line["split"] == "train"]
    half = len(losses) // 2
    assert half == plan.chunks_per_epoch > 3
    for part, loss in zip((losses[:half], losses[half:]), logged, strict=True):
        assert loss == pytest.approx(sum(s for _, s in part) / sum(n for n, _ in part), rel=1e-5)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"data.path": "rows.csv"}, "config.data.stream: reads Parquet and JSON lines, but config"),
        ({"data.path": "rows.jsonl.gz"}, "config.data.stream: reads parts of a file in random"),
        ({"data.split": "stratified"}, "config.data.split: stratified needs all rows in memory"),
        ({"data.id": "id", "data.order": "t"}, "config.data.id: a stream has a row a sequence"),
        ({"population.folds": "3"}, "config.population: trains on rows in memory"),
        ({"devices.parallel": "pmap"}, "config.devices.parallel: a stream is compiled by jit"),
        (
            {"data.stream": "false", "data.shuffle_window": "9"},
            "config.data.shuffle_window: is for config.data.stream",
        ),
    ],
)
def test_what_a_stream_cannot_do_is_said(changed: dict[str, str], words: str) -> None:
    given = {"data.path": "rows", "data.inputs": "x", "data.target": "y", "data.stream": "true"}
    with pytest.raises(UserError) as error:
        configs.load("configs/sequences.py", given | changed)
    assert str(error.value).startswith(words) and "\n" not in str(error.value)
