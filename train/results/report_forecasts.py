"""What the report draws of forecasts: windows with their dates, intervals and a baseline.

n windows, h horizon, l steps before a forecast, o targets.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from train.data.series.dataset import SeriesDataset
from train.data.series.step import show_stamp
from train.evaluation.baselines.forecasts import repeated_predictions
from train.evaluation.kinds import BaselineScores, SplitPredictions
from train.report.data import Forecast, Forecasts, Interval

Arrays = Mapping[str, np.ndarray]

WINDOWS = 3  # of each target that are drawn
HORIZONS_BEFORE = 3  # of the past that is drawn before a forecast
HEAD = "value"


def forecasts_of(
    reported: SplitPredictions,
    baselines: BaselineScores,
    intervals: Mapping[str, Interval],
) -> Forecasts | None:
    """The windows to draw and the errors by step; None of other data than series."""
    dataset = reported.dataset
    if not isinstance(dataset, SeriesDataset) or baselines.by_step is None:
        return None
    errors = {}
    for name, metrics in baselines.by_step.items():
        errors[name] = np.asarray(metrics["mse_scaled"], np.float64)
    naive = [name for name in ("seasonal", "last") if name in errors]
    rival = min(naive, key=lambda name: np.nan_to_num(errors[name], nan=np.inf).mean(), default="")
    time = dataset.encoder.time
    interval = intervals.get(HEAD)
    step = None if time is None else time.step
    return Forecasts(
        windows=drawn_windows(
            dataset,
            reported.rows,
            reported.batch.target,
            reported.predictions,
            rival,
            interval,
            spread_places(len(reported.rows), WINDOWS),
        ),
        error_by_step=errors,
        step="" if step is None else str(step),
        rival=rival,
        level=None if interval is None else interval.level,
        axis="steps ahead" if time is None else time.name,
    )


def spread_places(n: int, most: int) -> np.ndarray:
    """At most so many places of `n`, evenly spread, each in the middle of its share."""
    return np.unique(np.linspace(0, n - 1, 2 * most + 1).astype(int)[1::2])


def drawn_windows(
    dataset: SeriesDataset,
    windows: np.ndarray,
    targets: Arrays,
    answers: Arrays,
    rival: str,
    interval: Interval | None,
    chosen: np.ndarray,
) -> dict[str, list[Forecast]]:
    """Those windows of each target that stand at the places `chosen`, in the target's units."""
    encoder = dataset.encoder
    target = encoder.decode({HEAD: targets[HEAD][chosen]})
    forecast = encoder.decode({HEAD: answers[HEAD][chosen]})
    naive = repeated_predictions(dataset, windows[chosen])
    rivals = encoder.decode(naive[rival]) if rival in naive else {}
    shown = min(encoder.lookback, HORIZONS_BEFORE * encoder.horizon)
    now_n = dataset.starts[windows[chosen]] + encoder.lookback
    drawn: dict[str, list[Forecast]] = {}
    for i, column in enumerate(encoder.targets):
        drawn[column.name] = []
        for place, now in enumerate(now_n):
            past_l = dataset.targets[now - shown : now, i].astype(np.float64)
            low_h, high_h = _ends(interval, int(chosen[place]), encoder.horizon, i)
            stamp_l, stamp_h = _stamps(dataset, int(now), shown)
            window = Forecast(
                about=_about(dataset, now),
                past_l=past_l * column.unit + column.shift,
                target_h=target[column.name][place],
                forecast_h=forecast[column.name][place],
                stamp_l=stamp_l,
                stamp_h=stamp_h,
                is_dated=_has_dates(dataset),
                rival_h=rivals[column.name][place] if rivals else None,
                low_h=low_h,
                high_h=high_h,
            )
            drawn[column.name].append(window)
    return drawn


def _ends(
    interval: Interval | None, window: int, horizon: int, i: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The ends [h] of a window's intervals of the i-th target."""
    if interval is None:
        return None, None
    steps = slice(window * horizon, (window + 1) * horizon)
    return interval.low[steps, i], interval.high[steps, i]


def _has_dates(dataset: SeriesDataset) -> bool:
    time = dataset.encoder.time
    return dataset.flat.stamps is not None and time is not None and time.kind == "time"


def _stamps(dataset: SeriesDataset, now: int, shown: int) -> tuple[np.ndarray, np.ndarray]:
    """The stamps of the steps before a forecast and of its own; without any, steps from now."""
    horizon = dataset.encoder.horizon
    if dataset.flat.stamps is None or dataset.encoder.time is None:
        return np.arange(1.0 - shown, 1.0), np.arange(1.0, horizon + 1.0)
    stamps = dataset.encoder.time.local(dataset.flat.stamps[now - shown : now + horizon])
    return stamps[:shown], stamps[shown:]


def _about(dataset: SeriesDataset, now: int) -> str:
    """The series and the time of a window whose first forecast is of the row `now`."""
    flat = dataset.flat
    time = dataset.encoder.time
    about = []
    if flat.names is not None:
        about.append(str(flat.names[flat.groups_of(now - 1)]))
    if flat.stamps is not None and time is not None:
        stamp = time.local(flat.stamps[now : now + 1])[0]
        shown = show_stamp(float(stamp), time.kind)
        if time.kind == "time":
            shown = shown.removesuffix(":00").removesuffix(" 00:00")
        about.append(f"from {shown}")
    return ", ".join(about) or f"from row {flat.rows[now] + 1}"
