"""Times of day and durations as seconds, as programs and people write them."""

from __future__ import annotations

import re

CLOCK = re.compile(
    r"(?P<sign>-)?(?:(?P<days>[0-9]+) days?,? )?"
    r"(?P<h>[0-9]{1,3}):(?P<m>[0-5][0-9])(?::(?P<s>[0-5][0-9](?:\.[0-9]+)?))?"
    r" ?(?P<half>[aApP]\.?[mM]\.?)?"
)
# 1:23.456, as of laps: minutes, and seconds with a fraction
MINUTES = re.compile(r"(?P<sign>-)?(?P<m>[0-9]{1,3}):(?P<s>[0-5][0-9][.,][0-9]+)")
HALF_DAY = re.compile(r"(?P<h>[0-9]{1,2}) ?(?P<half>[aApP]\.?[mM]\.?)")  # 9 am
# 9h05, 21:35 Uhr, 21.35 Uhr
NAMED_CLOCK = re.compile(
    r"(?P<h>[0-9]{1,2}) ?h ?(?P<m>[0-5][0-9])|(?P<h2>[0-9]{1,2})[:.](?P<m2>[0-5][0-9]) ?Uhr"
)
# 2 days 3 hours, 1h 30m, 8 min 31 s
WORDED = re.compile(
    r"(?:(?P<d>[0-9]+) ?(?:d|days?)(?![a-z]),? ?)?"
    r"(?:(?P<h>[0-9]+) ?(?:h|hrs?|hours?)(?![a-z])\.?,? ?)?"
    r"(?:(?P<m>[0-9]+) ?(?:m|mins?|minutes?)(?![a-z])\.?,? ?)?"
    r"(?:(?P<s>[0-9]+(?:\.[0-9]+)?) ?(?:s|secs?|seconds?)\.?)?"
)
ISO_DURATION = re.compile(
    r"P(?:(?P<d>[0-9]+)D)?"
    r"(?:T(?:(?P<h>[0-9]+)H)?(?:(?P<m>[0-9]+)M)?(?:(?P<s>[0-9]+(?:\.[0-9]+)?)S)?)?"
)
LENGTHS = {"d": 86_400, "h": 3600, "m": 60}


def is_clock(text: str) -> bool:
    """Whether a text is a time of day, or a duration of two parts or more."""
    if CLOCK.fullmatch(text) or MINUTES.fullmatch(text):
        return True
    if NAMED_CLOCK.fullmatch(text) or HALF_DAY.fullmatch(text):
        return True
    if text.startswith("P"):
        return seconds_of(text) is not None
    return len(_parts(WORDED.fullmatch(text))) > 1


def length_of(text: str) -> str:
    """The one unit of a duration such as 8 min: "d", "h", "m" or "s"; "" of other texts."""
    parts = list(_parts(WORDED.fullmatch(text)))
    return parts[0] if len(parts) == 1 else ""


def n_parts(text: str) -> int:
    """How many parts a time of day has, or a duration such as 1:02:03; 0 of other texts."""
    match = CLOCK.fullmatch(text)
    if match is None or match["half"] or match["days"]:
        return 0
    return 2 if match["s"] is None else 3


def seconds_of(text: str, *, minutes: bool = False) -> float | int | None:
    """Seconds of hours:minutes[:seconds], with am or pm or days, of 1h 30m; None else.

    Two parts are `minutes` and seconds where that is so; those with a fraction always are.
    """
    match = MINUTES.fullmatch(text)
    if match is not None:
        total = int(match["m"]) * 60 + float(match["s"].replace(",", "."))
        return -total if match["sign"] else total
    match = CLOCK.fullmatch(text)
    if match is None:
        return _named_seconds(text)
    hours = int(match["h"])
    if minutes and n_parts(text) == 2:
        total = hours * 60 + int(match["m"])
        return -total if match["sign"] else total
    if match["half"]:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if match["half"][0] in "pP" else 0)
    seconds = _number(match["s"] or "0")
    total = int(match["days"] or 0) * 86_400 + hours * 3600 + int(match["m"]) * 60 + seconds
    return -total if match["sign"] else total


def _named_seconds(text: str) -> float | int | None:
    """Seconds of a text whose parts bear their units; None of another one."""
    half_day = HALF_DAY.fullmatch(text)
    if half_day is not None:
        return seconds_of(f"{half_day['h']}:00 {half_day['half']}")
    match = NAMED_CLOCK.fullmatch(text)
    if match is not None:
        return int(match["h"] or match["h2"]) * 3600 + int(match["m"] or match["m2"]) * 60
    parts = _parts(WORDED.fullmatch(text)) or _parts(ISO_DURATION.fullmatch(text))
    if not parts:
        return None
    return sum(_number(count) * LENGTHS.get(unit, 1) for unit, count in parts.items())


def _parts(match: re.Match[str] | None) -> dict[str, str]:
    """The parts of a duration that are there, by their unit."""
    if match is None:
        return {}
    return {unit: count for unit, count in match.groupdict().items() if count}


def _number(text: str) -> float | int:
    return float(text) if "." in text else int(text)
