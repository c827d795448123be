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
from train.data.files.storage import read_regular
from train.data.files.write import write_table
from train.errors import UserError
from train.evaluation.conformal import Scores
from train.run.manifest import check_listed, read_manifest

NAME = "calibration.parquet"
MAX_BYTES = 2**33  # bytes, where nothing says how many were written


def write_scores(folder: Path, head: Head, scores: Scores, step: int) -> None:
    """Writes a column of sorted scores for each output, and the step of the state they are of.

    Of a forecast of several steps the columns are NAME.1, NAME.2, ... for each of its targets.
    Where rows have weights, as many columns of the rows' weights stand behind those of scores.
    """
    n_steps = scores.score.shape[1] // len(head.columns)
    names = list(head.columns)
    if n_steps > 1:
        names = [f"{name}.{h + 1}" for h in range(n_steps) for name in head.columns]
    columns = list(scores.score.T)
    facts = {"step": str(step)}
    if (scores.weight != scores.weight[:1]).any():
        columns += list(scores.weight.T)
        names += [f"weight of {name}" for name in names]
        facts["weights"] = "in the second half of the columns"
    table = pa.table(columns, names=names)
    write_table(table.replace_schema_metadata(facts), folder / NAME)


def read_scores(folder: Path, config: Config, step: int) -> Scores:
    """The scores of a run whose newest state is that of `step`; without weights all weigh 1.

    Raises UserError if it has none: no validation rows, not finished, or gone on since.
    """
    if not (has_valid_rows(config.data) or config.population.n_folds > 1):
        advice = "train with config.data.valid above 0"
        raise UserError(
            f"--interval: the run in {folder} has no validation rows to measure its errors on; "
            f"{advice}"
        )
    manifest = read_manifest(folder)
    entry = manifest.files.get(NAME) if manifest else None
    try:
        if entry is not None:
            content = check_listed(folder, NAME, entry)
        elif manifest is None:
            content = read_regular(folder / NAME, MAX_BYTES)
        else:  # not finished
            raise FileNotFoundError
        table = pq.read_table(pa.BufferReader(content))
    except (OSError, pa.ArrowException):
        raise UserError(
            f"--interval: {folder} holds no {NAME}, which a run writes when it finishes"
        ) from None
    facts = table.schema.metadata or {}
    if facts.get(b"step") != str(step).encode():
        raise UserError(
            f"--interval: the run in {folder} went on after {NAME} was written; let it finish"
        )
    numbers = np.column_stack([column.to_numpy() for column in table.columns])
    if b"weights" in facts:
        score_no, weight_no = np.split(numbers, 2, axis=1)
        return Scores(score_no, weight_no)
    return Scores(numbers, np.broadcast_to(1.0, numbers.shape))
