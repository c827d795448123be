"""errors.parquet: errors of validation rows, by which samples of a row's outputs move together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from train.data.files.write import write_table
from train.errors import UserError
from train.run.manifest import check_listed, read_manifest

NAME = "errors.parquet"


def write_errors(folder: Path, errors_mo: np.ndarray, step: int) -> None:
    """Writes a column of each output, and the step of the state that the errors are of."""
    names = [f"output {i + 1}" for i in range(errors_mo.shape[1])]
    table = pa.table(list(errors_mo.T), names=names)
    write_table(table.replace_schema_metadata({"step": str(step)}), folder / NAME)


def read_errors(folder: Path, step: int) -> np.ndarray | None:
    """The errors [m, o] of a run whose newest state is that of `step`; None where none are kept.

    None, too, where all validation rows have weight 0. Raises UserError where the file is damaged,
    or of an older state.
    """
    manifest = read_manifest(folder)
    entry = manifest.files.get(NAME) if manifest else None
    if entry is None:
        return None
    try:
        table = pq.read_table(pa.BufferReader(check_listed(folder, NAME, entry)))
    except (OSError, pa.ArrowException):
        raise UserError(f"--samples: {folder / NAME} cannot be read") from None
    if (table.schema.metadata or {}).get(b"step") != str(step).encode():
        raise UserError(
            f"--samples: the run in {folder} went on after {NAME} was written; let it finish"
        )
    if not table.num_rows:
        return None
    return np.column_stack([column.to_numpy() for column in table.columns])
