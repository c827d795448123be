"""An HTML page in one file: no script, no request, for a phone, a dark room and paper.

All text passes `escape`.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from train.data.files.storage import written_whole
from train.errors import StorageError
from train.report.result import is_finite
from train.report.style import STYLE

# Kept by the reader's browser: not even a name that slipped through could run, load or send
# anything.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class Key(NamedTuple):
    """A line of a legend: its text, a colour of the page, and what it names.

    Its kind is "line", "dash", "dots", "dot" or "area".
    """

    text: str
    colour: str
    kind: str = "line"


def document(title: str, sections: Iterable[str]) -> str:
    """The page. `title` is text, `sections` are HTML."""
    body = "\n".join(filter(None, sections))
    lines = (
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f"<title>{escape(title)}</title>",
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        "<main>",
        body,
        "</main>",
        "</body>",
        "</html>",
    )
    return "\n".join(lines) + "\n"


def write_document(path: Path, title: str, sections: Iterable[str]) -> None:
    """Writes the page, whole or not at all. Raises StorageError if it cannot be written."""
    content = document(title, sections).encode("utf-8", "replace")
    try:
        with written_whole(path) as file:
            file.write(content)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from None


def escape(text: object) -> str:
    """Text, safe as content and within quotes."""
    return html.escape(str(text))


def number(value: float | None, digits: int = 4) -> str:
    """To `digits` significant digits, thousands apart; "n/a" for None and what is not finite."""
    if not is_finite(value):
        return "n/a"
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if not -4 <= magnitude < 9:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(digits - 1 - magnitude, 0)}f}"


def section(title: str, body: str, *, columns: int = 3) -> str:
    """A heading and what is below it; nothing without a body.

    One of fewer `columns` than a desk has shares its row with others.
    """
    if not body:
        return ""
    kind = f' class="n{columns}"' if columns < 3 else ""
    return f"<section{kind}><h2>{escape(title)}</h2>\n{body}</section>"


def group(title: str, figures: Iterable[str], *, small: bool = False) -> str:
    """A section of figures, as wide as they ask for; nothing without any.

    Of `small` ones more stand side by side.
    """
    drawn = list(filter(None, figures))
    columns = len(drawn) + sum('<figure class="wide"' in figure for figure in drawn)
    return section(title, panels(drawn, small=small), columns=columns)


def fold(title: str, body: str) -> str:
    """What is shown when its title is clicked, and not printed; nothing without a body."""
    return f"<details><summary>{escape(title)}</summary>\n{body}</details>" if body else ""


def facts(pairs: Mapping[str, str]) -> str:
    """Names and their values, which are HTML."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in pairs.items())
    return f'<dl class="facts">{rows}</dl>'


def typed(command: str) -> str:
    """A command as it is typed, which breaks between its arguments where there is room."""
    arguments = " ".join(f"<span>{escape(argument)}</span>" for argument in command.split(" "))
    return f"<code>{arguments}</code>"


def table(
    rows: Iterable[Sequence[str]],
    head: Sequence[str] = (),
    words: bool = False,
    many: bool = False,
) -> str:
    """Rows of cells, which are HTML, below the row `head`.

    The first cell names its row, or heads the rows below if it has no others. `words` aligns the
    cells left; of `many` columns a phone shows some, and scrolls.
    """
    top = f"<thead><tr>{_cells('th', head)}</tr></thead>" if head else ""
    body = ""
    for name, *cells in rows:
        first = f'<th scope="row">{name}</th>'
        if not cells:
            first = f'<th class="group" colspan="{len(head)}"><b>{name}</b></th>'
        body += f"<tr>{first}{_cells('td', cells)}</tr>\n"
    kind = ' class="words"' if words else ""
    scroll = "scroll many" if many else "scroll"
    return f'<div class="{scroll}"><table{kind}>{top}<tbody>\n{body}</tbody></table></div>'


def bar(share: float) -> str:
    """A bar as a table's cell, of this share of the cell's width."""
    return f'<span class="bar" aria-hidden="true"><i style="width:{100 * share:.4g}%"></i></span>'


def figure(title: str, note: str, body: str, *, keys: Iterable[Key] = (), kind: str = "") -> str:
    """A drawing, or a table, under its title, a note and a legend; the first two are text.

    One of the kind "wide" takes two columns where there are as many, a "tall" one two rows.
    """
    said = f"<span>{escape(note)}</span>" if note else ""
    legend = ""
    for key in keys:
        legend += f'<span class="key"><i class="{key.kind} {key.colour}"></i>{escape(key.text)}'
        legend += "</span>"
    legend = f'<span class="keys">{legend}</span>' if legend else ""
    caption = f"<figcaption><b>{heading(title)}</b>{said}{legend}</figcaption>"
    shape = f' class="{kind}"' if kind else ""
    return f"<figure{shape}>{caption}{body}</figure>"


def panels(figures: Iterable[str], *, small: bool = False) -> str:
    """Figures side by side, as many as fit."""
    body = "\n".join(filter(None, figures))
    return f'<div class="panels{" small" if small else ""}">\n{body}\n</div>' if body else ""


def stack(figures: Iterable[str]) -> str:
    """Small figures below one another in the place of one."""
    return f'<div class="stack">{"".join(figures)}</div>'


def heading(name: str) -> str:
    """A name as the head of a row or a column, which may break after an underscore or a dot."""
    return re.sub(r"(_|\.(?=[a-z]))", r"\1<wbr>", escape(name))


def _cells(tag: str, cells: Iterable[str]) -> str:
    return "".join(f"<{tag}>{cell}</{tag}>" for cell in cells)
