"""What yes and no are called in files, and a column that calls them by several names. k texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from train.data.columns import Numbers, RawColumn, Text, read_text

# What true and false may be called, in small letters.
TRUE = ("true", "t", "yes", "y", "1", "on", "ja", "j", "oui", "si", "sí", "sim", "wahr", "vrai")
FALSE = ("false", "f", "no", "n", "0", "off", "nein", "non", "não", "falsch", "faux")
SIDES = (TRUE, FALSE)
NAMES = frozenset((*TRUE, *FALSE))
# Short names say yes and no beside each other, or beside a word that begins so.
OPPOSITES = {"t": "f", "y": "n", "j": "n", "1": "0", "on": "off"}
OPPOSITES |= {no: yes for yes, no in OPPOSITES.items() if yes != "j"}


def truths_as_numbers(raw: RawColumn) -> Numbers | None:
    """1 and 0 of a column of text that holds true and false, as of one of that type; else None."""
    text = read_text(raw)
    folded = [value.casefold() for value in text.values]
    if not {"true", "false"} & set(folded) or not set(folded) <= {"true", "false", "1", "0"}:
        return None
    raw.say("holds true and false, which are read as 1 and 0")
    numbers = np.array([*(float(value in ("true", "1")) for value in folded), 0.0])[text.codes]
    return Numbers(numbers, text.codes < 0)


def truth_places(code: Mapping[str, int]) -> dict[str, int]:
    """The places of true and false by all of their names; {} where a vocabulary has others."""
    places = {}
    for names in SIDES:
        alike = [place for name, place in code.items() if name.lower() in names]
        if len(alike) != 1:
            return {}
        places |= dict.fromkeys(names, alike[0])
    return places if len(code) == 2 else {}


def as_two(text: Text) -> Text:
    """The texts of a column of yes and no, each by its commonest name; other columns as they are.

    One whose names do not prove it stays as it is.
    """
    if len(text.values) < 3 or not _are_truths(text.values):
        return text
    counts = text.counts
    order = {}
    codes = np.full(len(text.values) + 1, -1)  # the last is that of -1, missing
    for names in SIDES:
        alike = [i for i, value in enumerate(text.values) if value.lower() in names]
        commonest = text.values[max(alike, key=lambda i: counts[i])]
        codes[alike] = order.setdefault(commonest, len(order))
    return Text(codes[text.codes], list(order))


def _are_truths(texts: Iterable[str]) -> bool:
    """Whether texts are all names of true and false, both of which are there."""
    folded = set()
    for text in texts:  # of which the first mostly tells
        if text.lower() not in NAMES:
            return False
        folded.add(text.lower())
    if not (folded & {*TRUE} and folded & {*FALSE}):
        return False
    if folded & {"on", "off"}:
        return folded == {"on", "off"}
    return all(_is_sure(name, folded) for name in folded)


def _is_sure(name: str, others: set[str]) -> bool:
    """Whether a name beside others says yes or no: F beside T or false does, beside N none."""
    if len(name) > 1:
        return True
    side = TRUE if name in TRUE else FALSE
    spelled = any(other[0] == name for other in others if len(other) > 1 and other in side)
    return spelled or OPPOSITES[name] in others or (name == "n" and "j" in others)


def two_note(texts: Iterable[str]) -> str:
    """A line on yes and no by several names that are read as two, or that may be meant so."""
    texts = tuple(texts)
    alike = [[text for text in texts if text.lower() in names] for names in SIDES]
    if len(texts) > 2 and _are_truths(texts):
        yes, no = map(_listed, alike)
        found = f"yes and no by several names: {yes} for one, {no} for the other"
        return f"{found}; config.data.categorical keeps them apart"
    for names, opposite in zip(alike, reversed(alike), strict=True):
        if not opposite and not any(len(name) > 2 for name in names):
            continue  # NO and N beside SE and DK are countries
        words = {name.lower() for name in names if len(name) > 2 or name.lower() == "no"}
        words -= {"off"}
        letters = {word[0] for word in words}
        same = [name for name in names if name.lower() in {*words, *letters}]
        if len({name.lower() for name in same}) > 1:
            return f"{_listed(same)} may be one, and are apart; write them alike"
    return ""


def _listed(names: Iterable[str]) -> str:
    first, *others = map(repr, names)
    if not others:
        return first
    return f"{', '.join([first, *others[:-1]])} and {others[-1]}"
