"""What the cells of a column of text prove of decimal marks, without a look at each text.

Most columns are numbers as programs write them, of which four counts say it all.
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from train.data.column_cache import CachedOnColumn
from train.data.columns import RawColumn, read_text, text_or_null
from train.data.marks import Marks, find_marks
from train.data.values import as_programs_write

EITHER = r"^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$"  # decimals, or thousands
SHORT = r"^[+-]?[0-9]{1,3}$"


@CachedOnColumn
def marks_of(raw: RawColumn) -> Marks | None:
    """What a column of text proves of decimal marks; None where it has none."""
    if as_programs_write(raw) is None:
        values = read_text(raw)
        return find_marks(values.values, values.counts)
    text = text_or_null(raw)
    pointed = pc.sum(pc.match_substring(text, ".")).as_py() or 0
    either = _count(text, EITHER) if pointed else 0
    return plain_marks(len(text) - text.null_count, pointed, either, _count(text, SHORT))


def plain_marks(known: int, pointed: int, either: int, short: int) -> Marks:
    """The marks of so many known cells, of which some have a point, and so on."""
    decimal = Counter({".": pointed - either})
    return Marks(decimal, Counter(), Counter({".": either}), short, known - pointed - short)


def _count(text: pa.ChunkedArray, pattern: str) -> int:
    return pc.sum(pc.match_substring_regex(text, pattern)).as_py() or 0
