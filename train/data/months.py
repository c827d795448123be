"""Names of months and of weekdays in the languages that files are written in."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# English, German, French, Spanish, Italian, Portuguese, Dutch, Danish, Norwegian, Swedish; without
# accents. "mrz", "mrt" and "jui" are no beginnings of theirs.
NAMES: tuple[tuple[str, ...], ...] = (
    ("january", "januar", "janvier", "enero", "gennaio", "janeiro", "januari"),
    ("february", "februar", "fevrier", "febrero", "febbraio", "fevereiro", "februari"),
    ("march", "marz", "maerz", "mrz", "mars", "marzo", "marco", "maart", "mrt", "marts"),
    ("april", "avril", "abril", "aprile"),
    ("may", "mai", "mayo", "maggio", "maio", "mei", "maj"),
    ("june", "juni", "juin", "junio", "giugno", "junho"),
    ("july", "juli", "juillet", "julio", "luglio", "julho"),
    ("august", "aout", "agosto", "augustus", "augusti"),
    ("september", "septembre", "septiembre", "settembre", "setembro"),
    ("october", "oktober", "octobre", "octubre", "ottobre", "outubro"),
    ("november", "novembre", "noviembre", "novembro"),
    ("december", "dezember", "decembre", "diciembre", "dicembre", "dezembro", "desember"),
)
SHORTEST = 3
# Of a pattern: a weekday in front of a date, whole or short.
WEEKDAY = (
    r"(?:(?:(?:mon|tue|wed|thu|fri|sat|sun|die|mit|don|fre|sam|son|lun|mar|mer|mi[eé]|jeu|jue|ven"
    r"|vie|dim|dom|gio|s[aá]b|seg|ter|qua|qui|sex)[^\W\d_]*|mo|di|mi|do|fr|sa|so)[ ,.]+)?"
)


@lru_cache(maxsize=4096)
def month_of(word: str) -> int | None:
    """The month, from 1, that a name or at least three of its first letters are of; else None."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    if len(plain) < SHORTEST:
        return None
    found = set()
    for number, names in enumerate(NAMES, 1):
        if any(name.startswith(plain) for name in names):
            found.add(number)
    return found.pop() if len(found) == 1 else None
