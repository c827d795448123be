"""What texts write: numbers and times. k texts."""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Sequence

import numpy as np

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
# Marks of numbers that other scripts and wide fonts have, and those of ASCII.
MARKS = str.maketrans("\u066b\u066c\u066a\uff0e\uff0c\uff0d\ufe63\uff0b\uff05\uff04", ".,%.,--+%$")
INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


def parse_numbers(values: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The numbers that texts write [k], 0 where they do not, and which texts write one [k]."""
    stripped = [value.strip() for value in values]
    valid = np.array([NUMBER.fullmatch(value) is not None for value in stripped], bool)
    selected = [value if ok else "0" for value, ok in zip(stripped, valid, strict=True)]
    if all(map(INTEGER.fullmatch, selected)):
        return narrowed(np.array(list(map(int, selected)), np.int64)), valid
    return np.array(list(map(float, selected))), valid


def narrowed(integers: np.ndarray) -> np.ndarray:
    """Integers as float64 where none is rounded by it, or where differences could overflow."""
    peak = max(int(integers.max()), -int(integers.min())) if len(integers) else 0
    return integers if 2**53 < peak < 2**62 else integers.astype(np.float64)


def parse_times(values: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Microseconds since 1970 UTC that texts write [k], and which texts write a time [k]."""
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    parsed = np.zeros(len(values))
    valid = np.zeros(len(values), bool)
    for i, value in enumerate(values):
        try:
            time = datetime.datetime.fromisoformat(value.strip())
        except ValueError:
            continue
        since = (time if time.tzinfo else time.replace(tzinfo=datetime.UTC)) - epoch
        parsed[i] = since // datetime.timedelta(microseconds=1)
        valid[i] = True
    return parsed, valid


def ascii_digits(text: str) -> str:
    """A text with the digits of ASCII for those of other scripts, and their marks of numbers."""
    if text.isascii():
        return text
    text = INVISIBLE.sub("", text).translate(MARKS).strip()
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def look_of(text: str) -> str:
    """A text as it is seen: accents of one form, line ends alike, nothing that cannot be seen."""
    if text.isascii():
        return text.replace("\r\n", "\n")
    return unicodedata.normalize("NFC", INVISIBLE.sub("", text.replace("\r\n", "\n"))).strip()


def visible_text(text: str) -> str:
    """A text in plain letters and digits, without what cannot be seen."""
    if text.isascii():
        return text
    return INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
