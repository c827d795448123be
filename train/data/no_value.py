"""What programs and people write where there is no value."""

from __future__ import annotations

import re

from train.data.notation import ZERO_AMOUNT

# What programs and people write for "no value" in a column that else holds numbers or times.
NO_VALUE = frozenset(
    (
        *("", ".", "..", "...", "-", "--", "---", "\u2013", "\u2014", "*", "?", "na", "n/a", "nan"),
        *("n.a.", "n.a", "n.d.", "nd", "n/d", "null", "nil", "none", "missing", "unknown", "unk"),
        *("not available", "not applicable", "not known", "not reported", "no data", "(blank)"),
        *("blank", "undefined", "tbd", "#n/a", "#div/0!", "#value!", "#ref!", "#name?", "#num!"),
        *("#null!", "#n/a n/a", "<na>", "nat", "(null)", "1.#ind", "-1.#ind", "1.#qnan"),
        *("\\n", "#nv", "#wert!", "#bezug!", "#n/d", "#valeur!", "n/r", "n.r.", "no value"),
        *("k.a.", "k. a.", "keine angabe", "unbekannt", "n.c.", "inconnu", "s/d", "sin datos"),
        *("/", "(na)"),
    )
)
# Eurostat's ":" with its flag, missing values of SAS and Stata, a column too narrow for Excel.
NO_VALUE_FORM = re.compile(r":(?: ?[a-z]{1,2})?|\.[a-z_]|#{2,}", re.IGNORECASE)
# The day that databases write for none, with or without a time.
NO_DAY = re.compile(
    r"(?:0000([-/.])00\1(?:00)|00([-/.])00\2(?:0000))(?:[ T]00:00(?::00(?:\.0+)?)?Z?)?"
)


def is_no_value(text: str) -> bool:
    """Whether a text stands for "no value" wherever numbers are expected."""
    text = text.strip()
    if text.casefold() in NO_VALUE or NO_VALUE_FORM.fullmatch(text) is not None:
        return True
    return text[:2] == "00" and NO_DAY.fullmatch(text) is not None


def is_none_of_any(text: str) -> bool:
    """Whether a text stands for "no value" where none but dates or categories are expected.

    A currency and a dash, 0 among amounts, do so there.
    """
    return is_no_value(text) or ZERO_AMOUNT.fullmatch(text.strip()) is not None
