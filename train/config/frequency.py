"""Names of the steps of a series, as pandas has them, taken apart."""

from __future__ import annotations

import re
from typing import NamedTuple

from train.errors import UserError

ROWS = "rows"  # each row is a step, whatever its stamp says
IRREGULAR = "irregular"  # the same, and the time since the row before is an input
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# Today's names of those that older versions of pandas have.
LEGACY_UNITS = {
    **{"H": "h", "T": "min", "S": "s", "L": "ms", "U": "us", "M": "ME", "BM": "BME", "SM": "SME"},
    **{"Q": "QE", "BQ": "BQE", "A": "YE", "Y": "YE", "BA": "BYE", "BY": "BYE", "AS": "YS"},
    "BAS": "BYS",
}
UNITS = (
    *("us", "ms", "s", "min", "h", "D", "B", "W", "SMS", "SME", "MS", "ME", "BMS", "BME"),
    *("QS", "QE", "BQS", "BQE", "YS", "YE", "BYS", "BYE"),
)
NAME_PATTERN = re.compile(r"([1-9][0-9]{0,8})?([A-Za-z]+)(?:-([A-Z]{3}|[0-9]{1,2}))?")
EXAMPLES = "h, D, B, W, MS, ME, BMS, BME, SMS, QS, YS, with a number in front such as 15min"


class Frequency(NamedTuple):
    """`times` a pandas `unit`, with its `anchor`; or all steps on the `weekdays` that are 1."""

    times: int
    unit: str
    anchor: str = ""
    weekdays: str = ""


def parse_frequency(text: str) -> Frequency | None:
    """A step by its name; None where rows are counted. Raises UserError."""
    if text in (ROWS, IRREGULAR):
        return None
    words = text.split()
    if words and all(word in WEEKDAYS for word in words):
        days = "".join("1" if name in words else "0" for name in WEEKDAYS)
        return Frequency(1, "weekdays", weekdays=days)
    match = NAME_PATTERN.fullmatch(text)
    unit = match and LEGACY_UNITS.get(match[2], match[2])
    if match is None or unit not in UNITS:
        raise UserError(
            f"config.data.frequency: {text!r} is no name of a step; pandas' names are meant "
            f"({EXAMPLES}), days such as 'Mon Wed Fri', {ROWS}, or {IRREGULAR}"
        )
    return Frequency(int(match[1] or 1), unit, match[3] or "")
