"""Dates and times whose parts bear their names, as in China, Japan and Korea: 2024年1月5日 9時."""

from __future__ import annotations

import re

YEARS = "年년"
DATE = re.compile(
    r"(?P<y>[0-9]{4}) ?[年년] ?(?P<m>[0-9]{1,2}) ?[月월](?: ?(?P<d>[0-9]{1,2}) ?[日일号])?"
)
TIME = re.compile(
    r" ?(?P<h>[0-9]{1,2}) ?[時时시] ?(?P<mi>[0-9]{1,2}) ?[分분](?: ?(?P<s>[0-9]{1,2}) ?[秒초])?"
)


def in_figures(text: str) -> str:
    """The text with a date such as 2024年1月5日 as 2024-1-5, and 9時30分 as 9:30."""
    if text.isascii() or not any(year in text for year in YEARS):
        return text
    return TIME.sub(_time, DATE.sub(_date, text))


def _date(match: re.Match[str]) -> str:
    return "-".join(part for part in (match["y"], match["m"], match["d"]) if part)


def _time(match: re.Match[str]) -> str:
    return " " + ":".join(part.zfill(2) for part in (match["h"], match["mi"], match["s"]) if part)
