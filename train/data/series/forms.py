"""How a column writes months, weeks, compact dates and the like, so that what goes on is alike.

t stamps, in microseconds since 1970.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
import pyarrow as pa

from train.data.compact_dates import COMPACT_FORMATS, EPOCHS
from train.data.numbered_parts import ROMAN, SHORT_FORMATS

START = datetime.datetime(1970, 1, 1)
# Beside those of strptime: %q a quarter, %u in Roman figures, %h a half-year, %v a week and %n a
# month without zeros in front, %k a month without the zero behind it.
MARKS = "-./: "
MONTH_MARKS = ("M", "m", "-M", ":M", " M")
QUARTERS = (
    *("%YQ%q", "%Y-Q%q", "%Y Q%q", "Q%q %Y", "Q%q-%Y", "%qQ%Y", "%qQ%y", "Q%q %y", "%Y%q"),
    *("".join(parts) for parts in product(("%Y",), MARKS, ("%q", "%u"))),
    *("".join(parts) for parts in product(("%q", "%u"), MARKS, ("%Y",))),
)
HALVES = (
    *("".join(parts) for parts in product(("%Y", "%Y-"), "HS", ("%h",))),
    *("".join(parts) for parts in product(("%Y",), MARKS, ("%h",))),
    *("".join(parts) for parts in product(("%h",), MARKS, ("%Y",))),
)
MONTHS = (
    *("".join(parts) for parts in product(("%Y",), (*MARKS, *MONTH_MARKS), ("%m", "%n"))),
    *("".join(parts) for parts in product(("%m", "%n"), MARKS, ("%Y",))),
    "%Y.%k",
)
NAMED = tuple("".join(parts) for parts in product(("%b", "%B"), (" ", "-", "/"), ("%Y", "%y")))
LETTERS = ("W", "KW", "CW")
WEEKS = (
    *("".join(parts) for parts in product(("%G",), MARKS, ("%V", "%v"))),
    *("".join(parts) for parts in product(("%V", "%v"), MARKS, ("%G",))),
    *("".join(parts) for parts in product(("%G",), ("-", "", " "), LETTERS, ("%V", "%v"))),
    *("".join(parts) for parts in product(LETTERS, ("%V", "%v"), (" ", "-", "/"), ("%G",))),
)
COMPACT_FORMS = tuple(COMPACT_FORMATS.values())
SHORT_FORMS = tuple(SHORT_FORMATS.values())
FORMS = (*COMPACT_FORMS, *SHORT_FORMS, *MONTHS, *QUARTERS, *HALVES, *WEEKS, *NAMED)
WITH_TIME = tuple(form for form in FORMS if "%H" in form)


def find_form(texts: Sequence[str], stamps: np.ndarray) -> str:
    """The form in which stamps [t] are just these texts; "" if there is none."""
    moments = _moments(stamps)
    for form in FORMS:
        # The first alone tells most forms apart.
        if all(_write(moment, form) == text for moment, text in zip(moments, texts, strict=True)):
            return form
    return ""


def write_form(stamps: np.ndarray, form: str) -> pa.Array:
    """Stamps [t] in a form; whole numbers where it is compact."""
    distinct, codes = np.unique(stamps, return_inverse=True)
    texts = np.array([_write(moment, form) for moment in _moments(distinct)])[codes]
    return pa.array(texts.astype(np.int64) if form in COMPACT_FORMS else texts)


def write_since_1970(stamps: np.ndarray, order: str) -> pa.Array:
    """Stamps [t] as a count of a unit since 1970, whole where that is exact."""
    unit = EPOCHS[order]
    if unit < 1:
        return pa.array(stamps.astype(np.int64) * round(1 / unit))
    counts = stamps / unit
    return pa.array(counts if np.any(counts % 1) else counts.astype(np.int64))


def _moments(stamps: Iterable[float]) -> list[datetime.datetime]:
    return [START + datetime.timedelta(microseconds=int(stamp)) for stamp in stamps]


def _write(moment: datetime.datetime, form: str) -> str:
    quarter = (moment.month + 2) // 3
    parts = {
        "%q": str(quarter),
        "%u": list(ROMAN)[quarter - 1],
        "%h": str((moment.month + 5) // 6),
        "%v": str(moment.isocalendar().week),
        "%n": str(moment.month),
        "%k": f"{moment.month:02d}".rstrip("0"),
        "%Y": f"{moment.year:04d}",
    }
    for part, text in parts.items():
        form = form.replace(part, text)
    return moment.strftime(form)
