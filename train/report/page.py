"""An HTML page in one file: no script, no request, for a phone, a dark room and paper.

All text passes `escape`.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence

STYLE = """
:root{color-scheme:light dark;--page:#fff;--ink:#1f2430;--muted:#667080;--line:#e3e6ea;\
--blue:#2563eb;--pale:#9dbbf7;
--grey:#8b929c;--on-blue:#fff}
@media screen and (prefers-color-scheme:dark){:root{--page:#14171d;--ink:#e4e7ec;--muted:#98a1ae;\
--line:#2d333d;
--blue:#6ea0ff;--pale:#3d5d9e;--on-blue:#10141b}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,\
"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif}
main{max-width:1080px;margin:0 auto;padding:56px 24px 96px}
h1{font-size:30px;line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:0 0 6px;\
overflow-wrap:anywhere}
h2,summary{font-size:18px;font-weight:650;margin:60px 0 16px}
p{margin:0 0 8px;max-width:68ch;overflow-wrap:anywhere}
.muted,figcaption span{color:var(--muted)}
.headline{font-size:20px;line-height:1.45;margin:28px 0 4px}
.scroll{overflow-x:auto;margin-bottom:12px}
table{border-collapse:collapse;font-size:14.5px;font-variant-numeric:tabular-nums}
th,td{padding:7px 28px 7px 0;text-align:right;font-weight:400;vertical-align:top;white-space:nowrap}
tr+tr>*,tbody>tr>*{border-top:1px solid var(--line)}
th:first-child,.words td,.words thead th{text-align:left}
tbody th{white-space:normal;overflow-wrap:anywhere;min-width:5.5em}
.group{color:var(--ink);padding-top:20px}
.words th{white-space:nowrap}
.words td{white-space:normal;overflow-wrap:anywhere}
th{color:var(--muted)}
b{font-weight:650}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,280px),1fr));gap:36px}
figure{margin:0;min-width:0;break-inside:avoid;display:flex;flex-direction:column;\
justify-content:space-between}
figure.wide{grid-column:1/-1}
figcaption{font-size:14.5px;line-height:1.4;margin-bottom:8px;overflow-wrap:anywhere}
figcaption b{margin-right:.6em}
svg{display:block;width:100%;height:auto}
svg *{stroke-linejoin:round}
ul{margin:0;padding-left:20px;max-width:72ch}
li{margin:4px 0;overflow-wrap:anywhere}
summary{cursor:pointer}
pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;\
overflow-wrap:anywhere}
@media (max-width:600px){main{padding:28px 18px 64px}h1{font-size:25px}.headline{font-size:18px}\
h2{margin-top:44px}
th,td{padding-right:16px}}
@media print{main{max-width:none;padding:0}h2{break-after:avoid;margin-top:32px}tr{\
break-inside:avoid}
.panels{grid-template-columns:1fr 1fr}svg{min-width:0!important}}
"""
# Kept by the reader's browser: not even a name that slipped through could run, load or send
# anything.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


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


def escape(text: object) -> str:
    """Text, safe as content and within quotes."""
    return html.escape(str(text))


def number(value: float | None, digits: int = 4) -> str:
    """To `digits` significant digits, thousands apart; "n/a" for None and what is not finite."""
    if value is None or not math.isfinite(value):
        return "n/a"
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if not -4 <= magnitude < 9:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(digits - 1 - magnitude, 0)}f}"


def section(title: str, body: str) -> str:
    """A heading and what is below it; nothing without a body."""
    return f"<h2>{escape(title)}</h2>\n{body}" if body else ""


def table(rows: Iterable[Sequence[str]], head: Sequence[str] = (), words: bool = False) -> str:
    """Rows of cells, which are HTML, below the row `head`.

    The first cell names its row, or heads the rows below if it has no others. `words` aligns the
    cells left.
    """
    top = f"<thead><tr>{_cells('th', head)}</tr></thead>" if head else ""
    body = ""
    for name, *cells in rows:
        first = f"<th>{name}</th>"
        if not cells:
            first = f'<th class="group" colspan="{len(head)}"><b>{name}</b></th>'
        body += f"<tr>{first}{_cells('td', cells)}</tr>\n"
    kind = ' class="words"' if words else ""
    return f'<div class="scroll"><table{kind}>{top}<tbody>\n{body}</tbody></table></div>'


def figure(title: str, note: str, svg: str, *, wide: bool = False) -> str:
    """A drawing under its title and a note, both text.

    A wide one takes a row of its own, and scrolls on a phone.
    """
    caption = f"<figcaption><b>{escape(title)}</b><span>{escape(note)}</span></figcaption>"
    if wide:
        return f'<figure class="wide">{caption}<div class="scroll">{svg}</div></figure>'
    return f"<figure>{caption}{svg}</figure>"


def panels(figures: Iterable[str]) -> str:
    """Figures side by side, as many as fit."""
    body = "\n".join(figures)
    return f'<div class="panels">\n{body}\n</div>' if body else ""


def _cells(tag: str, cells: Iterable[str]) -> str:
    return "".join(f"<{tag}>{cell}</{tag}>" for cell in cells)
