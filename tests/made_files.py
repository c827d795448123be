"""Made-up files of random layouts, notations and faults, and what each of their cells means."""

from __future__ import annotations

import csv
import datetime
import io
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

NUMBERS: dict[str, Callable[[float], str]] = {
    "plain": repr,
    "padded": lambda x: f" {x:.2f} ",
    "signed": lambda x: f"{x:+.2f}",
    "exponent": lambda x: f"{x:.9E}",
    "comma": lambda x: f"{x:.2f}".replace(".", ","),
    "german": lambda x: f"{x:,.2f}".translate(str.maketrans(",.", ".,")),
    "english": "{:,.2f}".format,
    "blanks": lambda x: f"{x:,.2f}".replace(",", " "),
    "french": lambda x: f"{x:,.2f}".replace(",", "\u202f").replace(".", ","),
    "hard": lambda x: f"{x:,.2f}".replace(",", "\u00a0").replace(".", ","),
    "thin": lambda x: f"{x:,.2f}".replace(",", "\u2009"),
    "swiss": lambda x: f"{x:,.2f}".replace(",", "'"),
    "swiss curly": lambda x: f"{x:,.2f}".replace(",", "\u2019"),
    "dollars": lambda x: f"-${-x:,.2f}" if x < 0 else f"${x:,.2f}",
    "euros": lambda x: f"{x:,.2f} €".translate(str.maketrans(",.", ".,")),
    "booked": lambda x: f"({-x:,.2f})" if x < 0 else f"{x:,.2f}",
    "dollars booked": lambda x: f"$({-x:,.2f})" if x < 0 else f"${x:,.2f}",
    "trailing": lambda x: f"{-x:.2f}-" if x < 0 else f"{x:.2f}",
    "typographic": lambda x: f"{x:.2f}".replace("-", "\u2212"),
    "percent": "{:.2f}%".format,
    "percent apart": "{:.2f} %".format,
    "units": "{:.2f} kg".format,
    "degrees": "{:.2f}°C".format,
    "factor": lambda x: f"{x / 1000:.5f}k",
    "whole english": "{:,.0f}".format,
    "whole german": lambda x: f"{x:,.0f}".replace(",", "."),
    "whole swiss": lambda x: f"{x:,.0f}".replace(",", "'"),
    "clock": lambda x: f"{x // 3600:.0f}:{x // 60 % 60:02.0f}:{x % 60:02.0f}",
}
ENGLISH = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DATES: dict[str, Callable[[datetime.datetime], str]] = {
    "iso": "{:%Y-%m-%d}".format,
    "iso time": "{:%Y-%m-%d %H:%M}".format,
    "iso zone": "{:%Y-%m-%dT%H:%M:%SZ}".format,
    "points": "{:%d.%m.%Y}".format,
    "slashes": lambda t: f"{t.month}/{t.day}/{t.year}",
    "slashes noon": lambda t: f"{t.month}/{t.day}/{t.year} {t:%I:%M %p}",
    "day first": "{:%d/%m/%Y}".format,
    "hyphens": "{:%d-%m-%Y}".format,
    "short": "{:%d.%m.%y}".format,
    "named": lambda t: f"{t.day} {ENGLISH[t.month - 1]} {t.year}",
    "named first": lambda t: f"{ENGLISH[t.month - 1]} {t.day}, {t.year}",
    "hyphened": lambda t: f"{t.day:02d}-{ENGLISH[t.month - 1].upper()}-{t.year}",
    "year first": "{:%Y/%m/%d}".format,
}
TRUTHS = (("True", "False"), ("TRUE", "FALSE"), ("yes", "no"), ("Y", "N"), ("T", "F"), ("0", "1"))
WORDS = ("red", "blue", "green, dark", 'the "best"', "a;b", "über", "two\nlines", "o'clock", "5|6")
ODD = ("unknown", "#DIV/0!", "-", "n/a", "12x", "?", "\\N", ".", "NULL", "#N/A", "error 7")


@dataclass
class Made:
    """The cells of a file by column, as they are written, and what they mean: None is missing."""

    written: dict[str, list[str]]
    meant: dict[str, list[object]]


@dataclass
class Layout:
    """How the cells of a file stand in it."""

    ending: str
    delimiter: str
    line_end: str
    encoding: str
    quoting: int
    index: str
    apart: bool
    trailing: bool
    said: bool
    final: bool
    blank_lines: bool


def draw_layout(draw: random.Random) -> Layout:
    """A layout that programs, or people, write."""
    ending = draw.choice((".csv", ".csv", ".csv", ".tsv", ".txt"))
    delimiter = "\t" if ending == ".tsv" else draw.choice(",;\t|")
    return Layout(
        ending,
        delimiter,
        draw.choice(("\n", "\n", "\r\n")),
        draw.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16")),
        draw.choice((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
        draw.choice(("", "", "", "pandas", "r")),
        apart=delimiter == "," and draw.random() < 0.15,
        trailing=draw.random() < 0.1,
        said=delimiter in ",;" and draw.random() < 0.1,
        final=draw.random() < 0.9,
        blank_lines=draw.random() < 0.1,
    )


def draw_columns(draw: random.Random) -> dict[str, tuple[str, object]]:
    """{name: (kind, how it is written)} of the columns of both files."""
    columns: dict[str, tuple[str, object]] = {}
    for name in ("amount", "rate")[: draw.randrange(1, 3)]:
        columns[name] = "number", draw.choice(sorted(NUMBERS))
    if draw.random() < 0.7:
        columns["when"] = "time", draw.choice(sorted(DATES))
    if draw.random() < 0.7:
        columns["code"] = "category", draw.choice(("{:02d}", "{:04d}", "{}A"))
    if draw.random() < 0.5:
        columns["flag"] = "truth", draw.choice(TRUTHS)
    if draw.random() < 0.5:
        columns["word"] = "word", None
    return columns


def draw_file(draw: random.Random, columns: dict[str, tuple[str, object]], n: int) -> Made:
    """A file of these columns."""
    made = Made({}, {})
    for name, (kind, how) in columns.items():
        meant: list[object] = []
        written: list[str] = []
        for _ in range(n):
            value, cell = _draw_cell(draw, kind, how)
            meant.append(value)
            written.append(cell)
        made.written[name] = written
        made.meant[name] = meant
    return made


def _draw_cell(draw: random.Random, kind: str, how: object) -> tuple[object, str]:
    if kind == "number":
        number = round(draw.choice((1, 0.001)) * draw.uniform(-9999, 99999), 2)
        if str(how).startswith("whole"):
            number = float(round(number))
        elif how == "clock":
            number = float(abs(round(number)))
        return number, NUMBERS[str(how)](number)
    if kind == "time":
        moment = datetime.datetime(2015, 1, 1) + datetime.timedelta(minutes=draw.randrange(5 << 20))
        text = DATES[str(how)](moment)
        if ":" not in text:
            moment = moment.replace(hour=0, minute=0)
        return moment, text
    if kind == "category":
        text = str(how).format(draw.randrange(12))
    elif kind == "truth":
        assert isinstance(how, tuple)
        text = draw.choice(how)
    else:
        text = draw.choice(WORDS)
    return text, text


def write_file(draw: random.Random, folder: Path, name: str, made: Made, order: list[str]) -> Path:
    """A file of a random format, its columns in this order."""
    form = draw.choice(("text", "text", "text", "text", "parquet", "jsonl"))
    if form == "text":
        layout = draw_layout(draw)
        path = folder / f"{name}{layout.ending}"
        rows = len(made.written[order[0]])
        if layout.index == "r" and (rows < 2 or len(order) < 2):  # nothing could tell it
            layout.index = ""
        if len(order) < 2:  # where a blank line is a missing value
            layout.blank_lines = False
            layout.said = False
            layout.quoting = csv.QUOTE_ALL
        path.write_bytes(to_bytes(layout, made, order))
        return path
    table = pa.table({name: _typed(made, name) for name in order})
    path = folder / f"{name}.{form}"
    if form == "parquet":
        pq.write_table(table, path)
    else:
        lines = [json.dumps(row, default=str) for row in table.to_pylist()]
        path.write_text("\n".join(lines))
    return path


def _typed(made: Made, name: str) -> pa.Array:
    """A column as programs keep it; one with odd cells as the texts that it has."""
    meant = made.meant.get(name)
    written = made.written[name]
    if meant is None:
        return pa.array([int(cell) for cell in written])
    if any(value is None for value in meant):
        return pa.array(written)
    if {str(cell).casefold() for cell in written} <= {"true", "false"}:
        return pa.array([cell.casefold() == "true" for cell in written])
    if set(written) <= {"0", "1"}:
        return pa.array([int(cell) for cell in written])
    return pa.array(meant)


def to_bytes(layout: Layout, made: Made, order: Sequence[str]) -> bytes:
    """The file, its columns in this order."""
    out = io.StringIO()
    writer = csv.writer(
        out,
        delimiter=layout.delimiter,
        quoting=layout.quoting,  # type: ignore[arg-type]
        lineterminator=layout.line_end,
    )
    if layout.said:
        out.write(f"sep={layout.delimiter}{layout.line_end}")
    tail = [""] if layout.trailing else []
    front = {"": [], "r": [], "pandas": [""]}[layout.index]
    writer.writerow([*front, *order, *tail])
    n = len(made.written[order[0]])
    for i in range(n):
        cells = [made.written[name][i] for name in order]
        if layout.apart:
            cells = [cells[0], *(f" {cell}" for cell in cells[1:])]
        index = {"": [], "r": [str(i + 1)], "pandas": [str(i)]}[layout.index]
        writer.writerow([*index, *cells, *tail])
        if layout.blank_lines and i % 3 == 0:
            out.write(layout.line_end)
    text = out.getvalue()
    if not layout.final:
        text = text.removesuffix(layout.line_end)
    return text.encode(layout.encoding)


def damage(draw: random.Random, data: bytes) -> bytes:
    """The bytes of a text file with a few faults of hands, transports and programs."""
    for _ in range(draw.randrange(1, 4)):
        place = draw.randrange(max(len(data), 1))
        match draw.randrange(9):
            case 0:
                data = data[:place]
            case 1:
                data = data[:place] + draw.choice((b",", b";", b"\t", b"|")) + data[place:]
            case 2:
                data = data[:place] + b'"' + data[place:]
            case 3:
                data = data[:place] + data[place + 1 :]
            case 4:
                lines = data.splitlines(keepends=True)
                lines.insert(draw.randrange(len(lines)), draw.choice(lines))
                data = b"".join(lines)
            case 5:
                data = data.replace(b"\n", draw.choice((b"\r", b"\n\r", b"\r\n")), 3)
            case 6:
                data = draw.choice((b"# made by hand\n", b"A title\n\n", b"\n", b" ")) + data
            case 7:
                data = data[:place] + bytes((draw.randrange(256),)) + data[place + 1 :]
            case 8:
                data = data.partition(b"\n")[2] or data
    return data or b"\n"


def rows_of_csv(data: bytes, delimiter: str) -> list[list[str]] | None:
    """The records of text as Python's csv module has them; None where it finds a fault."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252")
    text = text.lstrip("\r\n")
    if text.lower().startswith(("sep=", '"sep=')):
        text = text.partition("\n")[2]
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return [[cell.strip() for cell in record] for record in records if record]
