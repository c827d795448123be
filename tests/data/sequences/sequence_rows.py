"""Rows of sequences, and files of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from train.config.data_options import Sequences
from train.data.sequences.dataset import SequenceDataset
from train.data.sequences.load import load_sequences

Row = dict[str, Any]
NUMBERS: list[Row] = [
    {"x": [[float(i), 2.0 * t] for t in range(1 + i % 4)], "label": "ab"[i % 2]} for i in range(40)
]
TAGGED: list[Row] = [
    {
        "tokens": ["Fly", "to", f"Rome{i % 3}", "now"][: 2 + i % 3],
        "tags": ["O", "O", "B-city", "O"][: 2 + i % 3],
        "intent": ["fly", "go", "stay"][i % 3],
    }
    for i in range(40)
]


def load_rows(
    folder: Path,
    rows: list[Row],
    inputs: Any = "x",
    target: Any = "label",
    loss: str = "auto",
    **fields: Any,
) -> SequenceDataset:
    """The data set of a file of these rows."""
    path = folder / "s.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return load_sequences(Sequences(path=str(path), inputs=inputs, target=target, **fields), loss)


def long_file(path: Path, rows: list[tuple[Any, ...]]) -> str:
    """The path of a file with a row per step, where these are written."""
    names = "who,at,x,y,label"
    path.write_text("\n".join([names, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return str(path)
