"""Every kind of data offers what `train.data.dataset` says."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train.config import LSTM, Config, Dense, Sequences, Series, Table
from train.data.dataset import Dataset, Encoder
from train.data.load import load_dataset, read_encoder
from train.data.stream.dataset import StreamDataset

N = 60


@pytest.fixture(scope="module", params=["table", "stream", "series", "sequences"])
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def path(kind, tmp_path_factory) -> str:
    """A file of this kind."""
    random = np.random.default_rng(0)
    columns: dict[str, object] = {"x": random.normal(size=N), "y": random.normal(size=N)}
    if kind == "sequences":
        columns["x"] = [random.normal(size=1 + i % 5).tolist() for i in range(N)]
    path = str(tmp_path_factory.mktemp("data") / f"{kind}.parquet")
    pq.write_table(pa.table(columns), path, row_group_size=20)
    return path


@pytest.fixture(scope="module")
def dataset(kind, path) -> Dataset:
    """What is loaded of it."""
    options = {
        "table": Table(path=path, target="y"),
        "stream": Table(path=path, target="y", stream=True),
        "series": Series(path=path, target="y", lookback=4, horizon=2),
        "sequences": Sequences(path=path, inputs="x", target="y"),
    }
    net = Dense() if kind in ("table", "stream") else LSTM()
    return load_dataset(Config(data=options[kind], net=net))


def test_all_members_of_the_protocols_are_there(dataset):
    for protocol, value in ((Dataset, dataset), (Encoder, dataset.encoder)):
        members = [name for name in vars(protocol) if not name.startswith("_")]
        assert len(members) > 5
        assert [name for name in members if not hasattr(value, name)] == []


def test_a_batch_has_what_the_splits_number(dataset):
    for rows in dataset.splits.values():
        batch = dataset.take(dataset.arrays, rows)
        lengths = {len(array) for array in (*batch.inputs.values(), *batch.target.values())}
        assert lengths | {len(batch.weight)} == {len(rows)}
    assert len(dataset.weight) == len(dataset.original_rows)


def test_other_splits_leave_the_data_set_as_it_was(dataset):
    before = {name: rows.copy() for name, rows in dataset.splits.items()}
    folds = dataset.folds(2)
    other = dataset.with_splits(folds[0])
    assert type(other) is type(dataset)
    assert other.splits["valid"].tolist() == folds[0]["valid"].tolist()
    assert {name: rows.tolist() for name, rows in dataset.splits.items()} == {
        name: rows.tolist() for name, rows in before.items()
    }


def test_only_a_stream_has_more_training_rows_than_it_holds(kind, dataset):
    assert isinstance(dataset, StreamDataset) == (kind == "stream")
    if kind != "stream":
        assert dataset.n_train == len(dataset.splits["train"])


def test_what_is_read_is_tabulated(dataset, path):
    table = pq.read_table(path)
    rows = dataset.encoder.read(table, "data")
    n = len(next(iter(rows.inputs.values())))
    answers = {head.name: np.zeros((n, head.size), np.float32) for head in dataset.heads}
    columns = dataset.encoder.tabulate(rows, answers)
    n_answered = table.num_rows if rows.numbers is None else len(rows.numbers)
    assert {len(column) for column in columns.values()} == {n_answered}


def test_an_encoder_is_read_back(dataset):
    plain = dataset.encoder.to_json()
    assert read_encoder(plain).to_json() == plain
