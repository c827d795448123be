"""Whether forecasts of an origin depend on any later row, found by spoiling these.

n rows of the table, w windows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from train.data.series.encoder import SeriesEncoder
from train.data.series.origins import Origins, origin_windows
from train.inference.predictor import Predictor
from train.results.backtest.answers import Answered, predict_windows


@dataclass(frozen=True)
class Leaks:
    """The origins whose forecasts changed as later rows did, and how much was spoiled in all."""

    origins: tuple[int, ...]
    n_origins: int
    n_cells: int
    columns: tuple[str, ...]

    @property
    def line(self) -> str:
        """What was found, in words."""
        shown = ", ".join(map(repr, self.columns))
        done = f"with other values in the {self.n_cells:,} later cells of {shown}"
        if not self.origins:
            return (
                f"no leak: {done}, the forecasts of all {self.n_origins} origins are the same bits"
            )
        which = ", ".join(str(origin + 1) for origin in self.origins[:5])
        found = f"the forecasts of {len(self.origins)} of {self.n_origins} origins change"
        return f"LEAK: {done}, {found} (origins {which})"


def find_leaks(
    model: Predictor,
    table: pa.Table,
    where: str,
    origins: Origins,
    answered: Answered,
    seed: int,
) -> Leaks:
    """Forecasts each origin again where the rows after it hold other values of their columns.

    Known columns keep theirs over the horizon. Stamps and names of groups stay as they are.
    """
    encoder = model.encoder
    assert isinstance(encoder, SeriesEncoder)
    random = np.random.default_rng(seed)
    known = _source_columns(encoder, encoder.n_known)
    columns = [name for name in _source_columns(encoder, len(encoder.columns)) if name]
    leaking = []
    n_cells = 0
    chosen = np.unique(answered.origin_w).tolist()
    for origin in chosen:
        spoiled = table
        later_n = ~origins.before(origin)
        for name in columns:
            rows = origins.after_horizon(origin) if name in known else later_n
            spoiled = _spoil(spoiled, name, np.flatnonzero(rows), random)
            n_cells += int(rows.sum())
        again = origin_windows(encoder, spoiled, origins, range(origin, origin + 1), where)
        predicted = predict_windows(model, again.dataset)
        if not _is_same(answered, origin, again.dataset.starts, predicted.predictions):
            leaking.append(origin)
    return Leaks(tuple(leaking), len(chosen), n_cells, tuple(columns))


def _is_same(
    answered: Answered, origin: int, starts: np.ndarray, answers: dict[str, np.ndarray]
) -> bool:
    """Whether the windows of an origin have these answers to the bit."""
    own = np.flatnonzero(answered.origin_w == origin)
    place_of = {start: place for place, start in enumerate(starts.tolist())}
    wanted = answered.dataset.starts[answered.windows[own]].tolist()
    if any(start not in place_of for start in wanted):
        return False
    places = [place_of[start] for start in wanted]
    for name, before in answered.predicted.predictions.items():
        if not np.array_equal(before[own], answers[name][places], equal_nan=True):
            return False
    return True


def _source_columns(encoder: SeriesEncoder, n_last: int) -> list[str]:
    """The columns of the file that the last so many columns of the net are read from."""
    last = encoder.columns[len(encoder.columns) - n_last :]
    names = [column.source or column.name for column in last if column.of != "gap"]
    return list(dict.fromkeys(names))


def _spoil(table: pa.Table, name: str, rows: np.ndarray, random: np.random.Generator) -> pa.Table:
    """The table with cells of any rows of a column in place of its own in some rows."""
    column = table[name]
    present = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    if not len(present):
        return table
    taken = np.arange(table.num_rows)
    taken[rows] = random.choice(present, len(rows))
    return table.set_column(table.column_names.index(name), name, column.take(pa.array(taken)))
