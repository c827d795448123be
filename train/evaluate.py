"""The metrics of a trained network on a labelled file.

python -m train.evaluate --workdir=DIR --data=FILE

Prints one JSON object: the number of rows judged, and the metrics over all of them, in original units.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from train import flags, metrics, predict, runtime
from train.data.encode import TableEncoder
from train.data.future import judged_windows
from train.data.read import read_table
from train.data.sequence_encode import SequenceEncoder
from train.data.series_encode import SeriesEncoder
from train.forecast import forecast_metrics

if TYPE_CHECKING:
    from train.predictor import Predictor


def evaluate(model: Predictor, table: pa.Table, where: str = "data") -> dict[str, float]:
    """Metrics over all rows (of a series: windows) whose target is present, in original units; {"rows": ..., ...}."""
    if isinstance(model.encoder, SeriesEncoder):
        series = judged_windows(model.encoder, table, where)
        targets, _, answers = model.judged(series, series.splits["test"])
        return {"rows": len(series.starts), **score(model.encoder, answers, targets)}
    targets, present = model.encoder.encode_targets(table, where)
    rows = np.flatnonzero(present)
    inputs = {name: array[rows] for name, array in model.encoder.encode(table, where).items()}
    known = {name: array[rows] for name, array in targets.items()}
    return {"rows": len(rows), **score(model.encoder, model.answers(inputs), known)}


def score(
    encoder: TableEncoder | SequenceEncoder | SeriesEncoder,
    answers: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    weight: np.ndarray | None = None,
) -> dict[str, float]:
    """Metrics of answers to encoded rows, in original units."""
    if isinstance(encoder, SeriesEncoder):
        return forecast_metrics(encoder, answers, targets, weight)
    return metrics.evaluate(encoder.heads, answers, targets, weight, encoder.units)


def main(argv: list[str]) -> int:
    """Reads a file, judges the answers to it, prints the metrics."""
    paths = flags.parse_paths(argv, __doc__ or "", ("workdir", "data"))
    runtime.configure()
    model = predict.load(paths["workdir"])
    table = read_table(paths["data"], model.config.data.missing)
    print(json.dumps(evaluate(model, table, paths["data"])))
    return 0


if __name__ == "__main__":
    flags.run(main)
