"""Lines of text files, and what an encoder makes of them."""

from __future__ import annotations

import numpy as np

N = 60
Y = np.random.default_rng(0).normal(size=N).round(3)


def rows(*columns, header: str, delimiter: str = ",") -> str:
    """Lines of a text file."""
    lines = [header, *(delimiter.join(map(str, row)) for row in zip(*columns, strict=True))]
    return "\n".join(lines) + "\n"


def cycled(*values) -> list:
    """N cells, the values over and over."""
    return [values[i % len(values)] for i in range(N)]


def raw(rows, encoder, name: str) -> list[float]:
    """The numbers of a column as they were in the file."""
    column = next(column for column in encoder.columns if column.name == name)
    key, (place, *_) = encoder.places()[name]
    assert key == "numbers"
    return (rows.inputs[key][:, place].astype(float) * column.unit + column.shift).tolist()


def column(encoder, name: str):
    """What an encoder knows of a column or target."""
    return next(column for column in (*encoder.columns, *encoder.targets) if column.name == name)
