"""Where tables are read from: paths, and built-in tables by their prefix."""

from __future__ import annotations

import errno
import subprocess
import sys

from reading import refused

from train.config.stream_checks import LINES, TEXT
from train.data.files import read
from train.data.files.read import read_table

# Parquet, paths and built-in tables.


def test_paths(load, tmp_path, monkeypatch):
    load("a\n1\n", "train.csv")
    assert refused(read_table, "trian.csv") == "trian.csv: no such file; did you mean train.csv?"
    assert refused(read_table, f"{tmp_path}/trian.csv").endswith(
        f"; did you mean {tmp_path}/train.csv?"
    )
    assert refused(read_table, "quite_another.csv") == "quite_another.csv: no such file"
    assert (
        refused(read_table, "data/train.csv")
        == "data/train.csv: no such file; there is no folder data"
    )
    assert refused(read_table, str(tmp_path)) == (
        f"{tmp_path}: a folder without Parquet files; expected some that end in .parquet or .pq"
    )
    assert (
        refused(read_table, "train.csv/x.csv") == "train.csv/x.csv: cannot be read: Not a directory"
    )
    message = refused(load, "a\n1\n", "train.xlsx")
    assert (
        message
        == "train.xlsx: unknown ending '.xlsx'; expected one of "
        + " ".join([".csv", ".tsv", ".txt", ".parquet", ".pq", ".jsonl", ".ndjson", ".json;"])
        + " spreadsheets save and open CSV"
    )
    assert load("a\n1\n", "UPPER.CSV").num_rows == 1

    def deny(path, mode):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(read, "open", deny, raising=False)
    assert refused(read_table, "train.csv") == "train.csv: cannot be read: Permission denied"


def test_what_is_no_parquet_does_not_stream():
    assert (read.TEXT, read.JSON_LINES) == (TEXT, LINES)


def test_builtin_tables_are_read_by_their_prefix():
    assert read_table("builtin:iris").column_names[-1] == "species"
    assert refused(read_table, "builtin:irs").endswith("did you mean builtin:iris?")


def test_reading_imports_neither_jax_nor_what_is_slow():
    slow = {"jax", "matplotlib", "pandas", "polars", "scipy", "sklearn"}
    modules = "train.data.files.read, train.data.inspection"
    code = f"import sys, {modules}; print(sorted({slow} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# In-memory tables.


# Writing.
