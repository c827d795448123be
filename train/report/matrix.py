"""A confusion as a table whose cells are shaded: a screen reader reads it, a phone fits it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from train.report.marks import label
from train.report.page import escape, number

LONGEST = 18  # letters of a class's name


def confusion_table(counts_kk: np.ndarray, names: Sequence[str]) -> str:
    """Counts of true class by predicted class; the bluer, the larger the share of the row."""
    short = [label(name, LONGEST) for name in names]
    kind = "matrix"
    if max(map(len, short)) * len(names) > 36:
        kind += " upright"
    if len(names) > 12:
        kind += " many"
    elif len(names) < 6:
        kind += " few"
    head = ""
    for name in short:
        head += f'<th scope="col"><span>{escape(name)}</span></th>'
    body = ""
    share_kk = counts_kk / np.maximum(counts_kk.sum(1), 1e-12)[:, None]
    for name, counts_k, share_k in zip(short, counts_kk, share_kk, strict=True):
        cells = ""
        for count, share in zip(counts_k.tolist(), share_k.tolist(), strict=True):
            cells += _cell(count, share)
        body += f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>\n'
    top = f"<thead><tr><th>true \N{DOWNWARDS ARROW} predicted \N{RIGHTWARDS ARROW}</th>{head}</tr>"
    rows = f"{top}</thead><tbody>{body}</tbody>"
    scroll = "scroll many" if len(names) > 12 else "scroll"
    return f'<div class="{scroll}"><table class="{kind}">{rows}</table></div>'


def _cell(count: float, share: float) -> str:
    if not count:
        return "<td></td>"
    shown = str(count) if isinstance(count, int) else number(count, 3)
    kind = "cell on" if share > 0.55 else "cell"
    return f'<td class="{kind}" style="--s:{0.06 + 0.94 * share:.2f}">{shown}</td>'
