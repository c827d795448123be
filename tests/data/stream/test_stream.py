"""Tables larger than memory: the pass that fits, and the chunks that training is given."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train.config.data_options import Table
from train.data.files.row_groups import find_files, read_pieces
from train.data.stream import online_statistics as survey
from train.data.stream.chunks import group_order, plan_chunks, read_chunks
from train.data.stream.load import load_stream
from train.data.table.load import load_table
from train.errors import UserError

N = 3000


def make_table(n: int = N) -> pa.Table:
    """A table with a column of every kind, and targets of two kinds.

    A number that tells rows apart, numbers with gaps and far from 0, two categories (one with rare
    values), a flag, a day.
    """
    random = np.random.default_rng(5)
    a = random.normal(3.0, 2.0, n)
    a[random.random(n) < 0.1] = np.nan
    far = 1e6 + random.normal(size=n)
    color = random.choice(["red", "green", "blue"], n).astype(object)
    color[7] = "rare"
    color[min(1999, n - 1)] = None
    day = np.datetime64("2020-01-01") + random.integers(0, 1000, n)
    y = np.where(np.isnan(a), 0.0, a) + far - 1e6 + random.normal(size=n)
    names = {
        "id": np.arange(n) * 1.5,
        "a": a,
        "far": far,
        "color": color,
        "flag": random.random(n) < 0.3,
    }
    return pa.table({**names, "day": day, "y": y, "kind": np.where(y > 0, "up", "down")})


def write(table: pa.Table, folder: Path, *, files: int = 3, rows: int = 100) -> str:
    """The table in a folder of some files of small row groups."""
    folder.mkdir(parents=True)
    size = -(-table.num_rows // files)
    for i in range(files):
        pq.write_table(table.slice(i * size, size), folder / f"{i}.parquet", row_group_size=rows)
    return str(folder)


def options(path: str, **fields) -> Table:
    return Table(
        path=path, stream=True, **({"target": "y", "ignore": ("kind",), "split_seed": 3} | fields)
    )


def ids(dataset, batch, n: int) -> np.ndarray:
    """The row numbers that the column `id` holds."""
    place = dataset.encoder.places()["id"][1][0]
    column = next(c for c in dataset.encoder.columns if c.name == "id")
    return np.rint((batch.inputs["numbers"][:n, place] * column.unit + column.shift) / 1.5).astype(
        int
    )


def epoch_ids(dataset, plan, epoch: int, seed: int = 0, **share) -> list[np.ndarray]:
    first = epoch * plan.steps_per_epoch
    chunks = read_chunks(dataset.stream, plan, seed, first, first + plan.steps_per_epoch, **share)
    return [ids(dataset, chunk.batch, chunk.n_rows) for chunk in chunks]


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> str:
    return write(make_table(), tmp_path_factory.mktemp("stream") / "parts")


@pytest.fixture(scope="module")
def dataset(path):
    return load_stream(options(path), "auto")


def in_memory(dataset, tmp_path: Path, **fields):
    """The same training rows as a table in memory."""
    part_n = survey.part_of(dataset.options, dataset.stream.shares, np.arange(N))
    pq.write_table(make_table().filter(pa.array(part_n == 0)), tmp_path / "train.parquet")
    given = options(str(tmp_path / "train.parquet"), **fields)
    return load_table(replace(given, stream=False, valid=0, test=0), "auto")


def test_statistics_are_those_of_the_rows_in_memory_where_the_sample_holds_all(dataset, tmp_path):
    whole = in_memory(dataset, tmp_path)
    assert dataset.encoder == whole.encoder
    assert dataset.n_train == len(whole.splits["train"]) == len(dataset.splits["train"])
    for scaling in ("standard", "robust", "quantile"):
        fitted = dataset.statistics(
            dataset.splits["train"], replace(dataset.options, scaling=scaling)
        )
        wanted = whole.statistics(whole.splits["train"], replace(whole.options, scaling=scaling))
        for part in ("inputs", "targets"):
            found, truth = (
                s[part]["value"] if part == "targets" else s[part] for s in (fitted, wanted)
            )
            assert found.keys() == truth.keys()
            for name in truth:
                np.testing.assert_allclose(
                    found[name], truth[name], rtol=2e-6, atol=2e-6, err_msg=name
                )


def test_a_small_sample_leaves_exact_what_is_counted_and_near_what_is_not(
    path, tmp_path, monkeypatch
):
    monkeypatch.setattr(survey, "SAMPLE_ROWS", 300)
    dataset = load_stream(options(path, target=("y", "kind"), ignore=()), "auto")
    assert 200 < len(dataset.splits["train"]) < 400
    whole = in_memory(dataset, tmp_path, target=("y", "kind"), ignore=())
    assert "rare" in next(c for c in dataset.encoder.columns if c.name == "color").vocabulary
    for mine, truth in zip(dataset.encoder.columns, whole.encoder.columns, strict=True):
        assert (mine.vocabulary, mine.missing, mine.type) == (
            truth.vocabulary,
            truth.missing,
            truth.type,
        )
    train = make_table().filter(
        pa.array(survey.part_of(dataset.options, dataset.stream.shares, np.arange(N)) == 0)
    )
    fitted = dataset.statistics(dataset.splits["train"])
    y = train["y"].to_numpy()
    far = train["far"].to_numpy()
    (column,) = (c for c in dataset.encoder.targets if c.name == "y")
    own = {name: values[0] for name, values in fitted["targets"]["value"].items()}
    for name, truth in (("center", y.mean()), ("low", y.min()), ("high", y.max())):
        assert own[name] * column.unit + column.shift == pytest.approx(truth, rel=1e-5)
    assert own["scale"] * column.unit == pytest.approx(y.std(), rel=1e-6)
    column = next(c for c in dataset.encoder.columns if c.name == "far")
    place = dataset.encoder.places()["far"][1][0]
    assert fitted["inputs"]["scale"][place] * column.unit == pytest.approx(far.std(), rel=1e-6)
    center = float(fitted["inputs"]["center"][place]) * column.unit + column.shift
    assert center - 1e6 == pytest.approx(far.mean() - 1e6, abs=1e-6)
    up = (train["kind"].to_numpy(zero_copy_only=False) == "up").mean()
    np.testing.assert_allclose(fitted["targets"]["kind"]["rate"], [1 - up, up], rtol=1e-6)
    wanted = whole.statistics(whole.splits["train"])["inputs"]
    np.testing.assert_array_equal(fitted["inputs"]["seen"], wanted["seen"])
    place = dataset.encoder.places()["a"][1][0]
    spread = next(c for c in whole.encoder.columns if c.name == "a").unit
    assert fitted["inputs"]["fill"][place] == pytest.approx(wanted["fill"][place], abs=0.5 / spread)


def test_rows_belong_to_a_part_whatever_the_files_look_like(dataset, tmp_path):
    other = load_stream(options(write(make_table(), tmp_path / "other", files=1, rows=777)), "auto")
    for part in ("valid", "test"):
        own = dataset.original_rows[dataset.splits[part]]
        np.testing.assert_array_equal(own, other.original_rows[other.splits[part]])
        assert len(own) / N == pytest.approx(0.15, abs=0.03)
        batch = dataset.take(dataset.arrays, dataset.splits[part])
        np.testing.assert_array_equal(ids(dataset, batch, len(own)), own)


def test_an_epoch_is_each_training_row_once_and_no_other(dataset):
    plan = plan_chunks(dataset.n_train, 32, 500)
    assert (plan.steps_per_chunk, plan.chunks_per_epoch) == (15, -(-plan.steps_per_epoch // 15))
    part_n = survey.part_of(dataset.options, dataset.stream.shares, np.arange(N))
    epochs = [epoch_ids(dataset, plan, epoch) for epoch in range(2)]
    for chunks in epochs:
        np.testing.assert_array_equal(np.sort(np.concatenate(chunks)), np.flatnonzero(part_n == 0))
        assert {len(chunk) for chunk in chunks[:-1]} == {480}
    assert [chunk.tolist() for chunk in epochs[0]] != [chunk.tolist() for chunk in epochs[1]]


def test_the_order_depends_on_seed_and_epoch_alone(dataset, path):
    plan = plan_chunks(dataset.n_train, 32, 500)
    again = load_stream(options(path), "auto")
    same = [np.concatenate(epoch_ids(d, plan, 4)).tolist() for d in (dataset, again)]
    assert same[0] == same[1]
    assert np.concatenate(epoch_ids(dataset, plan, 4, seed=1)).tolist() != same[0]
    orders = {tuple(group_order(dataset.stream.counts, 0, epoch)) for epoch in range(20)}
    assert len(orders) == 20 and all(sorted(order) == list(range(30)) for order in orders)


def test_chunks_can_be_read_from_anywhere(dataset):
    plan = plan_chunks(dataset.n_train, 32, 500)
    last = 2 * plan.steps_per_epoch
    straight = list(read_chunks(dataset.stream, plan, 0, 0, last))
    firsts = np.cumsum([0, *(chunk.n_steps for chunk in straight)])
    assert firsts[-1] == last
    for k in (1, 3, len(straight) // 2, len(straight) - 1):
        own = next(read_chunks(dataset.stream, plan, 0, int(firsts[k]), last))
        assert own.n_rows == straight[k].n_rows
        np.testing.assert_array_equal(
            own.batch.inputs["numbers"], straight[k].batch.inputs["numbers"]
        )
        np.testing.assert_array_equal(own.batch.weight[own.n_rows :], 0)


def test_chunks_can_be_read_from_within_a_row_group_of_several_pieces(dataset, monkeypatch):
    monkeypatch.setattr("train.data.files.row_groups.MAX_ROWS", 10)
    plan = plan_chunks(dataset.n_train, 32, 64)
    straight = list(read_chunks(dataset.stream, plan, 0, 0, plan.steps_per_epoch))
    for k in range(1, len(straight), 5):
        first = k * plan.steps_per_chunk
        own = next(read_chunks(dataset.stream, plan, 0, first, plan.steps_per_epoch))
        assert own.n_rows == straight[k].n_rows
        np.testing.assert_array_equal(
            ids(dataset, own.batch, 64), ids(dataset, straight[k].batch, 64)
        )


@pytest.mark.parametrize("n_processes", [2, 4])
def test_processes_share_an_epoch_among_them(dataset, n_processes):
    plan = plan_chunks(dataset.n_train, 32, 500)
    shares = [
        epoch_ids(dataset, plan, 1, process=k, n_processes=n_processes) for k in range(n_processes)
    ]
    assert {len(chunks) for chunks in shares} == {plan.chunks_per_epoch}
    rows = [np.concatenate(chunks) for chunks in shares]
    assert max(map(len, rows)) - min(map(len, rows)) <= 1
    np.testing.assert_array_equal(
        np.sort(np.concatenate(rows)), np.sort(np.concatenate(epoch_ids(dataset, plan, 1)))
    )


def test_targets_that_lack_are_left_out_and_said_so(tmp_path):
    table = make_table(400)
    y = np.where(np.arange(400) % 4 == 0, np.nan, table["y"].to_numpy())
    path = write(
        table.set_column(table.column_names.index("y"), "y", pa.array(y)), tmp_path / "parts"
    )
    dataset = load_stream(options(path), "auto")
    rows = np.concatenate(epoch_ids(dataset, plan_chunks(dataset.n_train, 32, 100), 0))
    assert (rows % 4 != 0).all() and len(rows) == dataset.n_train
    assert any("100 of 400 rows lack a target" in note for note in dataset.notes)


def test_a_column_of_too_many_texts_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "MAX_LABELS", 50)
    monkeypatch.setattr("train.data.stream.load.MAX_LABELS", 50)
    table = make_table(600).append_column("user", pa.array([f"u{i % 200}" for i in range(600)]))
    path = write(table, tmp_path / "parts")
    dataset = load_stream(options(path), "auto")
    assert "user" not in [column.name for column in dataset.encoder.columns]
    assert "column 'user' is left out: more than 50 different texts" in dataset.notes
    with pytest.raises(
        UserError, match=r"column 'user': more than 50 different texts, too many for a category"
    ):
        load_stream(options(path, categorical=("user",)), "auto")


def test_a_share_of_very_many_rows_is_cut(path, monkeypatch):
    monkeypatch.setattr("train.data.stream.parts.KEPT_ROWS", 60)
    dataset = load_stream(options(path, test=300), "auto")
    assert len(dataset.splits["valid"]) == pytest.approx(60, abs=30)
    assert len(dataset.splits["test"]) == pytest.approx(300, abs=60)
    assert next(note for note in dataset.notes if "is cut to about 60" in note).startswith(
        "config.data.valid: "
    )


def test_parts_with_files_of_their_own_stay_whole(path, tmp_path):
    pq.write_table(make_table(200), tmp_path / "held.parquet")
    dataset = load_stream(options(path, valid_path=str(tmp_path / "held.parquet"), test=0), "auto")
    assert (
        dataset.n_train == N
        and len(dataset.splits["valid"]) == 200
        and not len(dataset.splits["test"])
    )


def test_pieces_name_the_rows_of_their_file(path):
    group = find_files(path).groups[12]
    piece = next(read_pieces(group, ["a"]))
    assert (group.first, piece.first) == (1200, 1200)
    assert piece.where == f"{path}/1.parquet, counted from row 201 on"


def test_a_value_that_changes_in_a_file_of_the_same_size_changes_the_fingerprint(tmp_path):
    file = tmp_path / "0.parquet"
    found = []
    for last in (3, 4, 3):
        pq.write_table(pa.table({"x": [1, 2, last]}), file, compression="none")
        found.append((file.stat().st_size, find_files(str(file)).fingerprint))
    before, changed, again = found
    assert before == again
    assert before[0] == changed[0] and before[1] != changed[1]


def test_infinity_is_found_in_the_pass(tmp_path):
    table = make_table(400)
    far = table["far"].to_numpy().copy()
    far[250] = np.inf
    path = write(table.set_column(2, "far", pa.array(far)), tmp_path / "parts", files=2)
    with pytest.raises(UserError, match=r"1.parquet: column 'far': row 51 is infinite"):
        load_stream(options(path, valid=0, test=0), "auto")


def test_folders_that_cannot_be_streamed(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: a folder without Parquet files"):
        load_stream(options(str(tmp_path / "empty")), "auto")
    with pytest.raises(UserError, match="nothing: no such file or folder"):
        load_stream(options(str(tmp_path / "nothing")), "auto")
    path = write(make_table(300), tmp_path / "names")
    pq.write_table(make_table(100).drop_columns(["far"]), tmp_path / "names" / "1.parquet")
    with pytest.raises(
        UserError, match=r"names/1.parquet: no column 'far', which .*names/0.parquet has"
    ):
        load_stream(options(path), "auto")
    path = write(make_table(300), tmp_path / "types")
    table = make_table(100)
    pq.write_table(
        table.set_column(2, "far", table["far"].cast(pa.string())),
        tmp_path / "types" / "2.parquet",
    )
    with pytest.raises(
        UserError,
        match=r"types/2.parquet: column 'far' is string here and double in .*types/0.parquet",
    ):
        load_stream(options(path), "auto")
    (tmp_path / "types" / "2.parquet").write_bytes(b"PAR1 nothing of the kind")
    with pytest.raises(UserError, match=r"types/2.parquet: not a readable Parquet file"):
        load_stream(options(path), "auto")


def test_rows_of_weight_0_are_neither_fitted_on_nor_streamed(tmp_path):
    table = make_table()
    idle_n = np.arange(N) % 10 == 0
    far = np.where(idle_n, -999999.0, table["y"].to_numpy())
    table = table.set_column(table.column_names.index("y"), "y", pa.array(far))
    table = table.append_column("w", pa.array(np.where(idle_n, 0.0, 1.0)))
    dataset = load_stream(options(write(table, tmp_path / "rows"), weight="w"), "auto")
    part_n = survey.part_of(dataset.options, dataset.stream.shares, np.arange(N))
    counted = np.flatnonzero((part_n == 0) & ~idle_n)
    assert dataset.n_train == len(counted)
    moments = dataset.stream.moments["y"]
    np.testing.assert_allclose(moments.pivot + moments.low, far[counted].min())
    shown = np.concatenate(epoch_ids(dataset, plan_chunks(len(counted), 32, 512), 0))
    np.testing.assert_array_equal(np.sort(shown), counted)
    assert (dataset.weight[dataset.splits["valid"]] > 0).all()
    n_idle = int((idle_n & (part_n < 2)).sum())
    assert any(f"{n_idle} rows of weight 0 neither" in note for note in dataset.notes)
