"""Runs on sequences larger than memory: what they learn, how much they hold, that they resume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import peaks
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import resumption

from train import config as configs
from train import loop, predict
from train.config import LSTM, Config, Optim, Sequences, Train
from train.data.files.read import read_table
from train.data.load import load_dataset
from train.data.sequences import rows_on_disk
from train.data.sequences.encoder import SequenceEncoder
from train.data.stream.chunks import plan_chunks, read_chunks
from train.data.stream.rows import stream_of
from train.errors import UserError
from train.evaluate import evaluate
from train.inference.files import predict_file
from train.inference.pieces import pieces_of
from train.run.log import read_history

ROOT = Path(__file__).parents[2]


def make_rows(n: int, seed: int = 0) -> list[dict[str, Any]]:
    """Sequences of 2 to 9 numbers and words, their sums, and what the words are."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        x = random.normal(size=int(random.integers(2, 10)))
        up = "yes" if x.sum() > 0 else "no"
        words = random.choice(["rome", "to", "from", "paris"], len(x)).tolist()
        tags = ["B-city" if word in ("rome", "paris") else "O" for word in words]
        row = {"x": x.tolist(), "words": words, "tags": tags, "sum": float(x.sum()), "up": up}
        rows.append(row | {"twice": (2 * x).tolist()})
    return rows


def write_sums(folder: Path, n: int, *, piece: int = 200, group: int = 50) -> str:
    """A folder of Parquet files of `make_rows`."""
    folder.mkdir()
    rows = make_rows(n)
    for i, start in enumerate(range(0, n, piece)):
        own = pa.Table.from_pylist(rows[start : start + piece])
        pq.write_table(own, folder / f"{i}.parquet", row_group_size=group)
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


def overrides(path: str, **more: str) -> dict[str, str]:
    """Options of a small run of `configs/sequences.py` on a stream."""
    given = {
        "data.path": path,
        "data.inputs": "('x', 'words')",
        "data.target": "('tags', 'up', 'sum', 'twice')",
        "data.stream": "true",
        "data.shuffle_window": "128",
        "net.hidden": "(8,)",
        "net.token_size": "8",
        "train.epochs": "2",
        "train.batch_size": "32",
    }
    return given | {name.replace("__", "."): value for name, value in more.items()}


@pytest.mark.slow
def test_a_stream_stopped_within_an_epoch_goes_on_in_the_same_bits(
    tmp_path: Path, monkeypatch
) -> None:
    """Words, numbers and tags, of JSON lines: dropout, rare words and the order go on too."""
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, make_rows(600))))
    monkeypatch.setattr("train.data.files.line_groups.GROUP_BYTES", 8192)
    more = {"optim__ema": "0.9", "train__epochs": "3", "data__characters": "false"}
    cfg = configs.load("configs/sequences.py", overrides(str(tmp_path / "rows.jsonl"), **more))
    resumption.check_within_an_epoch(cfg, tmp_path)


@pytest.mark.slow
def test_a_stream_of_one_part_is_what_the_rows_in_memory_are_bit_for_bit(tmp_path: Path) -> None:
    """Words, whose statistics are counts; parts have files of their own, an epoch is a chunk."""
    for name, n in (("train", 200), ("valid", 50), ("test", 50)):
        rows = "\n".join(map(json.dumps, make_rows(n, seed=n)))
        (tmp_path / f"{name}.jsonl").write_text(f"{rows}\n")
    found = []
    for stream in ("true", "false"):
        more = {"data__stream": stream, "data__shuffle_window": str(1 << 18)}
        more |= {"data__inputs": "words", "data__target": "('tags', 'up')"}
        more |= {"population__seeds": "1"}
        more |= {
            f"data__{part}_path": str(tmp_path / f"{part}.jsonl") for part in ("valid", "test")
        }
        given = overrides(str(tmp_path / "train.jsonl"), **more)
        folder = tmp_path / stream
        loop.fit(configs.load("configs/sequences.py", given), folder, verbose=False)
        found.append(resumption.digest(folder))
    assert found[0] == found[1]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A run on a stream, in ROOT/run; rows that it never saw, of other words too, in ROOT/rows."""
    root = tmp_path_factory.mktemp("trained")
    path = write_sums(root / "train", 400)
    loop.fit(configs.load("configs/sequences.py", overrides(path)), root / "run", verbose=False)
    rows = make_rows(300, seed=1)
    for place in (3, 150, 299):
        rows[place]["up"] = "sideways"
        rows[place]["tags"] = ["B-sea" for _ in rows[place]["tags"]]
    rows[20]["sum"] = None
    (root / "rows").mkdir()
    for i in range(3):
        own = pa.Table.from_pylist(rows[i * 100 : i * 100 + 100])
        pq.write_table(own, root / "rows" / f"{i}.parquet", row_group_size=40)
    (root / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return root


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rows", "rows.jsonl"])
def test_files_are_answered_and_judged_in_pieces_as_one_table(
    trained: Path, tmp_path: Path, monkeypatch, name: str
) -> None:
    monkeypatch.setattr(rows_on_disk, "PIECE_STEPS", 160)
    monkeypatch.setattr("train.data.files.line_groups.GROUP_BYTES", 8192)
    model = predict.load(trained / "run")
    whole = read_table(trained / "rows.jsonl")
    answers = pa.concat_tables(predict_file(model, str(trained / name)))
    assert answers["row"].to_pylist() == list(range(300))
    for column, values in model.columns(whole).items():
        assert answers[column].to_pylist() == pa.array(values).to_pylist()
    assert isinstance(model.encoder, SequenceEncoder)
    pieces = list(pieces_of(model, str(trained / name), model.encoder.target_names))
    assert max(piece.table.num_rows for piece in pieces) < 40
    found = evaluate(model, pieces, "rows")
    assert found == evaluate(model, whole, "rows")
    assert (found["rows"], found["unseen_classes"]) == (299, 3)
    said = str(found["notes"])
    assert "1 of 300 rows lack a target" in said and "'sideways' (3)" in said


MEASURED = """
import json, sys
from train import config, loop
cfg = config.load("configs/sequences.py", json.loads(sys.argv[1]))
told = {"accuracy": loop.fit(cfg, sys.argv[2], verbose=False)["metrics"]["test"]["accuracy"]}
"""


def write_long(folder: Path, n: int, steps: int) -> str:
    """A folder of Parquet files of n sequences of as many numbers, in whose mean a class shows."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for i, start in enumerate(range(0, n, 2000)):
        size = min(2000, n - start)
        is_up = random.random(size) < 0.5
        x_nt = random.normal(size=(size, steps)) + np.where(is_up, 0.3, -0.3)[:, None]
        offsets = pa.array(np.arange(size + 1) * steps, pa.int32())
        x = pa.ListArray.from_arrays(offsets, pa.array(x_nt.ravel().astype(np.float32)))
        table = pa.table({"x": x, "up": np.where(is_up, "yes", "no")})
        pq.write_table(table, folder / f"{i}.parquet", row_group_size=500)
    return str(folder)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """Four times the cap, as float32 in memory, is learned under the cap.

    The few rows are read four times, as in `test_stream_runs.py`.
    """
    cap = 40 << 20
    steps = 100
    n_rows = 420_000
    assert n_rows * steps * 4 > 4 * cap
    paths = {
        "few": write_long(tmp_path / "few", 32_000, steps),
        "many": write_long(tmp_path / "many", n_rows, steps),
    }

    def measure(name: str, number: int) -> dict[str, Any]:
        more = {
            "data__inputs": "x",
            "data__target": "up",
            "data__shuffle_window": "4096",
            "data__valid": "500",
            "data__test": "500",
            "train__batch_size": "1024",
            "train__epochs": "4" if name == "few" else "1",
            "net__hidden": "(4,)",
            "net__convolutions": "()",
            "net__fixed_filters": "0",
            "net__patch": "25",
        }
        given = json.dumps(overrides(paths[name], **more))
        told = peaks.run_measured(MEASURED, given, tmp_path / f"{name}-{number}")
        assert name == "few" or told["accuracy"] > 0.95
        return told

    assert peaks.growth(measure, cap) < cap
