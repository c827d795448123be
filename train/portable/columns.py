"""Raw columns of a table as inputs of a graph, encoded there as `TableEncoder.encode` does it.

A number is a double, a time a double too (microseconds since 1970, UTC), a category text; where
there is no value it is nan, or "".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from train.data.calendar import DAY
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.data.truth_names import SIDES, truth_places
from train.errors import UserError
from train.portable.graph import ML_DOMAIN
from train.portable.shapes import ROWS
from train.portable.values import Builder, Value

DOUBLE = np.dtype(np.float64)
SINGLE = np.dtype(np.float32)
CODES = np.dtype(np.int32)
TEXT = np.dtype(object)


def table_inputs(build: Builder, encoder: TableEncoder, rows: object) -> dict[str, Value]:
    """{"numbers": float32 [n, f], "codes": int32 [n, c]} of raw columns that the graph takes."""
    parts: dict[str, list[str]] = {"numbers": [], "codes": []}
    for column in encoder.columns:
        dtype = TEXT if column.kind == "category" else DOUBLE
        raw = build.graph.take_input(column.name, dtype, (ROWS,))
        match column.kind:
            case "category":
                parts["codes"].append(_code(build, raw, column))
            case "number":
                parts["numbers"].append(encoded(build, raw, [column.shift], [column.unit]))
            case "time":
                parts["numbers"] += _time_parts(build, raw, column)
    found = {}
    for name, dtype in (("numbers", SINGLE), ("codes", CODES)):
        columns = [_as_column(build, part) for part in parts[name]]
        if columns:
            joined = build.graph.add("Concat", *columns, axis=1)
            found[name] = Value((rows, len(columns)), dtype, joined)
    return found


def encoded(build: Builder, raw: str, shifts: list[float], units: list[float]) -> str:
    """(raw - shift) / unit in double precision, then float32, as on the host."""
    shift, unit = (_line(build, numbers) for numbers in (shifts, units))
    moved = build.graph.add("Sub", raw, shift)
    return build.cast(build.graph.add("Div", moved, unit), SINGLE)


def _line(build: Builder, numbers: list[float]) -> str:
    """Numbers as a constant; one alone has no axis."""
    return build.graph.constant(np.array(numbers if len(numbers) > 1 else numbers[0], DOUBLE))


def _as_column(build: Builder, name: str) -> str:
    return build.graph.add("Unsqueeze", name, build.graph.integers([1]))


def _code(build: Builder, raw: str, column: Column) -> str:
    """1 + the place in the vocabulary, 0 where missing or unseen."""
    code = {}
    for place, name in enumerate(column.vocabulary):
        code.setdefault(name.strip(), place + 1)
    are_truths = column.type == "boolean" or truth_places(code)
    for value, names in zip(("true", "false"), SIDES, strict=True):
        alike = [place for name, place in code.items() if name.lower() in names]
        if len(alike) != 1:
            continue
        code.setdefault(value, alike[0])
        for name in names if are_truths else ():
            for spelled in (name, name.capitalize(), name.upper()):
                code.setdefault(spelled, alike[0])
    return looked_up(build, raw, code, 0)


def looked_up(build: Builder, raw: str, code: dict[str, int], default: int) -> str:
    """The number of each text, int32."""
    found = build.graph.add(
        "LabelEncoder",
        raw,
        domain=ML_DOMAIN,
        keys_strings=list(code),
        values_int64s=list(code.values()),
        default_int64=default,
    )
    return build.cast(found, CODES)


def _time_parts(build: Builder, raw: str, column: Column) -> list[str]:
    """The `parts` of a time: days, and its places in the year, the week and maybe the day."""
    days = encoded(build, raw, [column.shift * DAY], [column.unit * DAY])
    return [days, *waves(build, raw, column.cycles)]


def waves(build: Builder, time: str, cycles: Sequence[str]) -> list[str]:
    """Sine and cosine of the places of times in each of these cycles, in turn, float32.

    Cycles are "month" (of the year), "weekday" and "hour" (the time of day).
    """
    graph = build.graph

    def number(value: float) -> str:
        return build.scalar(value, DOUBLE)

    days = graph.add("Floor", graph.add("Div", time, number(DAY)))
    found = []
    for cycle in cycles:
        match cycle:
            case "month":
                share = graph.add("Div", _month(build, days), number(12))
            case "weekday":
                # 1970-01-01 was a Thursday; Monday is 0.
                weekday = _modulo(build, graph.add("Add", days, number(3)), 7)
                share = graph.add("Div", weekday, number(7))
            case "hour":
                passed = graph.add("Sub", time, graph.add("Mul", days, number(DAY)))
                share = graph.add("Div", passed, number(DAY))
            case _:
                raise UserError(f"export: the calendar's {cycle} has no place in a graph")
        angle = graph.add("Mul", share, number(2 * math.pi))
        for phase in (0, math.pi / 2):  # a cosine is a sine a quarter ahead
            moved = graph.add("Add", angle, number(phase)) if phase else angle
            found.append(build.cast(graph.add("Sin", moved), SINGLE))
    return found


def _modulo(build: Builder, name: str, divisor: int) -> str:
    """The rest of a division, from 0 on."""
    number = build.scalar(divisor, DOUBLE)
    times = build.graph.add("Floor", build.graph.add("Div", name, number))
    return build.graph.add("Sub", name, build.graph.add("Mul", times, number))


def _month(build: Builder, days: str) -> str:
    """Months since January, of days since 1970 in the Gregorian calendar.

    By years that begin in March: Neri & Schneider 2023 describe the arithmetic.
    """
    graph = build.graph

    def number(value: float) -> str:
        return build.scalar(value, DOUBLE)

    def floored(name: str, divisor: int) -> str:
        return graph.add("Floor", graph.add("Div", name, number(divisor)))

    since_march = graph.add("Add", days, number(719_468))  # of the year 0
    day = _modulo(build, since_march, 146_097)  # of its 400 years
    year = graph.add("Sub", day, floored(day, 1_460))
    year = graph.add("Add", year, floored(day, 36_524))
    year = floored(graph.add("Sub", year, floored(day, 146_096)), 365)
    begun = graph.add("Mul", year, number(365))
    begun = graph.add("Add", begun, floored(year, 4))
    begun = graph.add("Sub", begun, floored(year, 100))
    of_year = graph.add("Sub", day, begun)
    fifths = graph.add("Add", graph.add("Mul", of_year, number(5)), number(2))
    return _modulo(build, graph.add("Add", floored(fifths, 153), number(2)), 12)
