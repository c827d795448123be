"""A series' past as inputs of a graph, and its forecasts as outputs.

n rows (a series each), l lookback, h horizon, c columns.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from nets.base import Array, Arrays
from train.data.series.encoder import SeriesEncoder
from train.evaluation.spread import MEDIAN, PLAIN_PARTS
from train.portable.answers import Outputs, beside_all
from train.portable.columns import CODES, DOUBLE, SINGLE, TEXT, encoded, looked_up, waves
from train.portable.program import run, trace
from train.portable.shapes import ROWS
from train.portable.values import Builder, Value

TIME = "time"
PAST = ".past"  # behind the name of a column: its values at the last steps
AHEAD = ".ahead"  # and at those to come


def series_inputs(
    build: Builder, encoder: SeriesEncoder, rows: object, reads_groups: bool = False
) -> dict[str, Value]:
    """{"past": [n, l, c], "future": [n, h, k]} as the network takes them, float32.

    The graph takes doubles NAME.past [n, l] of each column, nan where missing; of columns known
    ahead also NAME.ahead [n, h]; and where there is a calendar "time.past" and "time.ahead",
    microseconds since 1970. A net that `reads_groups` takes the name of each row's group as text,
    by the name of its column.
    """
    spans = [(PAST, encoder.lookback, range(len(encoder.columns)))]
    if encoder.n_ahead:
        n = len(encoder.columns)
        spans.append((AHEAD, encoder.horizon, range(n - encoder.n_known, n)))
    found = {}
    for ending, steps, places in spans:
        parts = _columns(build, encoder, ending, steps, places, rows)
        if encoder.cycles:
            time = build.graph.take_input(f"{TIME}{ending}", DOUBLE, (ROWS, steps))
            parts += waves(build, time, encoder.cycles)
        axis = build.graph.integers([2])
        columns = [build.graph.add("Unsqueeze", part, axis) for part in parts]
        joined = build.graph.add("Concat", *columns, axis=2)
        name = "past" if ending == PAST else "future"
        found[name] = Value((rows, steps, len(columns)), SINGLE, joined)
    if reads_groups and encoder.group is not None:
        raw = build.graph.take_input(encoder.group, TEXT, (ROWS,))
        number = {name: place for place, name in enumerate(encoder.groups)}
        found["series"] = Value((rows,), CODES, looked_up(build, raw, number, -1))
    return found


def _columns(
    build: Builder, encoder: SeriesEncoder, ending: str, steps: int, places: range, rows: object
) -> list[str]:
    """These columns without gaps [n, steps], the marks of some behind each part."""
    parts: dict[int, list[str]] = {}
    marks: dict[int, list[str]] = {}
    n = len(encoder.columns)
    for place in places:
        column = encoder.columns[place]
        part = int(place >= encoder.n_targets) + int(place >= n - encoder.n_known)
        raw = build.graph.take_input(f"{column.name}{ending}", DOUBLE, (ROWS, steps))
        value = Value((rows, steps), SINGLE, encoded(build, raw, [column.shift], [column.unit]))
        median = (column.median - column.shift) / column.unit

        def fill(inputs: Arrays, median: float = median) -> dict[str, Array]:
            return {"filled": _filled(inputs["x"], median)}

        program, _ = trace(fill, {"x": value.description})
        parts.setdefault(part, []).append(build.tensor(run(build, program, [value])[0]))
        if column.name in encoder.marked:
            mark = build.graph.add("IsNaN", build.tensor(value))
            marks.setdefault(part, []).append(build.cast(mark, SINGLE))
    ordered = []
    for part in sorted(parts):
        ordered += [*parts[part], *marks.get(part, [])]
    return ordered


def _filled(x_nt: Array, start: float) -> Array:
    """Gaps filled by the step before, or by `start` where there is none."""

    def step(before_n: Array, now_n: Array) -> tuple[Array, Array]:
        filled_n = jnp.where(jnp.isnan(now_n), before_n, now_n)
        return filled_n, filled_n

    start_n = jnp.full(x_nt.shape[:1], start, x_nt.dtype)
    return lax.scan(step, start_n, x_nt.T)[1].T


def series_outputs(
    build: Builder, encoder: SeriesEncoder, answers: dict[str, Value], levels: tuple[float, ...]
) -> Outputs:
    """{column of forecasts: doubles [n, h]}, and how sure they are, as `spread_columns` has it."""
    several = encoder.n_targets > 1
    found: Outputs = {}
    more: Outputs = {}
    for i, (column, name) in enumerate(
        zip(encoder.targets, encoder.answer_names.targets, strict=True)
    ):
        unit, shift = column.unit, column.shift
        found[name] = _steps(build, encoder, answers["value"], i, unit, shift), DOUBLE
        prefix = f"{column.name}_" if several else ""
        quantiles = answers.get("value.quantiles")
        for q, level in enumerate(levels):
            if quantiles is not None and level != MEDIAN:
                index = build.scalar(q, np.dtype(np.int64))
                tensor = build.graph.add("Gather", build.tensor(quantiles), index, axis=2)
                part = Value(quantiles.shape[:2], quantiles.dtype, tensor)
                raw = _steps(build, encoder, part, i, unit, shift)
                more[f"{prefix}quantile_{level:g}"] = raw, DOUBLE
        deviation = answers.get("value.deviation")
        if deviation is not None:
            raw = _steps(build, encoder, deviation, i, unit, 0.0)
            more[f"{prefix}deviation"] = raw, DOUBLE
        for what in PLAIN_PARTS:
            if (plain := answers.get(f"value.{what}")) is not None:
                more[f"{prefix}{what}"] = _steps(build, encoder, plain, i, 1.0, 0.0), DOUBLE
    return beside_all(found, more)


def _steps(
    build: Builder, encoder: SeriesEncoder, answer: Value, target: int, unit: float, shift: float
) -> str:
    """The numbers of one target in raw units [n, h], of answers [n, h o]."""
    graph = build.graph
    shape = [-1, encoder.horizon, encoder.n_targets]
    wide = build.cast(graph.add("Reshape", build.tensor(answer), graph.integers(shape)), DOUBLE)
    own = graph.add("Gather", wide, build.scalar(target, np.dtype(np.int64)), axis=2)
    scaled = graph.add("Mul", own, build.scalar(unit, DOUBLE))
    return graph.add("Add", scaled, build.scalar(shift, DOUBLE)) if shift else scaled
