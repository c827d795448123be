"""Sequences larger than memory: the pass that fits, and the chunks that training is given."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train.config.data_options import Sequences
from train.data.dataset import Batch
from train.data.files import line_groups
from train.data.sequences import load_stream as loading
from train.data.sequences import rows_on_disk
from train.data.sequences.load import load_sequences
from train.data.sequences.load_stream import load_sequence_stream
from train.data.sequences.stream import StreamedSequences
from train.data.stream.chunks import plan_chunks, read_chunks
from train.data.stream.parts import part_of
from train.errors import UserError

N = 400


def make_rows(n: int = N) -> list[dict[str, Any]]:
    """Rows with inputs and targets of every kind; `id` tells rows apart, in each of its steps.

    Some numbers are missing, some sequences are empty, some words are rare.
    """
    random = np.random.default_rng(7)
    rows = []
    for number in range(n):
        steps = int(random.integers(0, 12)) if number % 50 else 0
        x = random.normal(1e4, 3.0, (steps, 2))
        x[random.random((steps, 2)) < 0.05] = np.nan
        words = random.choice([*"abcdef", "Rome", f"rare{number}"], steps).tolist()
        tags = ["B-x" if word == "Rome" else "O" for word in words]
        label = ["low", "high", "odd"][int(random.integers(3))]
        rows.append(
            {
                "id": [float(number)] * steps,
                "x": x.tolist(),
                "words": words,
                "keys": random.integers(0, 2, (steps, 3)).tolist(),
                "tags": tags,
                "next": (x[:, 0] * 2).tolist(),
                "label": label if number != 5 else "once",
                "height": float(random.normal(50, 4)),
                "topics": sorted({"news"} | set(random.choice(["a", "b", "c"], 2).tolist())),
            }
        )
    return rows


ROWS = make_rows()
SCHEMA = pa.schema(
    {
        "id": pa.list_(pa.float64()),
        "x": pa.list_(pa.list_(pa.float64())),
        "words": pa.list_(pa.string()),
        "keys": pa.list_(pa.list_(pa.int64())),
        "tags": pa.list_(pa.string()),
        "next": pa.list_(pa.float64()),
        "label": pa.string(),
        "height": pa.float64(),
        "topics": pa.list_(pa.string()),
    }
)


def as_table(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as Parquet has them: nan is missing."""
    return pa.Table.from_pylist(rows, SCHEMA)


def write(rows: list[dict[str, Any]], folder: Path, *, files: int = 3, group: int = 40) -> str:
    folder.mkdir(parents=True)
    size = -(-len(rows) // files)
    for i in range(files):
        own = as_table(rows[i * size : (i + 1) * size])
        pq.write_table(own, folder / f"{i}.parquet", row_group_size=group)
    return str(folder)


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> str:
    return write(ROWS, tmp_path_factory.mktemp("stream") / "parts")


KINDS: dict[str, dict[str, Any]] = {
    "a class by numbers": {"inputs": ("id", "x"), "target": "label"},
    "tags and a class by words": {
        "inputs": "words",
        "target": ("tags", "label"),
        "characters": True,
    },
    "folded words, rare ones unknown": {"inputs": ("x", "words"), "target": "label"}
    | {"min_count": 3, "fold_case": True},
    "a number a sequence": {"inputs": "x", "target": "height"},
    "numbers of steps": {"inputs": "x", "target": "next"},
    "labels": {"inputs": "x", "target": "topics"},
    "the next step": {"inputs": "x", "next_step": True},
    "the next of 0 and 1": {"inputs": "keys", "next_step": True},
    "rows that are cut": {"inputs": ("x", "words"), "target": ("tags", "next"), "max_length": 5},
}


def options(path: str, **fields: Any) -> Sequences:
    return Sequences(path=path, stream=True, split_seed=3, **fields)


def training_numbers(dataset: StreamedSequences) -> np.ndarray:
    part_n = part_of(dataset.options, dataset.stream.shares, np.arange(N))
    return np.flatnonzero(part_n == 0)


def in_memory(dataset: StreamedSequences, tmp_path: Path):
    """The same training rows, whole in memory."""
    own = [ROWS[number] for number in training_numbers(dataset)]
    pq.write_table(as_table(own), tmp_path / "train.parquet")
    given = replace(
        dataset.options, path=str(tmp_path / "train.parquet"), stream=False, valid=0, test=0
    )
    return load_sequences(given, "auto")


def assert_alike(found: Any, truth: Any) -> None:
    """Nested dicts of arrays agree."""
    if isinstance(truth, dict):
        assert found.keys() == truth.keys()
        for name in truth:
            assert_alike(found[name], truth[name])
    else:
        np.testing.assert_allclose(found, truth, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_fitted_is_that_of_the_rows_in_memory_where_the_sample_holds_all(
    path: str, tmp_path: Path, kind: str
) -> None:
    dataset = load_sequence_stream(options(path, **KINDS[kind]), "auto")
    whole = in_memory(dataset, tmp_path)
    assert dataset.encoder == whole.encoder
    assert dataset.n_train == len(whole.splits["train"]) == len(dataset.splits["train"])
    found = dataset.statistics(dataset.splits["train"])
    truth = whole.statistics(whole.splits["train"])
    assert_alike(found, truth)


@pytest.mark.parametrize("kind", ["tags and a class by words", "rows that are cut"])
def test_json_lines_are_fitted_and_read_as_parquet_is(
    path: str, tmp_path: Path, monkeypatch, kind: str
) -> None:
    monkeypatch.setattr(line_groups, "GROUP_BYTES", 10_000)
    lines = [json.dumps(row).replace("NaN", "null") for row in ROWS]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    given = options(path, **KINDS[kind])
    one = load_sequence_stream(given, "auto")
    other = load_sequence_stream(replace(given, path=str(tmp_path / "rows.jsonl")), "auto")
    assert len(other.stream.files.groups) > 5
    assert one.encoder == other.encoder
    rows = one.splits["train"]
    assert_alike(other.statistics(rows), one.statistics(rows))
    np.testing.assert_array_equal(one.original_rows, other.original_rows)
    assert_alike(other.arrays.inputs["length"], one.arrays.inputs["length"])
    plan = plan_chunks(one.n_train, one.n_train, one.n_train)
    chunks = [next(read_chunks(d.stream, plan, 0, 0, 1)).batch for d in (one, other)]
    sums = [
        {name: np.sort(np.nansum(a, tuple(range(1, a.ndim)), np.float64)) for name, a in c.items()}
        for c in (chunks[0].inputs | chunks[0].target, chunks[1].inputs | chunks[1].target)
    ]
    assert_alike(sums[0], sums[1])


def test_a_small_sample_leaves_exact_what_is_counted(
    path: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(rows_on_disk, "MIN_KEPT", 40)
    monkeypatch.setattr(rows_on_disk, "KEPT_BYTES", 1)
    given = {"inputs": ("x", "words"), "target": ("tags", "label", "height", "topics")}
    dataset = load_sequence_stream(options(path, valid=50, test=50, **given), "auto")
    assert 20 < len(dataset.splits["train"]) < 60
    whole = in_memory(dataset, tmp_path)
    found = dataset.encoder
    assert found.vocabulary == whole.encoder.vocabulary
    assert (found.steps, found.longest) == (whole.encoder.steps, whole.encoder.longest)
    assert [head.classes for head in found.heads] == [h.classes for h in whole.heads]
    own = dataset.statistics(dataset.splits["train"])
    truth = whole.statistics(whole.splits["train"])
    np.testing.assert_array_equal(own["inputs"]["count"], truth["inputs"]["count"])
    for name in ("tags", "label", "topics=a"):
        np.testing.assert_allclose(
            own["targets"][name]["rate"], truth["targets"][name]["rate"], rtol=1e-6
        )
    rows = [ROWS[number] for number in training_numbers(dataset)]
    x_s = np.concatenate([np.reshape(row["x"], (-1, 2)) for row in rows])
    (column,) = found.numbers
    np.testing.assert_allclose(
        own["inputs"]["scale"] * np.array(column.units), np.nanstd(x_s, 0), rtol=1e-6
    )
    center = own["inputs"]["center"].astype(np.float64) * column.units + column.shifts
    np.testing.assert_allclose(center, np.nanmean(x_s, 0), rtol=1e-9, atol=1e-5)
    heights = np.array([row["height"] for row in rows])
    (height,) = (c for c in found.labels.targets if c.name == "height")
    value = own["targets"]["value"]
    for name, number in (("low", heights.min()), ("high", heights.max())):
        assert value[name][0] * height.unit + height.shift == pytest.approx(number, rel=1e-6)
    assert value["scale"][0] * height.unit == pytest.approx(heights.std(), rel=1e-6)


def test_one_row_of_all_says_that_next_steps_are_no_zeros_and_ones(
    path: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(rows_on_disk, "MIN_KEPT", 40)
    monkeypatch.setattr(rows_on_disk, "KEPT_BYTES", 1)
    given = {"inputs": "keys", "next_step": True, "valid": 50, "test": 50}
    binary = load_sequence_stream(options(path, **given), "auto")
    assert binary.encoder.next_kind == "binary"
    sampled = set(binary.original_rows[binary.splits["train"]].tolist())
    number = next(n for n in training_numbers(binary) if n not in sampled and len(ROWS[n]["keys"]))
    rows = make_rows()
    rows[number]["keys"][0][1] = 2
    other = load_sequence_stream(options(write(rows, tmp_path / "odd"), **given), "auto")
    assert other.encoder.next_kind == "numbers"


def test_words_are_counted_by_hand(path: str) -> None:
    dataset = load_sequence_stream(
        options(path, inputs="words", target="label", min_count=3, max_length=4), "auto"
    )
    rows = [ROWS[number] for number in training_numbers(dataset)]
    all_words = Counter(word for row in rows for word in row["words"])
    read = Counter(word for row in rows for word in row["words"][:4])
    words = dataset.encoder.vocabulary.words
    assert set(words) == {word for word, count in all_words.items() if count >= 3}
    count_v = dataset.statistics(dataset.splits["train"])["inputs"]["count"]
    assert count_v[2:].tolist() == [read[word] for word in words]
    assert count_v[:2].tolist() == [0, sum(read.values()) - sum(read[word] for word in words)]


def ids(dataset: StreamedSequences, batch: Batch, n: int) -> np.ndarray:
    """The numbers of the rows that the column `id` holds; -1 of those without steps."""
    (column,) = (c for c in dataset.encoder.numbers if c.name == "id")
    first = batch.inputs["numbers"][:n, 0, 0].astype(np.float64)
    number = np.rint(first * column.units[0] + column.shifts[0])
    return np.where(batch.inputs["length"][:n] > 0, number, -1).astype(int)


def test_an_epoch_is_each_training_row_once_as_it_is_encoded_in_memory(
    path: str, tmp_path: Path, monkeypatch
) -> None:
    """Pieces of 16 rows, chunks of 32."""
    monkeypatch.setattr(loading, "PIECE_BYTES", 16 * 16 * 13)
    kind = {"inputs": ("id", "words"), "target": ("tags", "label"), "characters": True}
    given = options(path, max_length=9, shuffle_window=32, **kind)
    dataset = load_sequence_stream(given, "auto")
    assert dataset.stream.piece_rows < 40 and dataset.stream.width == 16
    whole = in_memory(dataset, tmp_path)
    numbers = training_numbers(dataset)
    steps_n = np.array([len(row["id"]) for row in ROWS])
    plan = plan_chunks(dataset.n_train, 8, dataset.stream.chunk_rows)
    orders = []
    for epoch in range(2):
        seen: list[int] = []
        n_empty = 0
        first = epoch * plan.steps_per_epoch
        for chunk in read_chunks(dataset.stream, plan, 0, first, first + plan.steps_per_epoch):
            own = ids(dataset, chunk.batch, chunk.n_rows)
            n_empty += int((own < 0).sum())
            for place, number in enumerate(own):
                if number < 0:
                    continue
                seen.append(int(number))
                row = int(np.searchsorted(numbers, number))
                length = whole.inputs["length"][row]
                assert chunk.batch.inputs["length"][place] == length == min(steps_n[number], 9)
                for name in ("numbers", "tokens", "characters"):
                    array = np.asarray(whole.inputs[name])[row, :length]
                    np.testing.assert_array_equal(chunk.batch.inputs[name][place, :length], array)
                np.testing.assert_array_equal(
                    chunk.batch.target["tags"][place, :length], whole.target["tags"][row, :length]
                )
                assert (chunk.batch.target["tags"][place, length:] == -1).all()
                assert chunk.batch.target["label"][place] == whole.target["label"][row]
            assert (chunk.batch.weight[chunk.n_rows :] == 0).all()
        assert sorted(seen) == [number for number in numbers if steps_n[number]]
        assert n_empty == (steps_n[numbers] == 0).sum()
        orders.append(seen)
    assert orders[0] != orders[1]


def test_chunks_can_be_read_from_anywhere(path: str) -> None:
    dataset = load_sequence_stream(
        options(path, inputs=("id", "x"), target="label", shuffle_window=40), "auto"
    )
    plan = plan_chunks(dataset.n_train, 8, dataset.stream.chunk_rows)
    straight = list(read_chunks(dataset.stream, plan, 0, 0, plan.steps_per_epoch))
    for k in range(1, len(straight), 2):
        first = k * plan.steps_per_chunk
        own = next(read_chunks(dataset.stream, plan, 0, first, plan.steps_per_epoch))
        np.testing.assert_array_equal(
            own.batch.inputs["numbers"], straight[k].batch.inputs["numbers"]
        )
        np.testing.assert_array_equal(own.batch.target["label"], straight[k].batch.target["label"])


def test_parts_and_the_order_of_rows_do_not_depend_on_how_files_are_cut(
    path: str, tmp_path: Path
) -> None:
    given = {"inputs": ("id", "x"), "target": "label"}
    one = load_sequence_stream(options(path, **given), "auto")
    other_path = write(ROWS, tmp_path / "other", files=1, group=77)
    other = load_sequence_stream(options(other_path, **given), "auto")
    for part in ("train", "valid", "test"):
        own = one.original_rows[one.splits[part]]
        np.testing.assert_array_equal(own, other.original_rows[other.splits[part]])
        batch = one.take(one.arrays, one.splits[part])
        found = ids(one, batch, len(own))
        np.testing.assert_array_equal(found[found >= 0], own[batch.inputs["length"] > 0])
    assert len(one.splits["valid"]) / N == pytest.approx(0.15, abs=0.05)


def test_rows_at_once_go_by_what_they_weigh(path: str, monkeypatch) -> None:
    given = options(path, inputs="x", target="label")
    monkeypatch.setattr(loading, "CHUNK_BYTES", 100 * 16 * 2 * 4)  # steps, numbers, float32
    assert load_sequence_stream(given, "auto").stream.chunk_rows == 100
    fewer = replace(given, shuffle_window=30)
    assert load_sequence_stream(fewer, "auto").stream.chunk_rows == 30


def test_rows_that_cannot_be_are_refused_with_their_file_and_row(tmp_path: Path) -> None:
    rows = make_rows(120)
    rows[71]["tags"] = rows[71]["tags"] + ["O"]
    path = write(rows, tmp_path / "tags", files=2)
    with pytest.raises(UserError, match=r"1.parquet: .*: row 12 has \d+"):
        load_sequence_stream(options(path, inputs="words", target="tags", valid=0, test=0), "auto")
    rows = make_rows(120)
    rows[71]["x"] = [[1.0, np.inf]]
    path = write(rows, tmp_path / "infinite", files=2)
    with pytest.raises(UserError, match=r"1.parquet: .*row 12 holds an inf"):
        load_sequence_stream(options(path, inputs="x", target="label"), "auto")
    with pytest.raises(UserError, match=r"config.data.target: .* has no column 'lable'; did you"):
        load_sequence_stream(options(path, inputs="x", target="lable"), "auto")


def test_rows_without_a_target_are_left_out_and_said_so(tmp_path: Path) -> None:
    rows = make_rows()
    for row in rows[::4]:
        row["label"] = None
    dataset = load_sequence_stream(
        options(write(rows, tmp_path / "rows"), inputs=("id", "x"), target="label"), "auto"
    )
    assert any(f"{N // 4} of {N} rows lack a target" in note for note in dataset.notes)
    plan = plan_chunks(dataset.n_train, 8, 40)
    for chunk in read_chunks(dataset.stream, plan, 0, 0, plan.steps_per_epoch):
        own = ids(dataset, chunk.batch, chunk.n_rows)
        assert (own[own >= 0] % 4 != 0).all()
