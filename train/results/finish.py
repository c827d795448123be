"""What a finished run leaves on disk: tables of predictions and scores, result.json, the report."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from train.data.files.write import finite, write_table
from train.evaluation.conformal import numbers_head
from train.evaluation.importance import Rises
from train.evaluation.kinds import kind_of
from train.evaluation.paths import relative_errors
from train.report.report import write_report
from train.report.result import Result
from train.results.assessment import Assessment, assess
from train.results.baselines import known_seconds
from train.results.outcome import Outcome
from train.results.report_data import report_data
from train.results.result_json import result_json
from train.results.temperature import scale_answers
from train.results.tensorboard import show_end
from train.run.calibration import write_scores
from train.run.errors import write_errors
from train.run.folder import write_json
from train.run.log import NAME as LOG
from train.run.manifest import rewriting
from train.run.run import Run

PREDICTIONS = "predictions.parquet"
GROUPS = "groups.csv"
IMPORTANCE = "importance.csv"
RESULT = "result.json"
REPORT = "report.html"
WRITTEN = (
    "calibration.parquet",
    "errors.parquet",
    GROUPS,
    IMPORTANCE,
    PREDICTIONS,
    "temperature.json",
    RESULT,
    REPORT,
    LOG,
)


def finish(
    run: Run, outcome: Outcome, seconds: Mapping[str, float], started: float, is_whole: bool
) -> Result:
    """Evaluates a trained net and writes all that a user reads; returns result.json's content.

    `seconds` {"train", ...} are those of the phases before, `started` is time.monotonic() at the
    run's beginning. `is_whole` says whether they are of all of the training, not only of what was
    left of it.
    """
    with rewriting(run.folder, *WRITTEN):
        scaled = scale_answers(run, outcome)
        found = assess(run, scaled.outcome, known_seconds(seconds["train"], is_whole))
        _write_tables(run, found)
        result = result_json(run, found, scaled, seconds, started)
        write_json(run.folder / RESULT, finite(result))
        show_end(run.folder, run.config, result)
        if run.config.train.report:
            write_report(run.folder / REPORT, report_data(run, found, result))
        else:
            (run.folder / REPORT).unlink(missing_ok=True)
    return result


def _write_tables(run: Run, found: Assessment) -> None:
    """Writes tables by row, column and group; removes an earlier end's that are not written now."""
    _write_calibration(run, found)
    if found.split == "test":
        table = kind_of(run.dataset.encoder).table(found.reported, run.config.levels())
        write_table(table, run.folder / PREDICTIONS)
    groups = None if found.groups is None else pa.table(found.groups.columns())
    rises = found.importance.rises
    for name, table in (
        (GROUPS, groups),
        (IMPORTANCE, _importance_table(rises) if rises else None),
    ):
        if table is None:
            (run.folder / name).unlink(missing_ok=True)
        else:
            write_table(table, run.folder / name)


def _write_calibration(run: Run, found: Assessment) -> None:
    """Writes what intervals and sample paths of later rows are made of, where numbers are."""
    encoder = run.dataset.encoder
    head = numbers_head(encoder)
    if head is None or found.residuals is None or found.splits.validated is None:
        return
    target, weight, predictions = found.splits.validated
    steps = found.outcome.facts.steps
    write_scores(run.folder, head, found.residuals, steps)
    write_errors(run.folder, relative_errors(encoder, head, predictions, target, weight), steps)


def _importance_table(rises: Rises) -> pa.Table:
    """The columns, the most important first, and by how much the error rises without each."""
    columns: dict[str, list[str] | list[float]] = {"column": list(rises)}
    for name in ("mean", "sd"):
        columns[name] = [rise[name] for rise in rises.values()]
    return pa.table(columns)
