"""Baselines of a finished run: how long they may be fitted, and their scores."""

from __future__ import annotations

import numpy as np

from train.config.options import Train
from train.data.blocks import join_arrays, sample_rows
from train.data.dataset import Batch, Dataset, Encoder, HostArrays
from train.data.sequences.encoder import SequenceEncoder
from train.data.series.encoder import SeriesEncoder
from train.data.table.encoder import TableEncoder
from train.evaluation.baselines.sequence_linear import fit_linear
from train.evaluation.baselines.sequences import mean_predictions
from train.evaluation.baselines.table import Seconds, fit_table
from train.evaluation.baselines.trees import MAX_ROWS as TREE_ROWS
from train.evaluation.baselines.trees import fit_trees
from train.evaluation.importance import ShuffleSeconds
from train.evaluation.kinds import BASELINE_ROWS, Kind, SplitPredictions, TableBaselines
from train.inference.predictor import Predicted

# The linear model may take this share of the training, trees and repeats of importance as long.
LINEAR_SHARE = 0.05
MIN_SECONDS = 10.0  # of the linear model, and of shuffling each column once
# Of trees, and of shuffling columns again: a short training does not wait for them.
MIN_TREE_SECONDS = 1.0
MIN_REPEAT_SECONDS = 0.25
FITTED = ("linear", "trees")
CONSTANT = ("mean", "majority")
COMPARED = ("last", "seasonal", *FITTED)


def baseline_seconds(options: Train, trained: float, n_rows: int) -> Seconds:
    """How long the linear model and the trees may take after `trained` seconds of training."""
    linear = options.linear_seconds
    trees = options.tree_seconds
    left_out = ""
    if linear is None:
        linear = max(MIN_SECONDS, LINEAR_SHARE * trained)
    if trees is None:
        trees = max(MIN_TREE_SECONDS, trained)
        if n_rows > TREE_ROWS:
            trees = 0.0
            left_out = (
                f"gradient-boosted trees are left out: {n_rows:,} rows; --baselines=trees fits them"
            )
    return Seconds(linear, trees, left_out)


def shuffle_seconds(options: Train, trained: float) -> ShuffleSeconds:
    """How long the importance of columns may take after `trained` seconds of training."""
    asked = options.importance_seconds
    if asked is not None:
        return ShuffleSeconds(asked, asked)
    return ShuffleSeconds(max(MIN_SECONDS, trained), max(MIN_REPEAT_SECONDS, trained))


def known_seconds(trained: float, is_whole: bool) -> float:
    """The seconds of training; at least MIN_SECONDS where the run was resumed.

    The seconds before a resumption are not known, and a resumed run should not leave out baselines
    that an uninterrupted one has.
    """
    return trained if is_whole else max(trained, MIN_SECONDS)


def baselines_on_valid(
    kind: Kind, reported: SplitPredictions, validated: Predicted, seconds: Seconds
) -> dict[str, dict[str, float]]:
    """{baseline of COMPARED: metrics of the validation rows}, of those there are.

    Of sequences "mean" and "majority" besides. Of nets that answer other kinds of data {}.
    """
    dataset = reported.dataset
    if not isinstance(dataset.encoder, TableEncoder | SeriesEncoder | SequenceEncoder):
        return {}
    rows = dataset.splits["valid"]
    batch = dataset.take(dataset.arrays, rows)
    valid = reported._replace(
        split="valid", rows=rows, batch=batch, predictions=validated.predictions
    )
    found = kind.baselines(valid, seconds).baselines
    names = (*CONSTANT, *COMPARED) if isinstance(dataset.encoder, SequenceEncoder) else COMPARED
    return {name: found[name] for name in names if name in found}


def baselines_on_folds(
    kind: Kind, dataset: Dataset, n_folds: int, rows: np.ndarray, seconds: Seconds
) -> dict[str, dict[str, float]]:
    """{baseline: metrics of the rows that validate}, each fold by a model of its own.

    Of tables "linear" and "trees", of numbers of whole sequences "mean" and "linear". A model is
    fitted on the training rows of its fold, in its share of the seconds. Folds whose validation
    rows are not among `rows` are left out, and so are models that some fold lacks.
    """
    encoder = dataset.encoder
    if not isinstance(kind.baselines, TableBaselines) and not isinstance(encoder, SequenceEncoder):
        return {}
    own_seconds = Seconds(seconds.linear / n_folds, seconds.trees / n_folds)
    validated: list[Batch[np.ndarray]] = []
    of_folds: list[dict[str, HostArrays]] = []
    for splits in dataset.folds(n_folds):
        if not np.isin(splits["valid"], rows).all():
            continue
        train = dataset.take(dataset.arrays, sample_rows(splits["train"], BASELINE_ROWS))
        valid = dataset.take(dataset.arrays, splits["valid"])
        validated.append(valid)
        of_folds.append(_answers_of_fold(encoder, train, valid, own_seconds))
    target = join_arrays([valid.target for valid in validated])
    weight = np.concatenate([valid.weight for valid in validated])
    scores = {}
    for name in of_folds[0] if of_folds else ():
        answers = [answers_of_fold[name] for answers_of_fold in of_folds]
        if all(len(answer) == len(encoder.heads) for answer in answers):
            scores[name] = kind.score(join_arrays(answers), target, weight)
    return scores


def _answers_of_fold(
    encoder: Encoder, train: Batch, valid: Batch, seconds: Seconds
) -> dict[str, HostArrays]:
    """{baseline: {head: answers to the validation rows}}, {} where there is no such model."""
    if isinstance(encoder, SequenceEncoder):
        linear = fit_linear(encoder.heads, train, seconds.linear)
        return {
            "mean": mean_predictions(encoder, train, valid),
            "linear": linear.predictions(valid.inputs),
        }
    assert isinstance(encoder, TableEncoder)
    line = fit_table(encoder, train, seconds.linear, in_sample=False)
    trees = fit_trees(encoder, train, seconds.trees)
    return {
        "linear": line.linear_predictions(valid.inputs),
        "trees": trees.predictions(valid.inputs),
    }
