"""What the report of a run is drawn from: numbers in original units, and what a kind of data adds.

n rows, o outputs, l steps before a forecast, p places of a plane.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from train import config as configs
from train.core.penalties import kernel_weights
from train.data.dataset import Batch, Encoder, Head
from train.data.series.dataset import SeriesDataset
from train.data.series.encoder import SeriesEncoder
from train.data.series.stamps import show_stamp
from train.data.table.clusters import CLUSTER, ClusterEncoder
from train.data.table.codes import LABEL, ReconstructionEncoder
from train.data.table.dataset import TableDataset
from train.data.table.encoder import TableEncoder
from train.data.table.reading import NOTHING
from train.evaluation.metrics.codes import r2_by_column
from train.evaluation.metrics.sequences import are_entities
from train.inference.predictor import Predictor
from train.report.data import Clusters, Codes, Forecast, Forecasts, Plane, ReportData, ReportHead
from train.report.result import read_evaluation, read_result
from train.results.sample import scored_rows
from train.run.log import read_history
from train.run.run import Run

Arrays = Mapping[str, np.ndarray]

WINDOWS = 3  # of each target that are drawn
HORIZONS_BEFORE = 3  # of the past that is drawn before a forecast
SIDE = 121  # places along each axis of a plane
MARGIN = 0.12  # of a plane around the rows


def report_data(
    run: Run,
    predictor: Predictor,
    result: Mapping[str, Any],
    split: str,
    batch: Batch,
    answers: Arrays,
    importance: Mapping[str, Mapping[str, float]],
) -> ReportData:
    """All that the report is drawn from; `batch` are the rows of `split`, answered by `answers`."""
    encoder = run.dataset.encoder
    return ReportData(
        result=read_result(result),
        config=configs.to_json(run.config),
        history=list(map(read_evaluation, read_history(run.folder))),
        heads=[_head(encoder, head) for head in encoder.heads],
        targets=_in_units(encoder, batch.target),
        answers=_in_units(encoder, answers),
        importance=importance,
        kernels_w=_kernels(run, predictor),
        weight_n=None if (batch.weight == batch.weight[:1]).all() else batch.weight,
        forecasts=_forecasts(run, result, split, batch, answers),
        plane=decision_plane(encoder, batch.inputs, predictor.answers),
        codes=_codes(encoder, batch, answers),
        clusters=_clusters(run, predictor, answers),
        reading=run.dataset.reading if isinstance(run.dataset, TableDataset) else NOTHING,
    )


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


def _forecasts(
    run: Run, result: Mapping[str, Any], split: str, batch: Batch, answers: Arrays
) -> Forecasts | None:
    if not isinstance(run.dataset, SeriesDataset):
        return None
    errors = {}
    for name, metrics in result["horizon"][split].items():
        errors[name] = np.asarray(metrics["mse_scaled"], np.float64)
    windows = scored_rows(run.dataset, split, run.config.seed)
    return Forecasts(_windows(run.dataset, windows, batch.target, answers), errors)


def _windows(
    dataset: SeriesDataset, windows: np.ndarray, targets: Arrays, answers: Arrays
) -> dict[str, list[Forecast]]:
    """Windows to draw of each target, evenly spread over these, in the target's units."""
    encoder = dataset.encoder
    chosen = np.unique(np.linspace(0, len(windows) - 1, 2 * WINDOWS + 1).astype(int)[1::2])
    target = encoder.decode({"value": targets["value"][chosen]})
    forecast = encoder.decode({"value": answers["value"][chosen]})
    shown = min(encoder.lookback, HORIZONS_BEFORE * encoder.horizon)
    now_n = dataset.starts[windows[chosen]] + encoder.lookback
    drawn = {}
    for i, column in enumerate(encoder.targets):
        drawn[column.name] = []
        for place, now in enumerate(now_n):
            past_l = dataset.targets[now - shown : now, i].astype(np.float64)
            window = Forecast(
                about=_about(dataset, now),
                past_l=past_l * column.unit + column.shift,
                target_h=target[column.name][place],
                forecast_h=forecast[column.name][place],
            )
            drawn[column.name].append(window)
    return drawn


def _about(dataset: SeriesDataset, now: int) -> str:
    """The series and the time of a window whose first forecast is of the row `now`."""
    flat = dataset.flat
    time = dataset.encoder.time
    about = []
    if flat.names is not None:
        about.append(str(flat.names[np.searchsorted(flat.firsts, now - 1, "right") - 1]))
    if flat.stamps is not None and time is not None:
        about.append(f"from {show_stamp(float(flat.stamps[now]), time.kind)}")
    return ", ".join(about) or f"from row {flat.rows[now] + 1}"


def decision_plane(
    encoder: Encoder, inputs: Arrays, predict: Callable[[Arrays], Arrays]
) -> Plane | None:
    """What the net answers around these rows, in raw units.

    None unless the table has just two columns, of numbers, and a class.
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


def _codes(encoder: Encoder, batch: Batch, answers: Arrays) -> Codes | None:
    if not isinstance(encoder, ReconstructionEncoder):
        return None
    head = encoder.heads[0]
    return Codes(
        code_nk=answers["code"],
        error_n=answers["error"],
        label_n=batch.target.get(LABEL),
        classes=encoder.targets[0].vocabulary if encoder.targets else (),
        columns=encoder.number_names,
        r2_f=r2_by_column(answers, head.name, head.size, batch.target[head.name], batch.weight),
    )


def _clusters(run: Run, predictor: Predictor, answers: Arrays) -> Clusters | None:
    encoder = run.dataset.encoder
    if not isinstance(encoder, ClusterEncoder):
        return None
    network = run.program.network
    variables = predictor.variables
    best = int(np.argmin(variables["batch_stats"]["error"]))  # of the restarts
    return Clusters(
        row_nd=answers["row"],
        cluster_n=answers[CLUSTER],
        units_kd=np.asarray(variables["params"]["units"])[best],
        names=encoder.number_names,
        shape=network.shape,
        grid=network.grid,
    )
