"""A table in a file, or in files for its parts -> Dataset: read, split, encoded, all fitted on
training rows only.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from train.config.data_options import Table
from train.data.columns import (
    RawColumn,
    get_column,
    infer_kind,
    read_numbers,
    read_text,
    read_times,
)
from train.data.files.read import read_table
from train.data.split import split_rows
from train.data.table.dataset import TableDataset
from train.data.table.fit import fit_encoder
from train.data.table.roles import check_names, labelled_rows, row_weights, target_names


def load_table(options: Table, loss: str) -> TableDataset:
    """Reads `options.path`, and `valid_path` and `test_path` where given (they then are these
    parts), and encodes them.

    Rows without a target are left out. A message's row 17 is the 17th of the file it names. Raises
    UserError.
    """
    paths = {"train": options.path, "valid": options.valid_path, "test": options.test_path}
    paths = {part: path for part, path in paths.items() if path}
    tables = {part: read_table(path, options.missing) for part, path in paths.items()}
    check_names(tables["train"], options)
    kept = {part: labelled_rows(tables[part], options, path) for part, path in paths.items()}
    splits, split_by = _split(tables["train"], kept["train"], options)
    encoder, fitting_notes = fit_encoder(
        tables["train"], kept["train"][splits["train"]], options, loss
    )
    notes = []
    pieces = []
    start = 0
    for part, path in paths.items():
        table = tables.pop(part)
        rows = kept[part]
        targets, _ = encoder.encode_targets(table, path)
        weight = {"": row_weights(table, options, path)}
        arrays = {"inputs": encoder.encode(table, path), "target": targets, "weight": weight}
        if len(rows) < table.num_rows:
            notes.append(
                f"{path}: {table.num_rows - len(rows)} of {table.num_rows} rows lack a target, left out"
            )
            arrays = {
                group: {name: array[rows] for name, array in named.items()}
                for group, named in arrays.items()
            }
        pieces.append(arrays)
        if part != "train":
            splits[part] = np.arange(start, start + len(rows), dtype=np.int32)
        start += len(rows)
        del table, arrays, targets
    # Arrow keeps what it frees for later; the arrays need that memory now.
    pa.default_memory_pool().release_unused()
    return TableDataset(
        inputs=joined(pieces, "inputs"),
        target=joined(pieces, "target"),
        weight=joined(pieces, "weight")[""],
        splits=splits,
        original_rows=np.concatenate(list(kept.values())),
        encoder=encoder,
        options=options,
        notes=(*notes, *fitting_notes),
        split_by=split_by,
    )


def joined(pieces: list[dict[str, dict[str, np.ndarray]]], group: str) -> dict[str, np.ndarray]:
    """The arrays of all files one after the other; those of a single file as they are, for a copy
    may not fit.
    """
    if len(pieces) == 1:
        return pieces[0][group]
    return {
        name: np.concatenate([piece[group][name] for piece in pieces]) for name in pieces[0][group]
    }


def _split(
    table: pa.Table, rows: np.ndarray, options: Table
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """Places within `rows` that train, validate and test; parts with a file of their own are empty
    here. And what they are divided by [rows], if anything.
    """
    columns = {
        "labels": (*target_names(options), options.label)[0]
        if options.split == "stratified"
        else None,
        "groups": options.group if options.split == "group" else None,
        "times": options.time if options.split == "time" else None,
    }
    values = {}
    for part, name in columns.items():
        if name is not None:
            raw = get_column(table, name, options.path, options.missing, rows)
            values[part] = _moments(raw) if part == "times" else _names(raw)
    valid = 0 if options.valid_path else options.valid
    test = 0 if options.test_path else options.test
    splits = split_rows(
        len(rows), valid, test, kind=options.split, seed=options.split_seed, **values
    )
    return splits, next(iter(values.values()), None)


def _names(raw: RawColumn) -> np.ndarray:
    text = read_text(raw)
    _check_whole(raw, text.codes < 0)
    return np.array(text.values)[text.codes]


def _moments(raw: RawColumn) -> np.ndarray:
    values = read_times(raw) if infer_kind(raw) == "time" else read_numbers(raw)
    _check_whole(raw, values.missing)
    return values.data


def _check_whole(raw: RawColumn, missing: np.ndarray) -> None:
    if missing.any():
        raise raw.error(
            f"{raw.row(int(missing.argmax()))} has no value, which config.data.split needs"
        )
