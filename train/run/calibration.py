"""calibration.parquet: the conformal scores of a run, of which intervals are made.

n rows, o outputs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from train.config.data_options import has_valid_rows
from train.config.options import Config
from train.data.dataset import Head
from train.data.files.write import write_table
from train.errors import UserError

NAME = "calibration.parquet"


def write_scores(folder: Path, head: Head, scores_no: np.ndarray, step: int) -> None:
    """Writes a column of sorted scores for each output, and the step of the state they are of.

    Of a forecast of several steps the columns are NAME.1, NAME.2, ... for each of its targets.
    """
    n_steps = scores_no.shape[1] // len(head.columns)
    names = list(head.columns)
    if n_steps > 1:
        names = [f"{name}.{h + 1}" for h in range(n_steps) for name in head.columns]
    table = pa.table(list(scores_no.T), names=names)
    write_table(table.replace_schema_metadata({"step": str(step)}), folder / NAME)


def read_scores(folder: Path, config: Config, step: int) -> np.ndarray:
    """The scores [n, o] of a run whose newest state is that of `step`.

    Raises UserError if it has none: no validation rows, not finished, or gone on since.
    """
    if not (has_valid_rows(config.data) or config.population.folds > 1):
        advice = "train with config.data.valid above 0"
        raise UserError(
            f"--interval: the run in {folder} has no validation rows to measure its errors on; "
            f"{advice}"
        )
    try:
        table = pq.read_table(folder / NAME)
    except (OSError, pa.ArrowException):
        raise UserError(
            f"--interval: {folder} holds no {NAME}, which a run writes when it finishes"
        ) from None
    if (table.schema.metadata or {}).get(b"step") != str(step).encode():
        raise UserError(
            f"--interval: the run in {folder} went on after {NAME} was written; let it finish"
        )
    return np.column_stack([column.to_numpy() for column in table.columns])
