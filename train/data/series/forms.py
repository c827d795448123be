"""How a column writes months, quarters and compact dates, so that what goes on is written alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

COMPACT_FORMS = ("%Y%m", "%Y%m%d")
FORMS = (*COMPACT_FORMS, "%Y-%m", "%YQ%q", "%Y-Q%q", "%Y Q%q", "Q%q %Y", "Q%q-%Y", "%qQ%Y", "%m/%Y")


def find_form(texts: Sequence[str], stamps: np.ndarray) -> str:
    """The form in which dates, in microseconds, are just these texts; "" if there is none."""
    days = (stamps // 86_400_000_000).astype("datetime64[D]")
    for form in FORMS:
        if all(_write(day, form) == text for day, text in zip(days, texts, strict=True)):
            return form
    return ""


def write_form(days: np.ndarray, form: str) -> pa.Array:
    """Days [t] in a form; whole numbers where it is compact."""
    distinct, codes = np.unique(days, return_inverse=True)
    texts = np.array([_write(day, form) for day in distinct])[codes]
    return pa.array(texts.astype(np.int64) if form in COMPACT_FORMS else texts)


def _write(day: np.datetime64, form: str) -> str:
    year, month, date = str(day).split("-")
    quarter = str((int(month) + 2) // 3)
    parts = {"%Y": year, "%m": month, "%d": date, "%q": quarter}
    for part, text in parts.items():
        form = form.replace(part, text)
    return form
