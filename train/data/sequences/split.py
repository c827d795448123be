"""Which sequences train, validate and test."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from train.config.data_options import Sequences, Table
from train.data.columns import get_column, read_text
from train.data.dataset import HostArrays
from train.data.sequences.fit import names_of
from train.data.sequences.steps import holds_lists
from train.data.split import split_as_asked
from train.data.table.fit_targets import holds_classes
from train.errors import UserError


def split_sequences(
    table: pa.Table, rows: np.ndarray, options: Sequences, loss: str
) -> tuple[HostArrays, np.ndarray | None]:
    """({split: places within `rows`}, the labels [rows] they are divided by, if they are).

    Splits with a file of their own are empty here.
    """
    labels = _labels(table, rows, options) if options.split == "stratified" else None
    classes = []
    for name in names_of(options.target):
        if not holds_lists(table, name):
            raw = get_column(table, name, options.path, options.missing, rows)
            if holds_classes(raw, Table(), loss):
                classes.append(read_text(raw).codes)
    return split_as_asked(len(rows), options, classes, labels=labels), labels


def _labels(table: pa.Table, rows: np.ndarray, options: Sequences) -> np.ndarray:
    """The first target that is one per sequence [rows]. Raises UserError if none is."""
    for name in names_of(options.target):
        if not holds_lists(table, name):
            text = read_text(get_column(table, name, options.path, options.missing, rows))
            return np.array(text.values)[text.codes]
    raise UserError("config.data.split: stratified needs a target that is one label per sequence")
