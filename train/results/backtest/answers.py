"""What a net and the baselines answer at some origins, a window each, all windows in batches.

w windows, h horizon, o targets, l lookback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from train.config.plan import Plan
from train.data.blocks import sample_rows, take_in_blocks
from train.data.columns import Notes
from train.data.dataset import HostArrays
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.origins import Origins, as_foretold, origin_windows
from train.data.series.windows import all_windows
from train.errors import UserError
from train.evaluation.baselines.forecasts import fit_linear, predict_linear, repeated_predictions
from train.evaluation.baselines.statistics import model_predictions
from train.evaluation.conformal import LEVEL, interval_columns
from train.inference.blocks import Predicted, join_blocks
from train.inference.predictor import Predictor

LINEAR_WINDOWS = 5_000  # that the linear model is fitted on at most, or
WINDOWS_A_STEP = 20  # so many for each step that it reads
GAPPY_WINDOWS = 4_000  # where targets are missing: each step ahead then has a fit of its own


@dataclass(frozen=True)
class Answered:
    """The windows of some origins, and all answers to them in encoded units [w, h * o].

    `rivals` {baseline: its answers}; `ends` {column: the ends of intervals [w * h]} of this `level`
    where the net has any. `quantiles` are the levels of those that it predicts. `notes` are lines
    for the user.
    """

    dataset: SeriesDataset
    origin_w: np.ndarray
    predicted: Predicted
    rivals: dict[str, HostArrays]
    ends: HostArrays
    level: float | None
    quantiles: tuple[float, ...]
    notes: tuple[str, ...]

    @property
    def windows(self) -> np.ndarray:
        """The numbers of the windows in the data set [w]."""
        return self.dataset.splits["test"]

    @property
    def now_w(self) -> np.ndarray:
        """The flat row that each window forecasts first [w]."""
        return self.dataset.starts[self.windows] + self.dataset.encoder.lookback

    @property
    def group_w(self) -> np.ndarray:
        """The group of each window, by its place [w]."""
        return self.dataset.flat.groups_of(self.now_w - 1)


def answer(
    model: Predictor,
    table: pa.Table,
    where: str,
    origins: Origins,
    chosen: range,
    plan: Plan,
) -> Answered:
    """The answers at the `chosen` origins, of which the net may know the rows before the first.

    Raises UserError.
    """
    encoder = model.encoder
    assert isinstance(encoder, SeriesEncoder)
    notes: Notes = []
    found = origin_windows(encoder, table, origins, chosen, where, notes)
    dataset = found.dataset
    windows = dataset.splits["test"]
    rivals = repeated_predictions(dataset, windows)
    rivals |= _linear(dataset, origins, chosen[0], notes)
    rivals |= model_predictions(dataset, windows, plan.models, notes)
    predicted = predict_windows(model, dataset)
    level = plan.interval or LEVEL
    ends: HostArrays = {}
    try:
        needed = model.needed_score(level)
        ends = interval_columns(encoder, *needed, predicted.predictions)
    except UserError as error:
        if plan.interval is not None:
            raise
        notes.append(f"no intervals: {str(error).removeprefix('--interval: ')}")
    quantiles = model.config.levels()
    return Answered(
        dataset,
        found.origin_w,
        predicted,
        rivals,
        ends,
        level if ends else None,
        quantiles,
        tuple(notes),
    )


def predict_windows(model: Predictor, dataset: SeriesDataset) -> Predicted:
    """The windows of the split "test", and the net's answers to them.

    Of the horizon the net is given what is known ahead, and nothing else.
    """
    windows = dataset.splits["test"]
    targets = []
    weights = []
    answers = []
    begin = 0
    for batch in take_in_blocks(dataset, windows):
        end = begin + len(batch.weight)
        targets.append(batch.target)
        weights.append(batch.weight)
        answers.append(model.answers(as_foretold(dataset, windows[begin:end], dict(batch.inputs))))
        begin = end
    n = len(windows)
    return Predicted(join_blocks(targets, n), np.concatenate(weights), join_blocks(answers, n))


def _linear(
    dataset: SeriesDataset, origins: Origins, origin: int, notes: Notes
) -> dict[str, HostArrays]:
    """{"linear": answers of a model fitted on windows that end before an origin}, if there are any.

    A part of very many windows, drawn by a fixed seed, which is said.
    """
    past = _windows_before(dataset, int(origins.ahead(origin)))
    most = max(LINEAR_WINDOWS, WINDOWS_A_STEP * dataset.encoder.lookback)
    if dataset.target_gaps is not None:
        most = GAPPY_WINDOWS
    if len(past) > most:
        past = sample_rows(past, most)
        notes.append(f"linear: fitted on {most:,} of the windows before an origin that has more")
    if not len(past):
        return {}
    both = np.concatenate([past.astype(np.int32), dataset.starts])
    numbers = np.arange(len(both))
    splits = {"train": numbers[: len(past)], "test": numbers[len(past) :]}
    whole = replace(dataset, starts=both, splits=splits)
    kernel_olh = fit_linear(whole, splits["train"])
    return {"linear": {"value": predict_linear(whole, kernel_olh, splits["test"])}}


def _windows_before(dataset: SeriesDataset, ahead: int) -> np.ndarray:
    """The flat rows at which windows begin that leave the last `ahead` steps of a series alone."""
    encoder = dataset.encoder
    firsts = dataset.flat.firsts
    sizes_g = np.maximum(dataset.flat.sizes - ahead, 0)
    starts = all_windows(sizes_g, encoder.lookback, encoder.horizon)
    # These are places where shorter groups stand one after the other.
    group_n = np.searchsorted(np.cumsum(sizes_g), starts, side="right")
    return starts + (firsts - np.cumsum(sizes_g) + sizes_g)[group_n]


def joined_ends(answered: Answered) -> tuple[np.ndarray, np.ndarray] | None:
    """The lower and upper ends of intervals [w, h, o]; None where there are none."""
    if not answered.ends:
        return None
    columns = list(answered.ends.values())
    half = len(columns) // 2
    shape = (len(answered.windows), answered.dataset.encoder.horizon)
    lower = [column.reshape(shape) for column in columns[:half]]
    upper = [column.reshape(shape) for column in columns[half:]]
    return np.stack(lower, axis=-1), np.stack(upper, axis=-1)


def level_of(parts: Sequence[Answered]) -> float | None:
    """The level of the intervals that any of the nets has; None where none has."""
    return next((part.level for part in parts if part.level is not None), None)


def cutoffs(parts: Sequence[Answered]) -> dict[int, float]:
    """{origin: the latest stamp that any of its windows reads}; {} without stamps."""
    latest: dict[int, float] = {}
    for part in parts:
        if part.dataset.flat.stamps is None:
            continue
        for origin in np.unique(part.origin_w).tolist():
            stamps = part.dataset.flat.stamps[part.now_w[part.origin_w == origin] - 1]
            latest[origin] = float(stamps.max())
    return latest
