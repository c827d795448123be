"""Seasons such as 2012/13, which begin in one year and end in the next: no months."""

from __future__ import annotations

import re
from collections.abc import Sequence

SEASON = re.compile(r"[0-9]{2}(?P<year>[0-9]{2})[-/](?P<next>[0-9]{2})")


def are_seasons(texts: Sequence[str]) -> bool:
    """Whether all of two or more texts are seasons: of months each would be 13 after another."""
    return len(texts) > 1 and all(map(_is_season, texts))


def _is_season(text: str) -> bool:
    match = SEASON.fullmatch(text.strip())
    return match is not None and (int(match["year"]) + 1) % 100 == int(match["next"])
