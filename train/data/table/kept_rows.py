"""Which rows of a split are left out once it is made: those of weight 0, those without a number.

n rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from train.data.columns import get_column, read_text
from train.data.dataset import Batch
from train.data.number_words import counted
from train.data.table.encoder import TableEncoder


def without_idle(
    splits: Mapping[str, np.ndarray], weight_n: np.ndarray
) -> tuple[dict[str, np.ndarray], int]:
    """The splits without rows of weight 0 that train or validate, and how many these are.

    A split of such rows alone stays as it is: it is refused where weights are added up.
    """
    kept = dict(splits)
    n_idle = 0
    for part in ("train", "valid"):
        rows = kept.get(part, np.zeros(0, np.int32))
        counted = rows[weight_n[rows] > 0]
        if len(counted):
            kept[part] = counted
            n_idle += len(rows) - len(counted)
    return kept, n_idle


def idle_notes(where: str, n_idle: int) -> list[str]:
    """What the user should know of rows of weight 0."""
    if not n_idle:
        return []
    trains = counted(n_idle, "row of weight 0 neither trains", "rows of weight 0 neither train")
    validates = "validates" if n_idle == 1 else "validate"
    return [f"{where}: {trains} nor {validates}, left out"]


def with_targets(
    splits: Mapping[str, np.ndarray], pool: Batch[np.ndarray], encoder: TableEncoder
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The splits without rows whose target turned out to be no number, and a line on these."""
    kept = np.ones(len(pool.weight), bool)
    advice = ""
    for head in encoder.heads:
        if head.kind == "regression":
            kept &= ~np.isnan(pool.target[head.name]).any(axis=1)
        elif head.kind in ("binary", "multiclass"):
            has_class = pool.target[head.name] >= 0
            kept &= has_class
            if not has_class.all():
                advice = f"; if it is a class, name {head.name!r} in config.data.categorical"
    if kept.all():
        return dict(splits), []
    readable = {part: rows[kept[rows]] for part, rows in splits.items()}
    n_unread = int((~kept).sum())
    rows = counted(n_unread, "row", "rows")
    are = "is" if n_unread == 1 else "are"
    return readable, [f"{rows} whose target is no number {are} left out{advice}"]


def words_for_missing(table: pa.Table, names: Iterable[str], missing: Sequence[str]) -> str:
    """The end of a line on missing labels: words among them that may be a class, such as "None".

    `table` was read without the markers `missing`, which therefore are text.
    """
    words: Counter[str] = Counter()
    for name in names:
        text = read_text(get_column(table, name, "", ()))
        for word, count in zip(text.values, text.counts, strict=True):
            if word in missing and any(map(str.isalpha, word)):
                words[word] += int(count)
    if not words:
        return ""
    shown = ", ".join(f"{word!r} ({count})" for word, count in words.most_common())
    return f"; read as missing: {shown}; if it is a class, leave it out of config.data.missing"
