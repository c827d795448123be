"""Words that are read as missing in columns of text, such as "NA", and what is said of them."""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

import json
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

WORDS = b"missing"  # in the metadata of a column
SHOWN_COLUMNS = 5


def words_marked(whole: pa.ChunkedArray, unmarked: pa.ChunkedArray) -> dict[str, int]:
    """Words among the texts of a column that are read as missing, and how often they stand."""
    if not pa.types.is_string(whole.type) or unmarked.null_count == whole.null_count:
        return {}
    marked = pc.utf8_trim_whitespace(whole.filter(unmarked.is_null())).drop_null()
    counts = {item["values"]: item["counts"] for item in marked.value_counts().to_pylist()}
    return {word: count for word, count in counts.items() if any(map(str.isalpha, word))}


def marked_words(table: pa.Table, name: str) -> dict[str, int]:
    """Words that a typed column had where it is missing now, and how often they stood there."""
    places = table.schema.get_all_field_indices(name)
    metadata = table.schema.field(places[0]).metadata if len(places) == 1 else None
    return json.loads((metadata or {}).get(WORDS, b"{}"))


def missing_words_note(table: pa.Table, names: Iterable[str], where: str) -> list[str]:
    """A line on words in these columns, such as "NA" or "None", that are read as missing."""
    shown = []
    for name in names:
        if words := marked_words(table, name):
            parts = ", ".join(f"{word!r} ({count})" for word, count in words.items())
            shown.append(f"{parts} in {name!r}")
    if not shown:
        return []
    n_more = len(shown) - SHOWN_COLUMNS
    more = f" and in {n_more} more columns" if n_more > 0 else ""
    found = f"{'; '.join(shown[:SHOWN_COLUMNS])}{more}"
    advice = "a word that is a category is to be left out of config.data.missing"
    return [f"{where}: read as missing: {found}; {advice}"]
