"""Fields of a schema that 0.1.0 did not know, which stay out of it where they say nothing."""

from __future__ import annotations

from collections.abc import Mapping

# What each says nothing by.
NEWER: Mapping[str, object] = {
    "marked": (),
    "groups": (),
    "fills": (),
    "form": "",
    "by_clock": False,
    "counts": "rows",
    "others": (),
    "naive": False,
    "weekdays": "",
    "slots": (),
    "of": "numbers",
    "source": "",
    "category": "",
    "static": False,
    "by_group": False,
    "log": "",
    "nonnegative": False,
    "count": False,
}


def without_newer(plain: object) -> dict[str, object]:
    """A record, as `dataclasses.asdict` leaves it, without newer fields at their default."""
    found = _without(plain)
    assert isinstance(found, dict)
    return found


def _without(plain: object) -> object:
    if isinstance(plain, dict):
        kept = {}
        for name, value in plain.items():
            if name not in NEWER or value != NEWER[name]:
                kept[name] = _without(value)
        return kept
    return [_without(value) for value in plain] if isinstance(plain, list | tuple) else plain
