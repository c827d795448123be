"""What answers never fall below: 0, of targets that training rows never had below it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from train.data.dataset import Encoder, HostArrays
from train.data.sequences.encoder import SequenceEncoder
from train.data.series.encoder import SeriesEncoder
from train.data.table.encoder import TableEncoder


def floors(encoder: Encoder) -> HostArrays:
    """{regression head: 0 or -inf for each of its outputs [o]} of answers in raw units."""
    match encoder:
        case SeriesEncoder():
            flags = [column.nonnegative for column in encoder.targets]
            return {"value": np.tile(_floors(flags), encoder.horizon)}
        case SequenceEncoder():
            return floors(encoder.labels)
        case TableEncoder():
            by_name = {column.name: column for column in encoder.targets}
            found = {}
            for head in encoder.heads:
                if head.kind == "regression":
                    found[head.name] = _floors(by_name[name].nonnegative for name in head.columns)
            return found
    raise TypeError(f"no floors for a {type(encoder).__name__}")


def encoded_floors(encoder: Encoder) -> dict[str, tuple[float, ...]]:
    """{regression head: the same in encoded units}, without those that have none."""
    zeros = {head.name: np.zeros((1, head.size)) for head in encoder.heads}
    found = {}
    for name, floor_o in floors(encoder).items():
        if (floor_o > -math.inf).any():
            shift_o = encoder.to_units(zeros)[name][0]
            found[name] = tuple((floor_o - shift_o) / encoder.units[name])
    return found


def _floors(flags: Iterable[bool]) -> np.ndarray:
    return np.where(np.fromiter(flags, bool), 0.0, -np.inf)
