"""Parquet files, whole and broken."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading import kinds, refused

from train.data.files.read import read_table
from train.data.files.row_groups import find_files, read_pieces
from train.data.files.write import write_table


def test_parquet(tmp_path):
    table = pa.table(
        {
            "s": pa.array(["x", "NA", None]).dictionary_encode(),
            "n": pa.array(["1", " ? ", "2"], pa.large_string()),
            "z": pa.array(["01", "02", "03"]),
            "f": pa.array([1.5, float("nan"), None], pa.float32()),
            "l": pa.array([[1.0], [], None], pa.large_list(pa.float64())),
        }
    )
    folder = tmp_path / "year=2020"
    folder.mkdir()
    pq.write_table(table, folder / "x.parquet")
    read_back = read_table(folder / "x.parquet")
    assert read_back.to_pydict() == {
        "s": ["x", None, None],
        "n": ["1", None, "2"],
        "z": ["01", "02", "03"],
        "f": [1.5, None, None],
        "l": [[1.0], [], None],
    }
    assert kinds(read_back) == ["string", "string", "string", "float", "list<item: double>"]


@pytest.mark.parametrize("damage", ["cut", "flip", "other", "empty"])
def test_broken_parquet_is_refused(tmp_path, damage):
    path = tmp_path / "x.parquet"
    write_table(pa.table({"a": np.random.default_rng(0).random(1000)}), path)
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(
        {"cut": content[:-20], "flip": content, "other": b"a,b\n1,2\n", "empty": b""}[damage]
    )
    assert refused(read_table, path).startswith(f"{path}: not a readable Parquet file: ")


def test_parquet_without_rows_or_with_repeated_names_is_refused(tmp_path):
    path = tmp_path / "x.pq"
    write_table(pa.table({"a": pa.array([], pa.int64())}), path)
    assert refused(read_table, path) == f"{path}: has column names but no rows"
    write_table(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), path)
    assert "columns 1 and 2 are both named 'a'" in refused(read_table, path)


def test_a_folder_of_partitions_has_their_columns(tmp_path):
    for key, folder in enumerate(("k=1/c=x%20y", "k=2/c=z", "k=__HIVE_DEFAULT_PARTITION__/c=z")):
        (tmp_path / folder).mkdir(parents=True)
        pq.write_table(pa.table({"v": [key, 9]}), tmp_path / folder / "part.parquet")
    expected = {"v": [0, 9, 1, 9, 2, 9], "k": [1, 1, 2, 2, None, None]}
    expected["c"] = ["x y", "x y", "z", "z", "z", "z"]
    assert read_table(tmp_path).to_pydict() == expected
    files = find_files(str(tmp_path))
    assert files.schema.names == ["v", "k", "c"]
    [piece] = read_pieces(files.groups[1], ["c", "v"])
    assert piece.table.to_pydict() == {"c": ["z", "z"], "v": [1, 9]} and piece.first == 2
    (tmp_path / "other=1").mkdir()
    pq.write_table(pa.table({"v": [1]}), tmp_path / "other=1" / "part.parquet")
    assert "its folders name other columns in some places" in refused(read_table, tmp_path)


def test_numbers_of_a_folder_may_be_whole_in_one_file_and_fractions_in_the_next(tmp_path):
    pq.write_table(pa.table({"v": [1, 2], "n": pa.nulls(2)}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"v": [0.5], "n": ["x"]}), tmp_path / "2.parquet")
    assert read_table(tmp_path).to_pydict() == {"v": [1.0, 2.0, 0.5], "n": [None, None, "x"]}
    pq.write_table(pa.table({"v": ["x"], "n": ["x"]}), tmp_path / "3.parquet")
    assert "column 'v' is string here and double in" in refused(read_table, tmp_path)
