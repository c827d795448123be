"""Files of random layouts, notations and faults: no traceback, no shifted column, no cell that
changes its meaning between two files without a word. What is true is what the file was made of."""

from __future__ import annotations

import datetime
import math
import os
import random
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from made_files import (
    DATES,
    NUMBERS,
    ODD,
    Made,
    damage,
    draw_columns,
    draw_file,
    draw_layout,
    rows_of_csv,
    to_bytes,
    write_file,
)

from train.config.data_options import Table
from train.data.calendar import DAY
from train.data.files.found import delimiter_of, left_out_notes
from train.data.files.read import read_table
from train.data.table.column import Column
from train.data.table.dataset import TableDataset
from train.data.table.load import load_table
from train.errors import UserError

N = 60
FILES = int(os.environ.get("DENSEQ_FUZZ", "1000"))  # pairs of a training file and a later one
DAMAGED = 3 * FILES  # damaged files, which are read in a twentieth of the time
EACH = 250
EXACT = [name for name in sorted(NUMBERS) if not name.startswith("whole") and name != "clock"]
Columns = dict[str, tuple[str, object]]


def spoil(draw: random.Random, made: Made, columns: Columns, *, one: bool) -> list[str]:
    """Puts odd cells, or cells of another notation, into a file; the columns that have them."""
    spoiled = []
    for name, (kind, how) in columns.items():
        if draw.random() > 0.25 or (one and spoiled):
            continue
        written = made.written[name]
        for _ in range(1 if one else max(1, len(written) // 3)):
            place = draw.randrange(len(written))
            if kind == "number" and str(how) in EXACT and draw.random() < 0.5:
                other = draw.choice(EXACT)
                value = made.meant[name][place]
                assert isinstance(value, float) or value is None
                if value is not None and other != how:
                    written[place] = NUMBERS[other](value)
            elif kind == "time" and draw.random() < 0.5:
                moment = made.meant[name][place]
                if isinstance(moment, datetime.datetime):
                    written[place] = DATES["iso"](moment)
                    made.meant[name][place] = moment.replace(hour=0, minute=0)
            else:
                written[place] = draw.choice(ODD)
                made.meant[name][place] = None
        spoiled.append(name)
    return spoiled


def judge(
    dataset: TableDataset, path: Path, made: Made, columns: Columns, spoiled: Iterable[str]
) -> list[str]:
    """What is wrong, and not said, with how a file is read."""
    encoder = dataset.encoder
    try:
        rows = encoder.read(read_table(path), str(path))
    except UserError as error:
        named = [name for name in spoiled if repr(name) in str(error)]
        return [] if named else [f"refused: {error}"]
    said = " ".join(rows.notes)
    wrong = []
    for name, column in zip(
        [column.name for column in encoder.columns], encoder.columns, strict=True
    ):
        if name not in columns or repr(name) in said:
            continue
        key, places = encoder.places()[name]
        found = rows.inputs[key][:, places[0]]
        if column.kind == "category":
            known = dict(zip(column.vocabulary, range(1, 999), strict=False))
            if column.type == "boolean":
                known = {text.casefold(): code for text, code in known.items()}
            for value, code in zip(made.written[name], found.tolist(), strict=True):
                text = value.strip().casefold() if column.type == "boolean" else value.strip()
                if code != known.get(text, 0):
                    wrong.append(f"{name}: {value!r} has the code {code}")
            continue
        size = 1.0 if column.kind == "number" else DAY / 1e6
        raw = found.astype(np.float64) * column.unit + column.shift
        for value, cell, number in zip(
            made.meant[name], made.written[name], (raw * size).tolist(), strict=True
        ):
            meant = _as_number(value)
            if meant is None and math.isnan(number):
                continue
            if meant is None or not math.isclose(
                number, meant, rel_tol=2e-6, abs_tol=_near(column)
            ):
                wrong.append(f"{name}: {cell!r} is read as {number}, not {meant}")
    return wrong


def _near(column: Column) -> float:
    """What float32 may make of a number, or of seconds."""
    return 0.02 + column.unit * 1e-5 * (86_400 if column.kind == "time" else 1)


def _as_number(value: object) -> float | None:
    if value is None or isinstance(value, float):
        return value
    assert isinstance(value, datetime.datetime)
    return value.replace(tzinfo=datetime.UTC).timestamp()


def check(folder: Path, seed: int) -> list[str]:
    """What is wrong, and not said, with how a training file and a later one are read."""
    draw = random.Random(seed)
    columns = draw_columns(draw)
    made = draw_file(draw, columns, N)
    spoiled = spoil(draw, made, columns, one=True) if draw.random() < 0.3 else []
    made.written["y"] = [str(i) for i in range(N)]
    order = [*columns, "y"]
    draw.shuffle(order)
    path = write_file(draw, folder, f"train{seed}", made, order)
    later = draw_file(draw, columns, draw.randrange(1, 8))
    later_spoiled = spoil(draw, later, columns, one=False) if draw.random() < 0.5 else []
    draw.shuffle(order)
    order.remove("y")
    new = write_file(draw, folder, f"new{seed}", later, order)
    options = Table(path=str(path), target="y", valid=0, test=0, numeric=("y",))
    try:
        dataset = load_table(options, "auto")
    except UserError as error:
        named = [name for name in spoiled if repr(name) in str(error)]
        return [] if named else [f"training is refused: {error}"]
    notes = " ".join(dataset.notes)
    kinds = {column.name: column.kind for column in dataset.encoder.columns}
    wrong = []
    for name, (kind, how) in columns.items():
        wanted = {"truth": "category", "word": "category"}.get(kind, kind)
        if kind == "truth" and how == ("0", "1"):
            wanted = "number"
        if kinds.get(name) != wanted and repr(name) not in notes:
            wrong.append(f"{name} ({how}) is {kinds.get(name)}")
    if set(kinds) - set(columns):
        wrong.append(f"columns {set(kinds) - set(columns)}")
    doubted = [name for name in columns if f"{name!r}" in notes and "prove" in notes]
    sure = {name: how for name, how in columns.items() if name not in doubted}
    # A number column of 0 and 1 means them.
    for file in (made, later):
        if columns.get("flag", ("", None))[1] == ("0", "1"):
            file.meant["flag"] = [_zero_or_one(value) for value in file.meant["flag"]]
    wrong += [f"train: {line}" for line in judge(dataset, path, made, sure, spoiled)]
    # Rows that were no text do not say how texts are to be read.
    may_be_refused = columns if path.suffix in (".parquet", ".jsonl") else later_spoiled
    wrong += [f"later: {line}" for line in judge(dataset, new, later, sure, may_be_refused)]
    return wrong


def check_damaged(folder: Path, seed: int) -> list[str]:
    """What of a damaged file is read otherwise than Python's csv module has it."""
    draw = random.Random(seed)
    columns = draw_columns(draw)
    made = draw_file(draw, columns, draw.randrange(2, 20))
    layout = draw_layout(draw)
    layout.encoding = "utf-8"
    layout.apart = False
    data = damage(draw, to_bytes(layout, made, list(columns))) + b"\n"
    path = folder / f"damaged{seed}{layout.ending}"
    path.write_bytes(data)
    try:
        table = read_table(path, (), may_be_empty=True, may_repeat=True)
    except UserError as error:
        return ["more than a line"] if "\n" in str(error) else []
    notes = left_out_notes(table, "")
    if any("of comments" in note for note in notes):
        data = data.lstrip(b"\n")
        while data.startswith(b"#"):
            data = data.partition(b"\n")[2]
    records = rows_of_csv(data, delimiter_of(table))
    if records is None:
        return ["a fault is passed over"]
    header, *rows = records
    n_rows = len(rows)
    if any("rows that repeat the names" in note for note in notes):
        rows = [row for row in rows if row != header]
        if not any(f"the names: {n_rows - len(rows)}, left out" in note for note in notes):
            return [f"{n_rows - len(rows)} rows repeat the names, not as many as {notes}"]
    if len(header) == 1:  # names as numpy writes them
        header = [header[0].removeprefix("# ")]
    columns_of_cells = [[(cell or "").strip() for cell in c.to_pylist()] for c in table.columns]
    found = [list(row) for row in zip(*columns_of_cells, strict=True)]
    first = int(any("an index of the rows" in note for note in notes))
    if first and not header[0]:
        header = header[1:]
    end = first + table.num_columns
    wanted = [row[first:end] for row in rows]
    if any("".join(row[end:]) for row in rows) or header[: end - first] != table.column_names:
        return [f"{header} and {rows[:1]} are read as {table.column_names}"]
    found = [row for row in found if any(row)]
    wanted = [row for row in wanted if any(row)]
    return [] if found == wanted else [f"{wanted[:2]} is read as {found[:2]}"]


def _zero_or_one(value: object) -> float | None:
    return float(value) if value in ("0", "1") else None  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "seeds"),
    [
        *((check, range(FILES)[at : at + EACH]) for at in range(0, FILES, EACH)),
        *((check_damaged, range(DAMAGED)[at : at + EACH]) for at in range(0, DAMAGED, EACH)),
    ],
)
def test_no_cell_changes_its_meaning_without_a_word(tmp_path, what, seeds):
    wrong = {}
    for seed in seeds:
        found = what(tmp_path, seed)
        if found:
            wrong[seed] = found
    assert not wrong


def test_the_first_few_of_them(tmp_path):
    for seed in range(8):
        assert check(tmp_path, seed) == check_damaged(tmp_path, seed) == []
