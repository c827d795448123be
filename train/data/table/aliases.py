"""Other writings of the categories of a column, which are read as these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from train.data.columns import RawColumn, Text
from train.data.notation import CODE, PLAIN, parse
from train.data.parsing import look_of
from train.data.table.column import Column
from train.data.truth_names import SIDES, truth_places


def aliases(raw: RawColumn, text: Text, column: Column) -> dict[str, int]:
    """The places in the vocabulary of texts of a column that are not written as there.

    They are true and false by other names, numbers of one value where the vocabulary has nothing
    else, and none a code with zeros in front, and what looks alike.
    """
    codes = column.codes
    if column.type == "boolean":
        return _truths(text.values, codes)
    if raw.family == "boolean":
        return _names_of_truths(codes)
    unknown = [value for value in text.values if value not in codes]
    found = {
        **_numbers_in_notation(text.values, column),
        **_other_truths(unknown, codes),
        **_plain_numbers(unknown, column.values),
    }
    for value in unknown:
        if value not in found and look_of(value) in column.looks:
            found[value] = column.looks[look_of(value)]
    return found


def _truths(values: Iterable[str], codes: Mapping[str, int]) -> dict[str, int]:
    """Texts that call true or false by any name, for a vocabulary of truths."""
    found = {}
    for value in values:
        for name, names in zip(("true", "false"), SIDES, strict=True):
            if value.lower() in names and name in codes:
                found[value] = codes[name]
    return found


def _names_of_truths(codes: Mapping[str, int]) -> dict[str, int]:
    """True and false, where one category alone is called so by another name."""
    found = {}
    for value, names in zip(("true", "false"), SIDES, strict=True):
        alike = [place for name, place in codes.items() if name.lower() in names]
        if value not in codes and len(alike) == 1:
            found[value] = alike[0]
    return found


def _other_truths(unknown: Iterable[str], codes: Mapping[str, int]) -> dict[str, int]:
    """Texts that call by another name what a vocabulary of yes and no holds."""
    places = truth_places(codes)
    return {value: places[value.lower()] for value in unknown if value.lower() in places}


def _plain_numbers(unknown: Iterable[str], places: Mapping[float, int]) -> dict[str, int]:
    """Numbers as programs write them, for a vocabulary of numbers: 7.0 for 7."""
    found = {}
    for value in unknown if places else ():
        if PLAIN.fullmatch(value) and not CODE.fullmatch(value):
            place = places.get(float(value))
            if place is not None:
                found[value] = place
    return found


def _numbers_in_notation(values: Sequence[str], column: Column) -> dict[str, int]:
    """Numbers in the notation of the training rows, for a vocabulary of numbers: 1,0 for 1."""
    if not column.values or column.notation is None:
        return {}
    found = {}
    parsed = parse(values, column.notation)
    for value, number, is_valid in zip(values, parsed.numbers, parsed.valid, strict=True):
        if is_valid and value not in column.codes and number in column.values:
            found[value] = column.values[number]
    return found
