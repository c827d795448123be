"""groups.csv: the scores of each group of a series, whose spread is in result.json."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from train.data.files.write import write_table
from train.data.series.dataset import SeriesDataset
from train.evaluation.baselines.forecasts import repeated_predictions
from train.evaluation.conformal import LEVEL, Scores, ends_of
from train.evaluation.groups import GroupScores, group_scores
from train.evaluation.kinds import SplitPredictions

NAME = "groups.csv"


def score_groups(
    folder: Path, judged: SplitPredictions, residuals: Scores | None
) -> GroupScores | None:
    """Writes the scores of each group beside those of what repeats; None where there are none."""
    path = folder / NAME
    series = judged.dataset
    found = None
    if isinstance(series, SeriesDataset):
        answers = {"": judged.predictions, **repeated_predictions(series, judged.rows)}
        ends = ends_of(series.encoder, residuals, judged.predictions, LEVEL)
        found = group_scores(series, judged.rows, judged.batch.target, answers, ends)
    if found is None:
        path.unlink(missing_ok=True)  # of an earlier end of the run
        return None
    write_table(pa.table(found.columns()), path)
    return found
