"""JSON lines in groups: the rows of all of them are those of the file."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train.data.files import line_groups
from train.data.files.line_groups import find_rows, read_rows
from train.errors import UserError

# Whole numbers first and fractions later, a name that comes late, lists that are empty at first.
ROWS = [
    {"x": [], "n": 1, "late": None},
    {"x": [1, 2], "n": 2, "words": ["a", "ü"]},
    {"x": [0.5], "n": 2.5, "words": []},
    {"x": None, "n": None, "words": ["2020-01-01"]},
    {"x": [3, None], "n": 4, "words": ["b"], "late": "yes"},
] * 3


def write(path: Path, rows: list, *, end: str = "\n") -> str:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n\n".join(lines) + end, encoding="utf-8-sig")
    return str(path)


def all_rows(path: str, columns: list[str], n_rows: int | None = None) -> tuple[list, list, list]:
    rows: list = []
    firsts = []
    wheres = []
    for group in find_rows(path, columns).groups:
        for piece in read_rows(group, columns, n_rows):
            rows += piece.table.to_pylist()
            firsts.append(piece.first)
            wheres.append(piece.where)
    return rows, firsts, wheres


@pytest.mark.parametrize("end", ["\n", ""])
@pytest.mark.parametrize("n_bytes", [1, 70, 1 << 20])
def test_the_rows_of_all_groups_are_those_of_the_file(
    tmp_path: Path, monkeypatch, end: str, n_bytes: int
) -> None:
    monkeypatch.setattr(line_groups, "GROUP_BYTES", n_bytes)
    path = write(tmp_path / "rows.jsonl", ROWS, end=end)
    columns = ["x", "n", "words", "late"]
    files = find_rows(path, columns)
    assert files.n_rows == len(ROWS)
    assert files.schema.field("x").type == pa.list_(pa.float64())
    assert files.schema.field("n").type == pa.float64()
    rows, firsts, _ = all_rows(path, columns)
    assert rows == [{name: row.get(name) for name in columns} for row in ROWS]
    assert len(firsts) == (len(ROWS) if n_bytes == 1 else len(files.groups))


def test_pieces_name_their_rows(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(line_groups, "GROUP_BYTES", 200)
    (tmp_path / "rows").mkdir()
    for i in range(2):
        write(tmp_path / "rows" / f"{i}.jsonl", ROWS)
    _, firsts, wheres = all_rows(str(tmp_path / "rows"), ["n"], 2)
    assert max(b - a for a, b in pairwise(firsts)) == 2
    at = firsts.index(len(ROWS) + 2)
    assert wheres[at] == f"{tmp_path}/rows/1.jsonl, counted from row 3 on"


def test_a_value_that_changes_changes_the_fingerprint(tmp_path: Path) -> None:
    found = []
    for last in (3, 4, 3):
        path = write(tmp_path / "rows.jsonl", [{"x": [1, last]}])
        found.append(find_rows(path, ["x"]).fingerprint)
    assert found[0] == found[2] != found[1]


def test_what_cannot_be_read_is_said_with_its_place(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(line_groups, "GROUP_BYTES", 1)
    path = tmp_path / "rows.jsonl"
    path.write_text('{"x": [1]}\n{"x": [2]}\n{"x": [3\n')
    with pytest.raises(UserError, match=r"rows.jsonl, counted from row 3 on, line 1: not a JSON"):
        find_rows(str(path), ["x"])
    path.write_text('{"x": [1], "y": 1}\n{"x": [2], "y": "b"}\n')
    assert find_rows(str(path), ["x"]).n_rows == 2
    with pytest.raises(UserError, match=r"rows.jsonl: column 'y' changes from int64 to string"):
        find_rows(str(path), ["x", "y"])
    path.write_text('[{"x": [1]}]')
    with pytest.raises(UserError, match=r"rows.jsonl: holds one JSON array; write an"):
        find_rows(str(path), ["x"])
    path.write_text("\n\n")
    with pytest.raises(UserError, match=r"rows.jsonl: has no rows"):
        find_rows(str(path), ["x"])
    with pytest.raises(UserError, match=r"absent.jsonl: cannot be read: No such file"):
        find_rows(str(tmp_path / "absent.jsonl"), ["x"])
    write(path, ROWS)
    pq.write_table(pa.table({"x": [1]}), tmp_path / "rows.parquet")
    with pytest.raises(UserError, match=r"holds rows.jsonl and rows.parquet; keep Parquet or JSON"):
        find_rows(str(tmp_path), ["x"])


def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", ROWS)
    (group,) = find_rows(path, ["n"]).groups
    Path(path).write_text('{"n": 1}\n')
    with pytest.raises(UserError, match=r"rows.jsonl: changed while it was read; begin again"):
        list(read_rows(group, ["n"]))
