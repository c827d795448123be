"""The bytes of a text file -> UTF-8."""

from __future__ import annotations

import codecs
import contextlib
import re

from train.errors import UserError

# What is no UTF-8, though most of it is: a file that was spoiled, not one from Windows.
UTF8_CHARACTER = re.compile(
    rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
CODES = (
    "CP1252 of western Windows, CP1250 of eastern, CP1251 of Cyrillic, CP932 of Japanese, "
    "CP936 of Chinese, CP949 of Korean"
)
HOW = f"save it as UTF-8, as by iconv -f CODE -t UTF-8 OLD > NEW, CODE being {CODES}"
ZERO_WITHIN = 4096  # bytes: text of UTF-16 has one by then
# Letters of other scripts stand side by side, those of Windows-1252 among ASCII.
OTHER_SCRIPT = re.compile(rb"[\x80-\xff]{4}|[\xff\xfe\x81\x8d\x8f\x90\x9d]")

# How files begin that programs save under an ending of text.
OTHER_FORMATS = {
    "a zip archive, as a workbook of Excel is": re.compile(rb"PK\x03\x04"),
    "a workbook of Excel": re.compile(rb"\xd0\xcf\x11\xe0"),
    "a Parquet file": re.compile(rb"PAR1[^\t\n\r -~]"),
    "a gzip archive, as .csv.gz is": re.compile(rb"\x1f\x8b"),
    "a PDF": re.compile(rb"%PDF-"),
    "a database of SQLite": re.compile(rb"SQLite format 3\0"),
}
# A column may be called <table>, and others stand behind it then.
PAGE = re.compile(rb"\s*<(?:!doctype|html|table|\?xml)[\s>](?![,;\t|])", re.IGNORECASE)


def to_utf8(data: bytes, path: str, notes: list[str] | None = None) -> bytes:
    """Text in UTF-8, without a byte order mark.

    Text that its bytes prove to be UTF-16 needs no mark, and `notes` take a line on it. Where there
    are `notes`, text that can be no UTF-8 and looks like Windows-1252 is read so. Raises UserError
    if it is of another format, no text, or empty.
    """
    for what, beginning in OTHER_FORMATS.items():
        if beginning.match(data):
            raise UserError(f"{path}: holds {what}; save its table as CSV")
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not utf16 and (codec := _unmarked_utf16(data)):
        if notes is not None:
            notes.append(f"{path}: is UTF-16 without a byte order mark, read as {codec.upper()}")
        data = data.decode(codec).encode()
    while data.startswith(codecs.BOM_UTF8):  # files that were joined, or saved twice, have several
        data = data.removeprefix(codecs.BOM_UTF8)
    try:
        if utf16:
            data = data.decode("utf-16").lstrip("\ufeff").encode()
        elif not data.isascii():
            data.decode()
    except UnicodeDecodeError as error:
        if utf16 or notes is None or not _is_windows(data):
            where = f"{path}, line {_line(data, error.start)}: byte {error.start}"
            kind = "UTF-16" if utf16 else "UTF-8"
            raise UserError(f"{where} is not {kind} text; {HOW}") from None
        shown = _word_at(data, error.start)
        data = data.decode("cp1252").encode()
        found = f"{path}: is not UTF-8 but read as Windows-1252, as in {shown!r}"
        notes.append(f"{found}; where that is wrong, {HOW}")
    if (nul := data.find(0)) >= 0:
        where = f"{path}, line {_line(data, nul)}: byte {nul}"
        raise UserError(f"{where} is NUL, which text has not; is it a binary file, or spoiled?")
    if PAGE.match(data):
        raise UserError(f"{path}: holds a page of HTML or XML; save its table as CSV")
    if not data or data.isspace():
        raise UserError(f"{path}: the file is empty")
    return data


def _unmarked_utf16(data: bytes) -> str:
    """The codec of text in UTF-16 without a mark, most of whose high bytes are zeros; else ""."""
    if len(data) % 2 or data.find(0, 0, ZERO_WITHIN) < 0:
        return ""
    for codec, high in (("utf-16-le", data[1::2]), ("utf-16-be", data[::2])):
        with contextlib.suppress(UnicodeDecodeError):
            if 2 * high.count(0) > len(high) and "\0" not in data.decode(codec):
                return codec
    return ""


def _is_windows(data: bytes) -> bool:
    """Whether bytes look like text of Windows-1252."""
    return UTF8_CHARACTER.search(data) is None and OTHER_SCRIPT.search(data) is None


def _word_at(data: bytes, place: int) -> str:
    """The word that a byte of Windows-1252 stands in."""
    around = data[max(0, place - 20) : place + 20].decode("cp1252", errors="replace")
    before, after = around[: min(place, 20)], around[min(place, 20) :]
    start = re.search(r"[\w€£]*$", before)
    end = re.match(r"\W?\w*", after)
    return (start[0] if start else "") + (end[0] if end else "")


def _line(data: bytes, offset: int) -> int:
    """The line that a byte stands in, from 1."""
    return len((data[:offset] + b".").splitlines())
