"""Units of numbers by one name: singular and plural, and other names of currencies."""

from __future__ import annotations

import re
from functools import lru_cache

OTHER_NAMES = {
    **{"EUR": "€", "euro": "€", "GBP": "£", "INR": "₹", "Rs": "₹", "Rs.": "₹"},
    **{"USD": "$", "US$": "$", "dollar": "$", "percent": "%", "pct": "%"},
    **{"KG": "kg", "Kg": "kg", "KM": "km", "Km": "km", "CM": "cm", "Cm": "cm"},
    **{"st": "th", "nd": "th", "rd": "th"},  # 1st, 2nd
    **{"feet": "foot", "jahre": "jahr", "tage": "tag", "stunden": "stunde"},
}
# Two letters and an s at the least: "ms" and "gs" are no plurals.
PLURAL = re.compile(r"([^\W\d_]{2,}?)(?:(?<=ch|sh|ss)es|(?<=x)es|s)")
FOLDED = 4  # letters from which on capitals mean nothing; MW is not mW


@lru_cache(maxsize=4096)
def as_one_unit(unit: str) -> str:
    """The unit by one of its names, such as € of EUR, and day of Days."""
    unit = OTHER_NAMES.get(unit, unit)
    if len(unit) >= FOLDED and unit.isalpha():
        unit = unit.casefold()
    if (plural := PLURAL.fullmatch(unit)) is not None:
        unit = plural[1]
    return OTHER_NAMES.get(unit, unit)
