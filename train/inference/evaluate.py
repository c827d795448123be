"""The metrics of a trained network on a table with targets."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from train.data.dataset import HostArrays
from train.data.sequences.encoder import SequenceEncoder
from train.data.series.encoder import SeriesEncoder
from train.data.series.load import load_windows
from train.data.table.encoder import TableEncoder
from train.evaluation.conformal import conformal_metrics
from train.evaluation.kinds import score
from train.inference.predictor import Predictor


def evaluate(
    model: Predictor, table: pa.Table, where: str = "data", interval: float | None = None
) -> dict[str, float]:
    """The number of rows with a target, {"rows": ...}, and the metrics over them, in its units.

    Rows of a series are its windows; where values of its targets are missing between others, also
    {"missing_targets": how many}, which the metrics leave out. `interval`: the level of the
    intervals whose coverage and width are among the metrics. Raises UserError.
    """
    needed = None if interval is None else model.needed_score(interval)
    counts, predictions, targets = _predict_known(model, table, where)
    scores = score(model.encoder, predictions, targets)
    if needed is not None:
        scores |= conformal_metrics(model.encoder, *needed, predictions, targets)
    return {**counts, **scores}


def _predict_known(
    model: Predictor, table: pa.Table, where: str
) -> tuple[dict[str, int], HostArrays, HostArrays]:
    """How many rows have a target, the predictions for them, and their targets."""
    if isinstance(model.encoder, SeriesEncoder):
        windows = load_windows(model.encoder, table, where)
        targets, _, predictions = model.predict_rows(windows, windows.splits["test"])
        counts = {"rows": len(windows.starts)}
        if windows.target_gaps is not None:
            counts["missing_targets"] = int(windows.target_gaps.sum())
        return counts, predictions, targets
    assert isinstance(model.encoder, TableEncoder | SequenceEncoder)
    targets, present = model.encoder.encode_targets(table, where)
    rows = np.flatnonzero(present)
    inputs = {name: array[rows] for name, array in model.encoder.encode(table, where).items()}
    known = {name: array[rows] for name, array in targets.items()}
    return {"rows": len(rows)}, model.answers(inputs), known
