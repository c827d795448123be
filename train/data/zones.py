"""The zones behind a time of day: an offset as +01:00, or a name as CET or Europe/Paris."""

from __future__ import annotations

import datetime
import re
import zoneinfo
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from train.data.parsing import in_ascii

# Hours ahead of UTC. Those of America are RFC 2822's; what means several zones, as IST or BST do
# (India, Ireland, Israel; Britain, Bangladesh), is not among them.
AHEAD = {
    **{"UT": 0, "WET": 0, "WEST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2, "EET": 2},
    **{"EEST": 3, "MSK": 3, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6},
    **{"PST": -8, "PDT": -7, "HKT": 8, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12},
    **{"NZDT": 13},
}
ENDING = re.compile(r"(?P<rest>.*:.*?) ?(?P<name>[A-Z]{2,4}|\[?[A-Z]\w+/[\w/+-]+\]?)", re.ASCII)

# Behind a time of day alone: in 05-01-2024 no offset follows. A year may stand behind that one.
OFFSET = re.compile(
    r"(?::[0-9]{2}(?:[.,][0-9]+)?|T[0-9]{2}|T[0-9]{4}|T[0-9]{6}|[AaPp]\.?[Mm]\.?) ?"
    r"(?P<offset>Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)(?: [0-9]{4})?$"
)
# GMT+2 of Google's forms, UTC+05:30, (UTC-05:00), and GMT+0200 (CEST) of browsers.
FROM_UTC = re.compile(
    r" ?(?P<open>\()?(?:UTC|GMT)(?P<sign>[+-])(?P<h>[0-9]{1,2})(?::?(?P<m>[0-9]{2}))?"
    r"(?(open)\)|(?: \([^()]+\))?)$"
)


class Zones(NamedTuple):
    """What stands behind times: their offsets as +01:00, names with a slash, and times without."""

    offsets: frozenset[str]
    names: frozenset[str]
    bare: frozenset[str]

    @property
    def only(self) -> str | None:
        """The one zone of all times that have one, "UTC" of several; None where none has."""
        if not self.offsets and not self.names:
            return None
        if len(self.offsets) + len(self.names) > 1:
            return "UTC"
        zone = next(iter(self.offsets | self.names))
        return "UTC" if zone == "+00:00" else zone


class Zoned(NamedTuple):
    """A text without the name behind it, the name, and the zone that it is of."""

    rest: str
    name: str
    zone: datetime.tzinfo


def with_plain_offset(text: str) -> str:
    """The time in digits, dashes and blanks of ASCII, with +02:00 behind it for GMT+2."""
    text = in_ascii(text)
    if "UTC" not in text and "GMT" not in text:
        return text
    return FROM_UTC.sub(lambda match: f"{match['sign']}{match['h']:0>2}:{match['m'] or '00'}", text)


def with_offset_of(other: str, text: str) -> str:
    """A time with the offset behind another one, where it has none itself."""
    match = OFFSET.search(other)
    return text if match is None or OFFSET.search(text) else text + match["offset"]


def without_zone(text: str) -> Zoned | None:
    """A time and the zone that stands behind it by name; None without a known one."""
    match = ENDING.fullmatch(text)
    if match is None:
        return None
    name = match["name"].strip("[]")
    zone = zone_named(name)
    return None if zone is None else Zoned(match["rest"].strip(), name, zone)


@lru_cache(maxsize=256)
def zone_named(name: str) -> datetime.tzinfo | None:
    """The zone of a name, as CET or Europe/Paris; None of no such one."""
    if name in AHEAD:
        return datetime.timezone(datetime.timedelta(hours=AHEAD[name]))
    if "/" not in name:
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_names(texts: Iterable[str]) -> set[str]:
    """The names of zones that times end in."""
    found = set()
    for text in texts:
        zoned = without_zone(text.strip())
        if zoned is not None:
            found.add(zoned.name)
    return found


def find_zones(texts: Iterable[str]) -> Zones:
    """The zones of times, and the texts that have none."""
    offsets = set()
    names = set()
    bare = set()
    for text in texts:
        written = with_plain_offset(text.strip())
        match = OFFSET.search(written)
        if match is not None:
            offsets.add(_canonical(match["offset"]))
        elif (zoned := without_zone(written)) is None:
            bare.add(text)
        elif zoned.name in AHEAD:
            offsets.add(f"{AHEAD[zoned.name]:+03d}:00")
        else:
            names.add(zoned.name)
    return Zones(frozenset(offsets), frozenset(names), frozenset(bare))


def _canonical(offset: str) -> str:
    """An offset as +01:00."""
    if offset[0] not in "+-" or not offset.strip("+-:0"):
        return "+00:00"
    return f"{offset[:3]}:{offset[3:].strip(':') or '00'}"


def zones_note(texts: Iterable[str]) -> str:
    """What letters behind times are read as: "'CET' is +01:00"; "" without any."""
    shown = []
    for name in sorted(zone_names(texts)):
        if name in AHEAD:
            shown.append(f"{name!r} is {AHEAD[name]:+03d}:00")
    return ", ".join(shown)
