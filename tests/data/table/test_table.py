"""Whole tables: parts, rows left out, weights, names; only training rows are ever fitted."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train.config.data_options import Table
from train.data.table.dataset import TableDataset
from train.data.table.kept_rows import without_idle
from train.data.table.load import load_table
from train.errors import UserError

N = 60


def load(tables: dict[str, pa.Table] | pa.Table, loss: str = "auto", **options) -> TableDataset:
    """`load_table` of tables in memory, by the name of their part."""
    tables = {"train": tables} if isinstance(tables, pa.Table) else tables
    paths = {"path" if part == "train" else f"{part}_path": part for part in tables}

    def read(path: str | os.PathLike[str], missing: object = (), **_: object) -> pa.Table:
        return tables[str(path)]

    return load_table(Table(**{"target": "y", **paths, **options}), loss, read)


def make(n: int = N, seed: int = 0) -> dict:
    """A column of every kind."""
    random = np.random.default_rng(seed)
    day = np.datetime64("2024-01-01", "us") + random.integers(0, 400, n) * np.timedelta64(1, "D")
    return {
        "number": np.where(random.random(n) < 0.1, np.nan, random.normal(1e6, 1, n)),
        "integer": random.integers(0, 9, n),
        "digits": [f"{value:.3f}" for value in random.normal(size=n)],
        "text": random.choice(["a", "b", "c"], n),
        "flag": random.random(n) < 0.5,
        "time": day,
        "iso": np.datetime_as_string(day, "D"),
        "row": np.arange(n),
        "group": random.choice([f"g{i}" for i in range(12)], n),
        "y": random.normal(50, 9, n),
        "kind": random.choice(["no", "yes", "maybe"], n, p=[0.4, 0.4, 0.2]),
    }


SPOILED = {
    "number": [1e9, np.nan, -5.5],
    "integer": [77_777_777, -3],
    "digits": ["123456", "?", "-1e6"],
    "text": ["unheard of", "?"],
    "flag": [True, False],
    "time": [datetime.datetime(1901, 2, 3, 4, 5, 6), datetime.datetime(2100, 1, 1)],
    "iso": ["1901-02-03T04:05:06", "?"],
    "row": [10**9],
    "y": [1e12, -1.0],
    "kind": ["no", "yes", "maybe"],
}


@settings(max_examples=30)
@given(
    seed=st.integers(0, 99), split=st.sampled_from(["random", "stratified", "time", "group"]),
    scaling=st.sampled_from(["standard", "robust", "quantile", "none"]), data=st.data(),
)  # fmt: skip
def test_valid_and_test_rows_change_nothing_that_is_fitted(seed, split, scaling, data):
    columns = make(seed=seed)
    columns["y"][:9:2] = np.nan
    split_by = {"stratified": "kind", "time": "time", "group": "group"}.get(split)
    options = {
        "target": ("kind", "y"),
        "split": split,
        "split_seed": seed,
        "group": "group",
        "scaling": scaling,
    }
    options["time"] = "time" if split == "time" else None
    before = load(pa.table(columns), **options)
    others = np.setdiff1d(np.arange(N), before.original_rows[before.splits["train"]])
    random = np.random.default_rng(data.draw(st.integers(0, 999)))
    for name, choices in SPOILED.items():
        if name != split_by:
            values = np.array(columns[name], dtype=object)
            # Rows without a target stay without.
            spoiled = others[others > 8] if name == "y" else others
            values[spoiled] = random.choice(np.array(choices, dtype=object), len(spoiled))
            columns[name] = pa.array(values.tolist())
    after = load(pa.table(columns), **options)
    rows = before.splits["train"]
    assert len(after.original_rows) == N - 5
    np.testing.assert_array_equal(rows, after.splits["train"])
    assert json.dumps(before.encoder.to_json()) == json.dumps(after.encoder.to_json())
    fitted = (json.dumps(d.statistics(rows), default=np.ndarray.tolist) for d in (before, after))
    assert next(fitted) == next(fitted)
    for one, other in ((before.inputs, after.inputs), (before.target, after.target)):
        assert all(one[name][rows].tobytes() == other[name][rows].tobytes() for name in one)
    assert before.fingerprint != after.fingerprint


def test_one_file_is_divided():
    dataset = load(pa.table(make()), valid=10, test=0.25)
    assert {part: len(rows) for part, rows in dataset.splits.items()} == {
        "train": 35,
        "valid": 10,
        "test": 15,
    }
    assert list(dataset.splits) == ["train", "valid", "test"]
    np.testing.assert_array_equal(dataset.original_rows, np.arange(N))
    np.testing.assert_array_equal(dataset.weight, np.ones(N, np.float32))
    assert [head.name for head in dataset.heads] == ["value"]


def test_rows_without_a_target_are_left_out_and_counted():
    columns = make()
    columns["y"][[3, 10]] = np.nan
    columns["kind"][20] = "?"
    dataset = load(pa.table(columns), target=("y", "kind"), valid=0, test=0.5)
    np.testing.assert_array_equal(dataset.original_rows, np.delete(np.arange(N), [3, 10, 20]))
    raw = dataset.encoder.raw_targets(dataset.target)
    np.testing.assert_allclose(raw["target_y"], columns["y"][dataset.original_rows], rtol=1e-6)
    np.testing.assert_array_equal(raw["target_kind"], columns["kind"][dataset.original_rows])
    assert dataset.notes[0] == "train: 3 of 60 rows lack a target, left out"
    assert len(dataset.splits["train"]) + len(dataset.splits["test"]) == 57


def test_parts_with_files_of_their_own_follow_in_the_pool():
    columns = make(20, seed=1)
    columns["y"][0] = np.nan
    test = pa.table(columns)
    train = pa.table(make())
    dataset = load({"train": train, "test": test.select(test.column_names[::-1])}, valid=0.2)
    assert {part: len(rows) for part, rows in dataset.splits.items()} == {
        "train": 48,
        "valid": 12,
        "test": 19,
    }
    rows = dataset.splits["test"]
    np.testing.assert_array_equal(rows, np.arange(60, 79))
    np.testing.assert_array_equal(dataset.original_rows[rows], np.arange(1, 20))
    raw = dataset.encoder.raw_targets({"value": dataset.target["value"][rows]})["target"]
    np.testing.assert_allclose(raw, columns["y"][1:], rtol=1e-6)
    alone = dataset.encoder.encode(test, "test")
    for name, array in dataset.inputs.items():
        np.testing.assert_array_equal(array[rows], alone[name][1:])
    whole = load({"train": train, "valid": test, "test": test})
    assert [len(rows) for rows in whole.splits.values()] == [60, 19, 19]


def test_real_files(tmp_path):
    columns = {
        name: [*values]
        for name, values in make().items()
        if name in ("number", "text", "y", "time")
    }
    names = ",".join(columns)
    lines = zip(*columns.values(), strict=True)
    (tmp_path / "a.csv").write_text(
        "\n".join([names, *(",".join(map(str, line)) for line in lines)]) + "\n"
    )
    pq.write_table(pa.table(columns), tmp_path / "b.parquet")
    options = Table(
        path=str(tmp_path / "a.csv"), test_path=str(tmp_path / "b.parquet"), valid=0, target="y"
    )
    dataset = load_table(options, "auto")
    train = dataset.splits["train"]
    test = dataset.splits["test"]
    assert (len(train), len(test)) == (60, 60)
    for array in (*dataset.inputs.values(), *dataset.target.values()):
        np.testing.assert_array_equal(array[train], array[test])


def test_a_numbering_goes_over_all_files(tmp_path):
    rows = np.random.default_rng(0).permutation(2 * N)
    for part, own in (("train", rows[:N]), ("test", rows[N:])):
        cells = "".join(f"{row + 1},{row % 7 / 3},{row * row % 11}\n" for row in own)
        (tmp_path / f"{part}.csv").write_text(f"id,x,y\n{cells}")
    paths = {"path": str(tmp_path / "train.csv"), "test_path": str(tmp_path / "test.csv")}
    dataset = load_table(Table(**paths, target="y", valid=0), "auto")
    assert [column.name for column in dataset.encoder.columns] == ["x"]
    assert any("'id' is left out: it numbers the rows" in note for note in dataset.notes)


def test_weights_are_read():
    weight = np.linspace(0, 2, N)
    dataset = load(pa.table(make() | {"w": weight}), weight="w")
    np.testing.assert_array_equal(dataset.weight, weight.astype(np.float32))
    assert "w" not in dataset.encoder.number_names
    for wrong, message in (
        (-0.5, "the weight of row 7 is -0.5"),
        (np.inf, "row 7 is infinite"),
        (np.nan, "the weight of row 7 is missing"),
    ):
        weight[6] = wrong
        with pytest.raises(UserError, match=f"train: column 'w': {message}"):
            load(pa.table(make() | {"w": weight}), weight="w")


@pytest.mark.parametrize("own_file", [False, True])
def test_nothing_is_fitted_on_rows_of_weight_0(own_file):
    idle_n = np.arange(N) % 5 == 0
    fitted = []
    for spoiled in (False, True):
        columns = make() | {"w": np.where(idle_n, 0.0, 2.0)}
        if spoiled:
            columns["y"] = np.where(idle_n, -999999.0, columns["y"])
            columns["number"] = np.where(idle_n, 1e25, columns["number"])
            columns["text"] = np.where(idle_n, "unheard of", columns["text"])
        table = pa.table(columns)
        dataset = load({"train": table, "valid": table} if own_file else table, weight="w")
        train, valid, test = dataset.splits.values()
        assert (dataset.weight[np.concatenate([train, valid])] == 2).all()
        n_idle = (2 if own_file else 1) * idle_n.sum() - (dataset.weight[test] == 0).sum()
        assert f"{n_idle} rows of weight 0 neither train" in " ".join(dataset.notes)
        statistics = dataset.statistics(train)
        fitted.append(
            json.dumps([dataset.encoder.to_json(), statistics], default=np.ndarray.tolist)
        )
    assert fitted[0] == fitted[1]


def test_a_split_of_weight_0_alone_stays_to_be_refused():
    splits = {"train": np.array([0, 1]), "valid": np.array([2]), "test": np.array([3])}
    kept, n_idle = without_idle(splits, np.array([0.0, 1.0, 0.0, 0.0]))
    assert {part: rows.tolist() for part, rows in kept.items()} == {
        "train": [1],
        "valid": [2],
        "test": [3],
    }
    assert n_idle == 1


def test_splits_by_columns():
    columns = make()
    dataset = load(pa.table(columns), split="time", time="time", valid=20, test=20)
    parts = [columns["time"][rows] for rows in dataset.splits.values()]
    assert parts[0].max() <= parts[1].min() and parts[1].max() <= parts[2].min()
    assert "time" not in dataset.encoder.number_names
    dataset = load(pa.table(columns), split="time", time="time", features=("time", "number"))
    assert dataset.encoder.number_names[0] == "time"
    dataset = load(pa.table(columns), split="group", group="group")
    groups = [set(columns["group"][rows]) for rows in dataset.splits.values()]
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
    dataset = load(pa.table(columns), split="stratified", target="kind", valid=0, test=0.5)
    for name in ("no", "yes", "maybe"):
        counts = [np.sum(columns["kind"][rows] == name) for rows in dataset.splits.values()]
        assert abs(counts[0] - counts[2]) <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "yy"}, "config.data.target: train has no column 'yy'; did you mean 'y'"),
        (
            {"features": ("number", "txt")},
            "config.data.features: train has no column 'txt'; did you mean 'text'",
        ),
        (
            {"ignore": ("Flag",)},
            "config.data.ignore: train has no column 'Flag'; did you mean 'flag'",
        ),
        ({"categorical": ("ints",)}, "config.data.categorical: .* 'ints'"),
        ({"numeric": ("numbr",)}, "config.data.numeric: .* did you mean 'number'"),
        ({"weight": "w"}, "config.data.weight: train has no column 'w'"),
        ({"group": "groups", "split": "group"}, "config.data.group: .* did you mean 'group'"),
        ({"time": "times", "split": "time"}, "config.data.time: .* did you mean 'time'"),
        ({"features": ("y", "number")}, "config.data.features: 'y' is config.data.target too"),
        (
            {"features": ("group", "text"), "group": "group"},
            "config.data.features: 'group' is config.data.group too",
        ),
        ({"ignore": tuple(make()), "features": None}, "no column to learn from"),
    ],
)
def test_options_must_agree_with_the_columns(options, message):
    with pytest.raises(UserError, match=message):
        load(pa.table(make()), **options)


def test_a_table_of_one_row_is_refused():
    with pytest.raises(UserError, match="1 row with a target: at least two are needed"):
        load(pa.table({"x": [1], "z": [2], "y": [1]}))


@pytest.mark.parametrize("split", ["random", "stratified"])
def test_a_class_of_one_row_trains_and_is_said(split):
    kinds = ["no", "yes"] * 27 + ["twice", "twice", "rare", "rarer", "rarest", "no"]
    for seed in range(4):
        dataset = load(
            pa.table(make() | {"kind": kinds}), target="kind", split=split, split_seed=seed
        )
        train = dataset.target["kind"][dataset.splits["train"]]
        assert len(dataset.encoder.heads[0].classes) == 6
        assert (np.bincount(train, minlength=6) > 0).all()
        named = "'rare' (1 train), 'rarer' (1 train), 'rarest' (1 train), 1 more classes"
        told = f"target 'kind': too few rows for every split: {named}"
        assert any(note.endswith(told) for note in dataset.notes)


def test_a_class_of_the_other_rows_only_has_a_code_behind_all_others_and_is_said():
    late = pa.table(make() | {"kind": ["no", "yes"] * 29 + ["newer", "new"]})
    dataset = load(late, target="kind", split="time")
    head = dataset.encoder.heads[0]
    assert (head.kind, head.classes) == ("binary", ("no", "yes"))
    np.testing.assert_array_equal(dataset.target["kind"][-4:-2], [0, 1])
    assert sorted(dataset.target["kind"][-2:]) == [2, 3]
    shown = dataset.encoder.raw_targets({"kind": dataset.target["kind"][-3:]})["target"]
    assert shown.tolist() == ["yes", None, None]
    note = next(note for note in dataset.notes if "in no training row" in note)
    assert "'new' (1 test)" in note and "'newer' (1 test)" in note and "count as wrong" in note
    tables = [pa.table(make() | {"kind": kinds * 30}) for kinds in (["no", "yes"], ["maybe", "no"])]
    dataset = load(dict(zip(("train", "test"), tables, strict=True)), target="kind")
    assert any(
        "test: target 'kind': in no training row: 'maybe' (30 test)" in n for n in dataset.notes
    )


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"y": [None] * N}, {}, "train: no row has a value for 'y', the target"),
        (
            {"group": ["a", None] * 30},
            {"split": "group", "group": "group"},
            "column 'group': row 2 has no value",
        ),
        (
            {"time": ["2020-01-01", "?"] * 30},
            {"split": "time", "time": "time"},
            "column 'time': row 2 has no value",
        ),
    ],
)
def test_values_that_cannot_be_used_are_named(change, options, message):
    with pytest.raises(UserError, match=message):
        load(pa.table(make() | change), **options)


def test_take_is_plain_indexing_on_numpy_and_jax():
    dataset = load(pa.table(make() | {"w": np.arange(N)}), target=("y", "kind"), weight="w")
    rows = np.array([4, 4, 17])
    on_host = dataset.take(dataset.arrays, rows)
    on_device = jax.jit(TableDataset.take)(
        jax.tree.map(jnp.asarray, dataset.arrays), jnp.asarray(rows)
    )
    assert on_host.length is None and set(on_host.target) == {"value", "kind"}
    np.testing.assert_array_equal(on_host.inputs["numbers"], dataset.inputs["numbers"][rows])
    np.testing.assert_array_equal(on_host.weight, rows)
    jax.tree.map(np.testing.assert_array_equal, on_host, on_device)


def test_the_fingerprint_is_that_of_arrays_and_splits():
    first = load(pa.table(make()))
    again = load(pa.table(make()))
    assert first.fingerprint == again.fingerprint and len(first.fingerprint) == 64
    fingerprint = first.fingerprint
    other_splits = first.splits | {"test": first.splits["valid"]}
    assert dataclasses.replace(first, splits=other_splits).fingerprint != first.fingerprint
    for group in (first.inputs, first.target, {"": first.weight}):
        for array in group.values():
            array[5] += 1
            assert fingerprint != first.fingerprint
            array[5] -= 1


@pytest.mark.parametrize(
    ("loss", "options"), [("poisson", {}), ("mse", {"target_scaling": "none"})]
)
def test_a_target_that_keeps_its_units_is_not_shifted(loss, options):
    columns = make() | {"y": np.arange(N) + 1000}
    dataset = load(pa.table(columns), loss, **options)
    np.testing.assert_array_equal(dataset.target["value"][:, 0], columns["y"])
    fitted = dataset.statistics(dataset.splits["train"])["targets"]["value"]
    assert (list(fitted["center"]), list(fitted["scale"])) == ([0], [1]) and dataset.encoder.units[
        "value"
    ] == [1]
