"""Cells that list several answers, as forms write them: "a;b". k different texts."""

from __future__ import annotations

from collections.abc import Sequence

SEPARATORS = (";", "|", ",")
FEW = 3  # cells that list several
LONGEST = 40  # characters of an answer


def answers_note(texts: Sequence[str]) -> str:
    """A line on categories that are combinations of fewer answers than they are; else ""."""
    for separator in SEPARATORS:
        if sum(separator in text for text in texts) < FEW:
            continue
        cells = [tuple(part.strip() for part in text.split(separator)) for text in texts]
        several = [place for place, parts in enumerate(cells) if len(parts) > 1]
        answers = {part for parts in cells for part in parts}
        if len(answers) >= len(texts) or any(not a or len(a) > LONGEST for a in answers):
            continue
        if not _stand_anywhere(cells, len(answers)):
            continue
        if all(answer.replace(".", "").isdigit() for answer in answers):
            continue  # numbers in a form of their own
        shown = f"{texts[several[0]][:40]!r} lists several answers of {len(answers)}, and each "
        found = "combination is a category of its own"
        if same := _in_two_orders([cells[place] for place in several], separator):
            found += f", as are {same}"
        return f"{shown}{found}; a column of yes and no for each answer says more"
    return ""


def _stand_anywhere(cells: Sequence[tuple[str, ...]], n_answers: int) -> bool:
    """Whether most answers come first in some cells and later in others.

    Parts that do not are of different kinds, such as a city and its country.
    """
    first = {parts[0] for parts in cells}
    later = {part for parts in cells for part in parts[1:]}
    return 2 * len(first & later) >= n_answers - 1


def _in_two_orders(cells: Sequence[tuple[str, ...]], separator: str) -> str:
    """Two cells with the same answers in another order; "" if there are none."""
    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    for parts in cells:
        other = known.setdefault(tuple(sorted(parts)), parts)
        if other != parts:
            return " and ".join(repr(separator.join(each)[:40]) for each in (other, parts))
    return ""
