"""What texts write: digits and letters in the forms that are read."""

from __future__ import annotations

import re
import unicodedata

import numpy as np

INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
# Marks of numbers that other scripts and wide fonts have, and those of ASCII.
MARKS = str.maketrans(
    "\u066b\u066c\u066a\uff0e\uff0c\uff0d\ufe63\u2010\u2011\u2012\uff0b\uff05\uff04",
    ".,%.,-----+%$",
)
# Dashes, blanks, slashes and colons that stand in times where ASCII has one of each.
MARKS_OF_TIMES = str.maketrans(
    "\u2212\u2013\u2014\u00a0\u202f\u2009\u3000\uff0f\uff1a", "---    /:"
)
DIGIT = re.compile(r"\d")


def narrowed(integers: np.ndarray) -> np.ndarray:
    """Integers as float64 where none is rounded by it, or where differences could overflow."""
    peak = max(int(integers.max()), -int(integers.min())) if len(integers) else 0
    return integers if 2**53 < peak < 2**62 else integers.astype(np.float64)


def has_digit(text: str) -> bool:
    """Whether a text has a digit of any script, as all numbers and times have."""
    return DIGIT.search(text) is not None


def ascii_digits(text: str) -> str:
    """A text with the digits of ASCII for those of other scripts, and their marks of numbers."""
    if text.isascii():
        return text
    text = INVISIBLE.sub("", text).translate(MARKS).strip()
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def in_ascii(text: str) -> str:
    """A time with the digits, dashes and blanks of ASCII for those of others."""
    return text if text.isascii() else ascii_digits(text).translate(MARKS_OF_TIMES)


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
