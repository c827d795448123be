"""Columns of how sure a network is: what it predicts itself, and how they are named."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from train.data.answer_names import beside
from train.data.dataset import Encoder, Head, HostArrays

Arrays = Mapping[str, np.ndarray]
PLAIN_PARTS = ("freedom", "dispersion", "zeros")  # of densities, which have no unit
MEDIAN = 0.5  # this quantile is the prediction itself


def is_share(level: object) -> bool:
    """Whether it is a number above 0 and below 1."""
    return isinstance(level, int | float | np.number) and bool(0 < level < 1)


def spread_columns(encoder: Encoder, predictions: Arrays, levels: tuple[float, ...]) -> HostArrays:
    """Columns quantile_LEVEL, deviation, ..., of a class deviation_CLASS, where they are predicted.

    Beside a density's deviation stand "freedom", "dispersion" and "zeros" where it has them. The
    median is left out, which is the prediction. Several targets: "TARGET_quantile_LEVEL" and so
    on.
    """
    columns: HostArrays = {}
    for head in encoder.heads:
        quantiles = predictions.get(f"{head.name}.quantiles")
        deviation = predictions.get(f"{head.name}.deviation")
        if quantiles is not None:
            own = _quantile_columns(encoder, head, predictions, quantiles, levels)
            columns = beside(columns, own)
        if deviation is not None and head.kind == "regression":
            raw = deviation * encoder.units[head.name]
            columns = beside(columns, named_columns(encoder, head, raw, "deviation"))
            for part in PLAIN_PARTS:
                if (plain := predictions.get(f"{head.name}.{part}")) is not None:
                    columns = beside(columns, named_columns(encoder, head, plain, part))
        elif deviation is not None:
            columns = beside(columns, _class_columns(encoder, head, deviation))
    return columns


def _quantile_columns(
    encoder: Encoder,
    head: Head,
    predictions: Arrays,
    quantiles_noq: np.ndarray,
    levels: tuple[float, ...],
) -> HostArrays:
    columns: HostArrays = {}
    for i, level in enumerate(levels):
        if level != MEDIAN:
            encoded = {**predictions, head.name: quantiles_noq[..., i]}
            raw_no = encoder.to_units(encoded)[head.name]
            columns |= named_columns(encoder, head, raw_no, f"quantile_{level:g}")
    return columns


def _class_columns(encoder: Encoder, head: Head, deviation: np.ndarray) -> HostArrays:
    """The deviation of each class's probability; of two classes both have the same."""
    deviation_nk = np.stack([deviation] * 2, axis=1) if head.kind == "binary" else deviation
    prefix = f"{head.name}_deviation" if has_several_targets(encoder) else "deviation"
    return {f"{prefix}_{name}": deviation_nk[:, i] for i, name in enumerate(head.classes)}


def named_columns(encoder: Encoder, head: Head, numbers_no: np.ndarray, what: str) -> HostArrays:
    """{`what`, or "TARGET_what" where there are several: the numbers of each target}."""
    columns = {}
    for name, numbers in by_target(head, numbers_no).items():
        columns[f"{name}_{what}" if has_several_targets(encoder) else what] = numbers
    return columns


def by_target(head: Head, numbers_no: np.ndarray) -> HostArrays:
    """{target: its numbers [n], of a series [n * h]}."""
    n_columns = len(head.columns)
    n_steps = math.prod(numbers_no.shape[1:]) // n_columns  # of no rows -1 would not tell it
    by_step = numbers_no.reshape(len(numbers_no), n_steps, n_columns)
    return {name: by_step[:, :, i].ravel() for i, name in enumerate(head.columns)}


def has_several_targets(encoder: Encoder) -> bool:
    """Whether columns bear the names of their targets."""
    return sum(len(head.columns) for head in encoder.heads) > 1
