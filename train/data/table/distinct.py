"""How many different numbers a column has: without a text for each, of which there may be millions.

n rows.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from train.data.columns import RawColumn, label_of, text_or_null
from train.data.values import as_programs_write, writes_numbers


def distinct_numbers(raw: RawColumn) -> tuple[int, str] | None:
    """How many texts `read_text` would find in a column of finite numbers, and the first of them.

    None for other columns, and where a marker is a number: only texts tell what that one marks.
    """
    if writes_numbers(raw.markers):
        return None
    if raw.family == "text":
        return _written(raw)
    if raw.family == "number" and not pa.types.is_decimal(raw.data.type):
        return _typed(raw)
    return None


def _written(raw: RawColumn) -> tuple[int, str] | None:
    """Of text that is numbers as programs write them."""
    values = as_programs_write(raw)
    if values is None or not np.isfinite(values.data).all():
        return None
    texts = text_or_null(raw).unique().drop_null()
    return (len(texts), texts[0].as_py()) if len(texts) else None


def _typed(raw: RawColumn) -> tuple[int, str] | None:
    """Of numbers that the file has as such."""
    found = raw.data.unique().drop_null().to_numpy()
    found = found[~np.isnan(found)]
    if not len(found) or not np.isfinite(found).all():
        return None
    n_zeros = int(np.count_nonzero(found == 0))  # 0.0 and -0.0 are one text
    return len(found) - max(0, n_zeros - 1), label_of(found[0])
