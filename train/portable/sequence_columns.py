"""Sequences as inputs of a graph, and their answers as its outputs.

A graph takes sequences of up to so many `steps`, padded at their ends, with their lengths beside
them. What stands beyond an end changes nothing.
"""

from __future__ import annotations

import numpy as np

from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.numbers import all_shifts, all_units
from train.data.sequences.schema import NEXT
from train.data.sequences.text import MAX_CHARACTERS, PADDING, UNKNOWN
from train.portable.answers import Outputs, table_outputs
from train.portable.columns import CODES, DOUBLE, SINGLE, TEXT, encoded, looked_up
from train.portable.shapes import ROWS
from train.portable.values import Builder, Value

LENGTH = "length"
CHARACTERS = "characters"
WIDE = np.dtype(np.int64)


def sequence_inputs(
    build: Builder, encoder: SequenceEncoder, rows: object, steps: int
) -> dict[str, Value]:
    """{"length", and "numbers", "tokens", "characters" as far as there are any}, encoded.

    The graph takes "length" int64 [n]; of each column of numbers doubles [n, steps], or [n, steps,
    w] where a step has several, nan where missing; tokens as text [n, steps], folded; and
    "characters" int32 [n, steps, 20], the codes of each token's characters.
    """
    graph = build.graph
    length = build.cast(graph.take_input(LENGTH, WIDE, (ROWS,)), CODES)
    found = {LENGTH: Value((rows,), CODES, length)}
    parts = []
    for column in encoder.numbers:
        width = len(column.units)
        shape = (ROWS, steps) if column.flat else (ROWS, steps, width)
        raw = graph.take_input(column.name, DOUBLE, shape)
        if column.flat:
            raw = graph.add("Unsqueeze", raw, graph.integers([2]))
        parts.append(encoded(build, raw, list(column.shifts), list(column.units)))
    if parts:
        joined = parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=2)
        found["numbers"] = Value((rows, steps, encoder.n_numbers), SINGLE, joined)
    if encoder.token is not None:
        words = {word: place for place, word in enumerate(encoder.vocabulary.words, UNKNOWN + 1)}
        text = graph.take_input(encoder.token, TEXT, (ROWS, steps))
        code = looked_up(build, text, words, UNKNOWN)
        padding = build.scalar(PADDING, CODES)
        tokens = graph.add("Where", _is_step(build, length, steps), code, padding)
        found["tokens"] = Value((rows, steps), CODES, tokens)
        if encoder.vocabulary.n_characters:
            shape = (steps, MAX_CHARACTERS)
            letters = graph.take_input(CHARACTERS, CODES, (ROWS, *shape))
            found["characters"] = Value((rows, *shape), CODES, letters)
    return found


def _is_step(build: Builder, length: str, steps: int) -> str:
    """Which steps [n, steps] are before an end."""
    place = build.graph.constant(np.arange(steps, dtype=CODES)[None])
    ends = build.graph.add("Unsqueeze", length, build.graph.integers([1]))
    return build.graph.add("Less", place, ends)


def sequence_outputs(
    build: Builder,
    encoder: SequenceEncoder,
    answers: dict[str, Value],
    levels: tuple[float, ...],
) -> tuple[Outputs, dict[str, tuple[int, ...]]]:
    """The columns of `SequenceEncoder.decode`, and the further axes of those with steps.

    Beyond a row's end tags are "", numbers of steps nan.
    """
    graph = build.graph
    of_labels = table_outputs(build, encoder.labels, answers, levels)
    own = encoder.labels.answer_names
    ordered = [of_labels.pop(name) for name in own.targets] if encoder.labels.targets else []
    probabilities = [of_labels.pop(name) for name in own.probabilities]
    axes: list[tuple[int, ...]] = [()] * len(ordered)
    for tag in encoder.tags:
        answer = answers[tag.name]
        labels = graph.constant(np.array([*tag.labels, ""], object))
        last = build.scalar(len(tag.labels), CODES)
        code = build.tensor(answer)
        is_outside = graph.add("Less", code, build.scalar(0, CODES))
        place = graph.add("Where", is_outside, last, code)
        ordered.append((graph.add("Gather", labels, place), TEXT))
        axes.append((int(str(answer.shape[1])),))
    of_numbers = {column.name: [column] for column in encoder.step_numbers}
    if encoder.next_kind:
        of_numbers[NEXT] = list(encoder.numbers)
    for name, columns in of_numbers.items():
        answer = answers[name]
        wide = build.cast(build.tensor(answer), DOUBLE)
        scaled = graph.add("Mul", wide, graph.constant(all_units(columns)))
        ordered.append((graph.add("Add", scaled, graph.constant(all_shifts(columns))), DOUBLE))
        axes.append(tuple(int(str(size)) for size in answer.shape[1:]))
    names = encoder.answer_names
    found = dict(zip(names.targets, ordered, strict=True))
    further = dict(zip(names.targets, axes, strict=True))
    found |= dict(zip(names.probabilities, probabilities, strict=True))
    return found | of_labels, further
