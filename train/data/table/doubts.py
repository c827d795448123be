"""What may be meant otherwise in a column that is read without a fault: lines for the user.

n rows, k different texts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from train.data.parsing import visible_text

# What stands for "no value" where files have numbers alone, after SPSS and surveys.
MISSING_CODES = frozenset((9, 99, 999, 9999, 99999))
MIN_CELLS = 2  # cells of such a code


def spelling_note(texts: Sequence[str]) -> str:
    """A line where texts [k] differ in case, blanks or what cannot be seen alone; else ""."""
    alike: dict[str, list[str]] = {}
    for text in texts:
        alike.setdefault(_folded(text), []).append(text)
    same = [group for group in alike.values() if len(group) > 1]
    if not same:
        return ""
    shown = " and ".join(repr(text[:40]) for text in same[0][:3])
    more = f", and {len(same) - 1} more" if len(same) > 1 else ""
    return f"{shown} differ in case or blanks alone{more}, and are apart; write them alike"


def _folded(text: str) -> str:
    return " ".join(visible_text(text).casefold().split())


def code_note(known: np.ndarray) -> str:
    """A line where numbers [n] end in one such as -999 that is far from all others; else ""."""
    if not MISSING_CODES & {abs(known.min()), abs(known.max())}:
        return ""
    distinct, counts = np.unique(known, return_counts=True)
    if len(distinct) < 4:
        return ""
    for place, others in ((0, distinct[1:]), (-1, distinct[:-1])):
        code = distinct[place]
        if abs(code) not in MISSING_CODES or counts[place] < MIN_CELLS:
            continue
        if np.abs(others - code).min() > others[-1] - others[0]:
            found = f"{code:g} stands in {counts[place]:,} of {len(known):,} cells, far from all "
            advice = f"config.data.missing takes '{code:g}' where it stands for none"
            return f"{found}others, and is read as a number; {advice}"
    return ""
