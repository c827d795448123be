"""What a pass over sequences that do not fit in memory finds of the values of their steps.

s steps, w numbers of a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from train.data.columns import Numbers, Text
from train.data.dataset import HostArrays
from train.data.sequences.statistics import EPSILON
from train.data.sequences.steps import StepText, column_error
from train.data.stream.online_statistics import Labels, Moments


@dataclass
class Channels:
    """The moments of each number of a step, and whether all numbers so far are 0 or 1."""

    name: str
    moments: list[Moments] = field(default_factory=list)
    is_binary: bool = True
    n_steps: int = 0

    def add(self, values_sw: np.ndarray, where: str) -> None:
        """Takes in steps, nan where missing. Raises UserError for steps of another width."""
        if not len(values_sw):
            return
        if not self.moments:
            self.moments = [Moments() for _ in values_sw.T]
        width = values_sw.shape[1]
        if width != len(self.moments):
            found = f"has {width} numbers per step, {len(self.moments)} in the rows before"
            raise column_error(f"{found}; all steps must be of one width", self.name, where)
        self.n_steps += len(values_sw)
        self.is_binary = self.is_binary and bool(np.isin(values_sw, (0, 1)).all())
        for moments, channel_s in zip(self.moments, values_sw.T, strict=True):
            moments.add(Numbers(channel_s, np.isnan(channel_s)))

    @property
    def n_missing(self) -> int:
        """Numbers that are missing."""
        return sum(self.n_steps - moments.n for moments in self.moments)

    @property
    def rate(self) -> np.ndarray:
        """The share of ones of each number [w], (count + 1)/(steps + 2), where all are 0 or 1."""
        ones_w = np.array([(moments.pivot + moments.mean) * moments.n for moments in self.moments])
        return ((ones_w + 1) / (self.n_steps + 2)).astype(np.float32)

    def scaled(self, shifts: Sequence[float], units: Sequence[float]) -> HostArrays:
        """{"center", "scale" [w]} of (number - shift) / unit, as `sequence_statistics` has them."""
        center_w = np.zeros(len(shifts), np.float32)
        scale_w = np.ones(len(shifts), np.float32)
        for place, (moments, shift, unit) in enumerate(
            zip(self.moments, shifts, units, strict=True)
        ):
            if moments.n:
                whole = moments.scaled(shift, unit)
                center_w[place] = whole["center"]
                scale_w[place] = whole["scale"] if whole["scale"] > EPSILON else 1
        return {"center": center_w, "scale": scale_w}


@dataclass
class StepLabels:
    """How many steps have each text, and how many rows have it at some step."""

    steps: Labels = field(default_factory=Labels)
    rows: dict[str, int] = field(default_factory=dict)

    def add(self, text: StepText, least: int) -> np.ndarray:
        """Takes in rows; returns the places of those with a text seen less than `least` times."""
        places = self.steps.add(Text(text.codes, text.values), least, np.ones(len(text.codes)))
        row_s = np.repeat(np.arange(len(text.lengths)), text.lengths)
        known = text.codes >= 0
        pairs = np.unique(np.stack([row_s[known], text.codes[known]]), axis=1)
        for code, count in zip(*np.unique(pairs[1], return_counts=True), strict=True):
            label = text.values[code]
            self.rows[label] = self.rows.get(label, 0) + int(count)
        return np.unique(row_s[np.array(places, np.int64)])
