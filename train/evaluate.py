"""The metrics of a trained network on a labelled file.

python -m train.evaluate --workdir=DIR --data=FILE [--interval=0.9]

Prints one JSON object: the number of rows judged, and the metrics over all of them, in original
units. With --interval coverage and width are those of the intervals that train.predict gives for
it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from train import flags, predict
from train.data.files.read import read_table
from train.data.sequences.encoder import SequenceEncoder
from train.data.series.encoder import SeriesEncoder
from train.data.series.load import load_windows
from train.data.table.encoder import TableEncoder
from train.evaluation.conformal import conformal_metrics
from train.parallel import runtime

if TYPE_CHECKING:
    from train.inference.predictor import Predictor
from train.evaluation.score import score

Arrays = dict[str, np.ndarray]


def evaluate(
    model: Predictor, table: pa.Table, where: str = "data", interval: float | None = None
) -> dict[str, float]:
    """Metrics over all rows (of a series: windows) whose target is present, in original units;
    {"rows": ..., ...}.

    `interval`: the level of the intervals whose coverage and width are among them. Raises
    UserError.
    """
    needed = None if interval is None else model.needed_score(interval)
    n_rows, answers, known = _answered(model, table, where)
    scores = score(model.encoder, answers, known)
    if needed is not None:
        scores |= conformal_metrics(model.encoder, *needed, answers, known)
    return {"rows": n_rows, **scores}


def _answered(model: Predictor, table: pa.Table, where: str) -> tuple[int, Arrays, Arrays]:
    """How many rows there are to judge, the answers to them and their targets."""
    if isinstance(model.encoder, SeriesEncoder):
        series = load_windows(model.encoder, table, where)
        targets, _, answers = model.judged(series, series.splits["test"])
        return len(series.starts), answers, targets
    assert isinstance(model.encoder, TableEncoder | SequenceEncoder)
    targets, present = model.encoder.encode_targets(table, where)
    rows = np.flatnonzero(present)
    inputs = {name: array[rows] for name, array in model.encoder.encode(table, where).items()}
    known = {name: array[rows] for name, array in targets.items()}
    return len(rows), model.answers(inputs), known


def main(argv: list[str]) -> int:
    """Reads a file, judges the answers to it, prints the metrics."""
    paths = flags.parse_paths(argv, __doc__ or "", ("workdir", "data"), ("interval",))
    runtime.configure()
    model = predict.load(paths["workdir"])
    table = read_table(paths["data"], model.config.data.missing)
    print(json.dumps(evaluate(model, table, paths["data"], paths.get("interval"))))
    return 0


if __name__ == "__main__":
    flags.run(main)
