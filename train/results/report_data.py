"""What the report of a run is drawn from: numbers in original units, and what a kind of data adds.

n rows, o outputs, p places of a plane.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from train import config as configs
from train.core.penalties import kernel_weights
from train.data.dataset import Encoder, Head
from train.data.floors import floors
from train.data.load import reading_in
from train.data.series.encoder import SeriesEncoder
from train.data.table.codes import ReconstructionEncoder
from train.data.table.encoder import TableEncoder
from train.evaluation.conformal import (
    LEVEL,
    Scores,
    base_of,
    bounds,
    has_enough_rows,
    needed_score,
    numbers_head,
)
from train.evaluation.densities import spread_of
from train.evaluation.metrics.probabilistic import own_ends
from train.evaluation.metrics.sequences import are_entities
from train.inference.predictor import Predictor
from train.report.data import About, Interval, Plane, ReportData, ReportHead
from train.report.result import Result, read_evaluation
from train.results.assessment import Assessment
from train.results.report_forecasts import forecasts_of
from train.results.report_rows import clusters_of, codes_of, tags_of
from train.run.log import read_history
from train.run.run import Run

Arrays = Mapping[str, np.ndarray]

SIDE = 121  # places along each axis of a plane
MARGIN = 0.12  # of a plane around the rows


def report_data(run: Run, found: Assessment, result: Result) -> ReportData:
    """All that the report is drawn from."""
    encoder = run.dataset.encoder
    predictor = found.outcome.predictor
    batch = found.reported.batch
    answers = found.reported.predictions
    of_errors = found.residuals if found.split == "test" else None
    intervals = _intervals(encoder, of_errors, answers, run.config.levels())
    return ReportData(
        result=result,
        config=configs.to_json(run.config),
        history=list(map(read_evaluation, read_history(run.folder))),
        heads=[_head(encoder, head) for head in encoder.heads],
        targets=_in_units(encoder, batch.target),
        answers=_in_units(encoder, answers),
        importance=found.importance.rises,
        kernels_w=_kernels(run, predictor),
        weight_n=None if (batch.weight == batch.weight[:1]).all() else batch.weight,
        forecasts=forecasts_of(found.reported, found.baselines, intervals),
        plane=decision_plane(encoder, batch.inputs, predictor.answers),
        codes=codes_of(encoder, batch, answers),
        clusters=clusters_of(run, predictor, batch, answers),
        reading=reading_in(run.dataset),
        about=_about(run),
        intervals=intervals,
        tags=tags_of(encoder, batch, answers),
    )


def _about(run: Run) -> About:
    """What a page says of a run first."""
    finished = time.strftime("%Y-%m-%d %H:%M")
    return About(run.config.data.path, command_line(sys.argv), finished)


def command_line(argv: Sequence[str]) -> str:
    """The command that this process was begun by; "" where it is no command of ours."""
    path = Path(argv[0]) if argv else Path()
    if path.parent.name == "train" and path.suffix == ".py":
        return shlex.join(["python", "-m", f"train.{path.stem}", *argv[1:]])
    return shlex.join([path.name, *argv[1:]]) if path.name == "denseq" else ""


def _intervals(
    encoder: Encoder, residuals: Scores | None, answers: Arrays, levels: tuple[float, ...]
) -> dict[str, Interval]:
    """The ends of the intervals of each row, in raw units; of a series every step is a row.

    Without residuals, or with too few, those that the net itself says, if it says any.
    """
    head = numbers_head(encoder)
    if head is None:
        return {}
    level = LEVEL
    spread = spread_of(encoder, head, answers, levels)
    if residuals is not None and has_enough_rows(residuals, LEVEL):
        ends = bounds(base_of(encoder, head, answers), needed_score(residuals, LEVEL))
    elif spread is not None:
        low_no, high_no, level = own_ends(spread, levels)
        floor_o = floors(encoder)[head.name]
        ends = np.maximum(low_no, floor_o), np.maximum(high_no, floor_o)
    else:
        return {}
    low, high = (end.reshape(-1, len(head.columns)) for end in ends)
    return {head.name: Interval(low, high, level)}


def _head(encoder: Encoder, head: Head) -> ReportHead:
    kind: str = head.kind
    if isinstance(encoder, ReconstructionEncoder) and not encoder.number_names:
        kind = "reconstructed_categories"
    if kind == "tags" and are_entities(head.classes):
        kind = "entities"
    return ReportHead(head.name, kind, head.columns, head.classes)


def _in_units(encoder: Encoder, arrays: Arrays) -> Arrays:
    """Targets or answers in original units; of a series every step of a window is a row."""
    raw = encoder.to_units(arrays)
    if isinstance(encoder, SeriesEncoder):
        return {"value": raw["value"].reshape(-1, encoder.n_targets)}
    return raw


def _kernels(run: Run, predictor: Predictor) -> np.ndarray | None:
    """All weights of kernels; None of a net that learns without a gradient."""
    if run.program.network.learns_by_rule:
        return None
    return kernel_weights(predictor.variables["params"])


def decision_plane(
    encoder: Encoder, inputs: Arrays, predict: Callable[[Arrays], Arrays]
) -> Plane | None:
    """What a net answers on the plane of its two columns, in raw units.

    None unless the table has two columns, both of numbers, and its target is a class.
    """
    if type(encoder) is not TableEncoder:
        return None
    columns = encoder.columns
    if [column.kind for column in columns] != ["number", "number"]:
        return None
    rows_n2 = np.asarray(inputs["numbers"], np.float64)
    finite_n2 = rows_n2[np.isfinite(rows_n2).all(1)]
    if not len(finite_n2) or all(head.kind == "regression" for head in encoder.heads):
        return None
    low = finite_n2.min(0)
    high = finite_n2.max(0)
    margin = MARGIN * np.where(high > low, high - low, 1)
    axes = [np.linspace(a, b, SIDE) for a, b in zip(low - margin, high + margin, strict=True)]
    places_p2 = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2).astype(np.float32)
    x, y = columns
    return Plane(
        names=(x.name, y.name),
        rows_n2=rows_n2 * [x.unit, y.unit] + [x.shift, y.shift],
        x_axis=axes[0] * x.unit + x.shift,
        y_axis=axes[1] * y.unit + y.shift,
        answers=predict({"numbers": places_p2}),
    )
