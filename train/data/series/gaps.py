"""Values that a series lacks: which columns mark them, which windows remain, what is said.

t flat rows, c columns of the encoder, the o targets first, n windows.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from train.data.series.encoder import SeriesEncoder
from train.data.series.flat import Flat, NoSeries
from train.data.series.windows import count_within

SHOWN = 3  # series whose gaps are counted in a note


def marked_columns(encoder: SeriesEncoder, train_gaps_tc: np.ndarray) -> tuple[str, ...]:
    """The columns that training rows lack values of; all targets where they lack one of them."""
    has_gap_c = np.asarray(train_gaps_tc.any(axis=0))
    has_gap_c[: encoder.n_targets] = has_gap_c[: encoder.n_targets].any()
    return tuple(encoder.columns[i].name for i in np.flatnonzero(has_gap_c))


def known_windows(
    encoder: SeriesEncoder, gaps_tc: np.ndarray, starts: Mapping[str, np.ndarray], where: str
) -> tuple[dict[str, np.ndarray], list[str]]:
    """{split: first flat rows [n] of windows with a known target}, and a note on the others.

    Raises NoSeries if all windows of a split are among these.
    """
    found = {}
    left_out = []
    for split, starts_n in starts.items():
        is_known_n = has_known_target(encoder, gaps_tc, starts_n)
        found[split] = starts_n[is_known_n]
        if len(starts_n) and not is_known_n.any():
            raise NoSeries(
                f"{where}: all targets of the {len(starts_n)} {split} windows are missing; "
                "leave such rows out, or divide the rows otherwise"
            )
        if not is_known_n.all():
            left_out.append(f"{(~is_known_n).sum()} of {len(starts_n)} {split} windows")
    if not left_out:
        return found, []
    return found, [f"{where}: {', '.join(left_out)} have no known target; left out"]


def has_known_target(
    encoder: SeriesEncoder, gaps_tc: np.ndarray, starts_n: np.ndarray
) -> np.ndarray:
    """Which of the windows that begin at these flat rows have a known target [n]."""
    target_gaps_to = gaps_tc[:, : encoder.n_targets]
    n_missing = count_within(target_gaps_to, starts_n + encoder.lookback, encoder.horizon)
    return n_missing < encoder.horizon * encoder.n_targets


def gap_notes(encoder: SeriesEncoder, gaps_tc: np.ndarray, flat: Flat, where: str) -> list[str]:
    """What the user should know of values that are missing, a line for each column."""
    notes = []
    for i, column in enumerate(encoder.columns):
        filled = "filled by the value before, at the start of a series by the training median"
        filled += " of its group" if column.by_group and encoder.fills else ""
        n_gaps = int(gaps_tc[:, i].sum())
        if not n_gaps:
            continue
        found = f"{n_gaps} of {len(gaps_tc)} values are missing{_by_series(gaps_tc[:, i], flat)}"
        done = filled
        if i < encoder.n_targets:
            done = f"not trained on and not scored; where the net looks back {filled}"
        mark = "with a mark" if column.name in encoder.marked else "without a mark"
        notes.append(f"{where}: column {column.name!r}: {found}; {done}, {mark}")
    return notes


def _by_series(gap_t: np.ndarray, flat: Flat) -> str:
    """How many values are missing in which series, those with most first."""
    if flat.names is None or len(flat.names) == 1:
        return ""
    n_gaps_g = np.add.reduceat(gap_t.astype(np.int64), flat.firsts)
    order = np.argsort(-n_gaps_g, kind="stable")[: np.count_nonzero(n_gaps_g)]
    shown = [f"{str(flat.names[g])!r} {n_gaps_g[g]}" for g in order[:SHOWN]]
    if len(order) > SHOWN:
        shown.append(f"{len(order) - SHOWN} more")
    return f" ({', '.join(shown)})"
