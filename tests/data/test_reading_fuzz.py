"""Files of random dialects, notations and faults: no traceback, no shifted column, no cell that
changes its meaning between two files without a word. What is true is what the file was made of."""

from __future__ import annotations

import random

import numpy as np
import pytest

from train.config.data_options import Table
from train.data.files.read import read_table
from train.data.table.load import load_table
from train.errors import UserError

N = 40
FILES = 400
DELIMITERS = {".csv": (",", ";", "|"), ".tsv": ("\t",), ".txt": (";", "\t")}
ODD = ("unknown", "#DIV/0!", "-", "n/a", "12x", "?")


def german(x: float) -> str:
    return f"{x:,.2f}".translate(str.maketrans(",.", ".,"))


WRITERS = {
    "plain": repr,
    "german": german,
    "thousands": "{:,.2f}".format,
    "blanks": lambda x: f"{x:,.2f}".replace(",", " "),
    "dollars": lambda x: f"-${-x:,.2f}" if x < 0 else f"${x:,.2f}",
    "percent": "{:.2f}%".format,
    "units": "{:.2f} kg".format,
}


def line(cells: list[str], delimiter: str) -> str:
    quoted = [f'"{cell}"' if delimiter in cell else cell for cell in cells]
    return delimiter.join(quoted)


def make(draw: random.Random, n: int) -> tuple[list[float], list[str]]:
    """Numbers, and the codes of a category, of n rows."""
    numbers = [round(draw.uniform(-9999, 99999), 2) for _ in range(n)]
    return numbers, [f"{draw.randrange(12):02d}" for _ in range(n)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(0, FILES, 50))
def test_no_cell_changes_its_meaning_without_a_word(tmp_path, seed):
    for at in range(seed, seed + 50):
        draw = random.Random(at)
        ending = draw.choice(sorted(DELIMITERS))
        delimiter = draw.choice(DELIMITERS[ending])
        write = WRITERS[draw.choice(sorted(WRITERS))]
        index = draw.random() < 0.3
        paths = []
        truths = []
        for part, n in (("train", N), ("new", draw.randrange(1, 6))):
            numbers, codes = make(draw, n)
            cells = [write(x) for x in numbers]
            if part == "new" and draw.random() < 0.3:
                cells[0] = draw.choice(ODD)
            header = ["amount", "code", "y"]
            rows = [[c, k, str(i)] for i, (c, k) in enumerate(zip(cells, codes, strict=True))]
            if index:
                header = ["", *header]
                rows = [[str(i), *row] for i, row in enumerate(rows)]
            lines = [line(header, delimiter), *(line(row, delimiter) for row in rows)]
            end = draw.choice(["\n", "\r\n"])
            path = tmp_path / f"{part}{at}{ending}"
            path.write_bytes((end.join(lines) + end).encode())
            paths.append(path)
            truths.append((numbers, codes, cells))
        dataset = load_table(
            Table(path=str(paths[0]), target="y", valid=0, test=0, numeric=("y",)), "auto"
        )
        encoder = dataset.encoder
        kinds = {column.name: column.kind for column in encoder.columns}
        assert kinds == {"amount": "number", "code": "category"}, (at, kinds)
        number, category = encoder.columns
        for part, path in enumerate(paths):
            numbers, codes, cells = truths[part]
            try:
                rows = encoder.read(read_table(path), str(path))
            except UserError as error:
                assert part and any(cell in str(error) for cell in ODD if cell in cells), (
                    at,
                    error,
                )
                continue
            found = rows.inputs["numbers"][:, 0] * number.unit + number.shift
            for i, x in enumerate(numbers):
                if np.isnan(found[i]):
                    assert cells[i] in ODD and (rows.said or cells[i] in encoder.markers), at
                else:
                    assert found[i] == pytest.approx(x, rel=1e-5, abs=1e-2), (at, cells[i])
            known = dict(zip(category.vocabulary, range(1, 99), strict=False))
            assert rows.inputs["codes"][:, 0].tolist() == [known.get(code, 0) for code in codes], at
