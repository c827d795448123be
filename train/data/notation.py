"""How the numbers of a column are written: found once in its training rows, and kept.

k different texts of a column. A text is stripped of blanks around it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from train.data.clock import n_parts, seconds_of
from train.data.parsing import ascii_digits, has_digit, narrowed
from train.data.unit_names import as_one_unit

BLANKS = " \u00a0\u202f\u2009"
QUOTES = "'\u2019\u00b4`\u02bc"
MINUS = "\u2212\u2013-"
FRACTIONS = "½⅓⅔¼¾⅛⅜⅝⅞"  # no unit, though they stand behind a number
CURRENCY = (
    r"(?:US|A|C|R)?\$|[€£¥₹₩₽₺฿₫₪]|USD|EUR|GBP|CHF|JPY|INR|CAD|AUD|CNY|SEK|NOK|DKK|PLN|BRL|Rs\.?"
)
CELL = re.compile(
    rf"(?:(?P<outer>{CURRENCY})[{BLANKS}]*(?=\())?"
    rf"(?P<open>\()?[{BLANKS}]*(?P<limit>[<>≤≥~]=?)?[{BLANKS}]*(?P<sign>[+{MINUS}])?[{BLANKS}]*"
    rf"(?P<prefix>{CURRENCY})?[{BLANKS}]*(?P<inner>[+{MINUS}])?"
    rf"(?P<body>[0-9](?:[0-9.,{BLANKS}{QUOTES}]*[0-9.,])?|[.,][0-9]+)(?P<exp>[eE][+-]?[0-9]+)?"
    rf"(?P<none>(?<=[.,])[\u2014{MINUS}]{{1,2}})?"  # 12.- and 12,-- have no decimals
    rf"(?P<gap>[{BLANKS}]*)(?P<suffix>[^0-9{BLANKS}(){FRACTIONS}{MINUS}][^0-9()]{{0,11}}?)?"
    rf"(?P<trail>[{MINUS}])?(?P<close>\))?"
)
PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
CODE = re.compile(r"[+-]?0[0-9]+")  # an integer that begins with zeros: a code, unless named
SCALES = {"k": 1e3, "K": 1e3, "M": 1e6, "m": 1e6, "B": 1e9, "bn": 1e9, "Mio": 1e6, "Mrd": 1e9}
# A 0, as Excel writes it in front of a currency or behind it.
DASHES = rf"[\u2014{MINUS}]+"
ZERO_AMOUNT = re.compile(rf"(?:{CURRENCY})[{BLANKS}]*{DASHES}|{DASHES}[{BLANKS}]*(?:{CURRENCY})")
# What sets thousands apart, in all of its forms.
THOUSANDS = {mark: re.compile(f"[{mark}]") for mark in ",."}
THOUSANDS |= {" ": re.compile(f"[{BLANKS}]"), "'": re.compile(f"[{QUOTES}]")}

Mark: TypeAlias = Literal[".", ","]
MARKS: tuple[Mark, Mark] = (".", ",")


@dataclass(frozen=True)
class Notation:
    """How numbers are written: marks, what stands before and behind them, and what is no number.

    `unit` is of all cells, such as "$", "%" or "kg", and adds nothing to the number. `scaled`: a
    letter multiplies, as in 19M. `clock`: hours:minutes, read as seconds, or with `minutes` those
    and seconds. `odd` are the words that training rows had in place of numbers, read as missing.
    `sure` is False where it was a guess. `whole`: training rows had whole numbers alone, some of
    them of four digits or more. `negative`: some of them were negative as accounts have it, with a
    minus behind or in parentheses. `thousandths` is False where none of them had three decimals.
    """

    decimal: Mark = "."
    thousands: str = ""
    unit: str = ""
    scaled: bool = False
    clock: bool = False
    odd: tuple[str, ...] = ()
    sure: bool = True
    whole: bool = False
    minutes: bool = False
    negative: bool = False
    thousandths: bool = True

    @property
    def is_plain(self) -> bool:
        """Whether it is the notation of programs, such as -1.5e3."""
        written = (self.decimal, self.thousands, self.unit, self.scaled, self.clock)
        return written == (".", "", "", False, False)

    @property
    def lacks_thousandths(self) -> bool:
        """Whether three decimals of a later file may be thousands, for training rows have none."""
        return self.whole or not (self.thousandths or self.clock)

    def shown(self) -> str:
        """The notation in words, for a line to the user; "" where it is plain."""
        parts = []
        if self.clock:
            form = "minutes:seconds" if self.minutes else "hours:minutes"
            parts.append(f"{form}, in seconds")
        if self.decimal == ",":
            parts.append("decimal commas")
        if self.thousands:
            names = {",": "commas", ".": "points", " ": "blanks", "'": "apostrophes"}
            parts.append(f"thousands set apart by {names[self.thousands]}")
        if self.unit:
            parts.append(f"{self.unit!r} dropped")
        if self.scaled:
            parts.append("k, M and B as factors")
        if self.negative:
            parts.append("12- or (12) below 0")
        return ", ".join(parts)

    def to_json(self) -> dict[str, object]:
        """The notation as JSON has it."""
        return asdict(self)


class Parsed(NamedTuple):
    """The numbers that texts write [k], 0 where they write none; which do [k]; what to say.

    `remarks` are texts that are numbers with a doubt, such as "<0.5" or "007", and why.
    """

    numbers: np.ndarray
    valid: np.ndarray
    remarks: dict[int, str]


def other_mark(mark: Mark) -> Mark:
    """The comma for the point, and the point for the comma."""
    return "," if mark == "." else "."


def parse(texts: Sequence[str], notation: Notation) -> Parsed:
    """The numbers that texts write in a notation."""
    valid = np.zeros(len(texts), bool)
    remarks: dict[int, str] = {}
    values: list[float | int] = [0] * len(texts)
    odd = frozenset(notation.odd)
    whole = True
    has_seconds = notation.clock and not notation.minutes and any(n_parts(t) == 3 for t in texts)
    for i, text in enumerate(texts):
        text = text.strip()
        found = None if text in odd else _as_program(text, notation, has_seconds)
        if found is None:
            continue
        written, remark = found
        valid[i] = True
        if remark:
            remarks[i] = remark
        if INTEGER.fullmatch(written):
            values[i] = int(written)
            if CODE.fullmatch(written):
                remarks.setdefault(i, f"begins with zeros, and is read as {values[i]}")
        else:
            values[i] = float(written)
            whole = False
    numbers = narrowed(np.array(values, np.int64)) if whole else np.array(values, np.float64)
    return Parsed(numbers, valid, remarks)


def _as_program(text: str, notation: Notation, has_seconds: bool) -> tuple[str, str] | None:
    """A text as programs write its number, and a remark on it, or ""; None where it is no number.

    `has_seconds`: whether some clock of the column has them.
    """
    if not has_digit(text):
        return ("0", "is read as 0") if ZERO_AMOUNT.fullmatch(text) else None
    text = ascii_digits(text)
    if notation.decimal == "." and PLAIN.fullmatch(text):
        if notation.clock:
            return text, "is read as seconds"
        lacks_unit = notation.unit and notation.unit != "+"
        return text, f"lacks {notation.unit!r}, and is read as {text}" if lacks_unit else ""
    if not notation.clock:
        return _plain_text(text, notation)
    seconds = seconds_of(text, minutes=notation.minutes)
    if seconds is None:
        return None
    lacks_seconds = has_seconds and n_parts(text) == 2
    remark = "is read as hours:minutes, though others have seconds" if lacks_seconds else ""
    return repr(seconds), remark


def _plain_text(text: str, notation: Notation) -> tuple[str, str] | None:
    """A number as programs write it, and a remark on it; None where it is not of the notation."""
    match = CELL.fullmatch(text)
    if match is None or bool(match["open"]) != bool(match["close"]):
        return None
    body = _body(match["body"], notation)
    if body is None:
        return None
    signs = [sign for sign in (match["sign"], match["inner"], match["trail"]) if sign]
    if len(signs) + bool(match["open"]) > 1:
        return None
    suffix = (match["suffix"] or "").strip()
    units = [unit for unit in (prefix_of(match), suffix) if unit]
    factor = 1.0
    if notation.scaled and suffix in SCALES:
        factor = SCALES[suffix]
        units.remove(suffix)
    if any(as_one_unit(unit) != as_one_unit(notation.unit) for unit in units):
        return None
    negative = bool(match["open"]) or (bool(signs) and signs[0] != "+")
    written = f"{'-' if negative else ''}{body}{match['exp'] or ''}"
    if factor != 1:
        written = repr(float(written) * factor)
    is_new = not notation.thousands and other_mark(notation.decimal) in match["body"]
    is_new |= is_of_accounts(match) and not notation.negative
    remark = f"is read as {written}" if match["limit"] or is_new else ""
    if notation.unit and not units and not remark:
        remark = f"lacks {notation.unit!r}, and is read as {written}"
    return written, remark


def is_of_accounts(match: re.Match[str]) -> bool:
    """Whether a number has its minus behind, or stands in parentheses in place of one."""
    return bool(match["trail"] or match["open"])


def prefix_of(match: re.Match[str]) -> str:
    """The currency in front of a number, or of the parentheses around it; "" without one."""
    return match["prefix"] or match["outer"] or ""


def _body(body: str, notation: Notation) -> str | None:
    """Digits with a decimal point; None where marks stand elsewhere than the notation has them."""
    whole, mark, rest = body.partition(notation.decimal)
    if rest and not rest.isdigit():
        return None
    if whole and not whole.isdigit():
        thousands = notation.thousands or other_mark(notation.decimal)
        groups = THOUSANDS[thousands].split(whole)
        if not are_groups(groups):
            return None
        whole = "".join(groups)
    if not whole and not rest:
        return None
    return f"{whole or '0'}.{rest}" if mark and rest else whole


def are_groups(groups: list[str]) -> bool:
    """Whether digits stand in threes, or as in India in twos before the last three."""
    first, *others = groups
    if not (first.isdigit() and len(first) <= 3 and others):
        return False
    if len(others[-1]) != 3 or not all(group.isdigit() for group in others):
        return False
    sizes = {len(group) for group in others[:-1]}
    return sizes <= {3} or (sizes <= {2} and len(first) <= 2)
