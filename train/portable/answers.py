"""Answers of a network as outputs of a graph, named and in the units that `train.predict` has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from train.data.answer_names import beside
from train.data.dataset import Head
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.evaluation.spread import MEDIAN, PLAIN_PARTS, has_several_targets
from train.portable.columns import DOUBLE, TEXT
from train.portable.shapes import ROWS
from train.portable.values import Builder, Value

LABEL_TYPES = {"text": TEXT, "integer": np.dtype(np.int64), "boolean": np.dtype(bool)}


# A tensor [n] of a graph, and its type.
Tensor: TypeAlias = "tuple[str, np.dtype]"
Outputs: TypeAlias = "dict[str, Tensor]"  # by the names of the columns of answers


def give(build: Builder, outputs: Outputs, further: Mapping[str, tuple[int, ...]]) -> None:
    """Tensors [n] as outputs of the graph; those that `further` names have these axes too."""
    for name, (tensor, dtype) in outputs.items():
        build.graph.give_output(tensor, name, dtype, (ROWS, *further.get(name, ())))


def table_outputs(
    build: Builder, encoder: TableEncoder, answers: Mapping[str, Value], levels: tuple[float, ...]
) -> Outputs:
    """The columns of `TableEncoder.decode`, and how sure they are, as `spread_columns` has it."""
    by_name = {column.name: column for column in encoder.targets}
    targets: Outputs = {}
    probabilities: list[Tensor] = []
    more: Outputs = {}
    for head in encoder.heads:
        answer = answers[head.name]
        columns = [by_name[name] for name in head.columns]
        if head.kind == "regression":
            for i, column in enumerate(columns):
                targets[column.name] = _raw(build, _part(build, answer, i), column), DOUBLE
        else:
            label, shares = _class_answers(build, head, columns[0], answer)
            targets[head.name] = label
            probabilities += shares
        more = beside_all(more, _spread(build, encoder, head, columns, answers, levels))
    names = encoder.answer_names
    ordered = [targets[column.name] for column in encoder.targets]
    found = dict(zip(names.targets, ordered, strict=True))
    found |= dict(zip(names.probabilities, probabilities, strict=True))
    return beside_all(found, more)


def beside_all(found: Outputs, more: Outputs) -> Outputs:
    """Both, names that occur in both told apart as `train.predict` does it."""
    places = {name: np.array([i]) for i, name in enumerate(more)}
    names = list(beside({name: np.array([0]) for name in found}, places))[len(found) :]
    return found | dict(zip(names, more.values(), strict=True))


def _part(build: Builder, answer: Value, place: int) -> str:
    """One number of each row [n] of an answer [n, o]."""
    index = build.scalar(place, np.dtype(np.int64))
    return build.graph.add("Gather", build.tensor(answer), index, axis=1)


def _raw(build: Builder, number: str, column: Column) -> str:
    """An encoded number in raw units, double."""
    wide = build.cast(number, DOUBLE)
    scaled = build.graph.add("Mul", wide, build.scalar(column.unit, DOUBLE))
    return build.graph.add("Add", scaled, build.scalar(column.shift, DOUBLE))


def _class_answers(
    build: Builder, head: Head, column: Column, answer: Value
) -> tuple[Tensor, list[Tensor]]:
    """The label, and the probability of each class."""
    graph = build.graph
    if head.kind == "binary":
        second = build.cast(build.tensor(answer), DOUBLE)
        first = graph.add("Sub", build.scalar(1, DOUBLE), second)
        shares = [(first, DOUBLE), (second, DOUBLE)]
        is_second = graph.add("Greater", second, first)
        code = build.cast(is_second, np.dtype(np.int64))
    else:
        shares = []
        for i in range(len(head.classes)):
            shares.append((_part(build, answer, i), answer.dtype))
        code = graph.add("ArgMax", build.tensor(answer), axis=1, keepdims=0)
    dtype = LABEL_TYPES[column.type]
    labels = np.array(column.labels(np.arange(len(column.vocabulary))).tolist(), dtype)
    return (graph.add("Gather", graph.constant(labels), code), dtype), shares


def _spread(
    build: Builder,
    encoder: TableEncoder,
    head: Head,
    columns: list[Column],
    answers: Mapping[str, Value],
    levels: tuple[float, ...],
) -> Outputs:
    """Quantiles but the median, and deviations, where they are predicted."""
    several = has_several_targets(encoder)
    found: Outputs = {}
    quantiles = answers.get(f"{head.name}.quantiles")
    for i, level in enumerate(levels):
        if quantiles is None or level == MEDIAN:
            continue
        index = build.scalar(i, np.dtype(np.int64))
        at_level = build.graph.add("Gather", build.tensor(quantiles), index, axis=2)
        for place, column in enumerate(columns):
            what = f"quantile_{level:g}"
            part = Value((ROWS, len(columns)), quantiles.dtype, at_level)
            raw = _raw(build, _part(build, part, place), column)
            found[f"{column.name}_{what}" if several else what] = raw, DOUBLE
    deviation = answers.get(f"{head.name}.deviation")
    if deviation is None:
        return found
    if head.kind == "regression":
        for place, column in enumerate(columns):
            wide = build.cast(_part(build, deviation, place), DOUBLE)
            raw = build.graph.add("Mul", wide, build.scalar(column.unit, DOUBLE))
            found[f"{column.name}_deviation" if several else "deviation"] = raw, DOUBLE
        for what in PLAIN_PARTS:
            plain = answers.get(f"{head.name}.{what}")
            if plain is None:
                continue
            for place, column in enumerate(columns):
                part = _part(build, plain, place)
                found[f"{column.name}_{what}" if several else what] = part, plain.dtype
        return found
    prefix = f"{head.name}_deviation" if several else "deviation"
    for place, name in enumerate(head.classes):
        is_binary = head.kind == "binary"
        part = build.tensor(deviation) if is_binary else _part(build, deviation, place)
        found[f"{prefix}_{name}"] = part, deviation.dtype
    return found


def plain_outputs(
    build: Builder, answers: Mapping[str, Value], names: Mapping[str, str]
) -> Outputs:
    """Answers [n] under these names, in their type; of one [n, k] a column for each number."""
    found: Outputs = {}
    for source, name in names.items():
        answer = answers[source]
        if len(answer.shape) == 1:
            found[name] = build.tensor(answer), answer.dtype
            continue
        for i in range(int(str(answer.shape[1]))):
            found[f"{name}_{i + 1}"] = _part(build, answer, i), answer.dtype
    return found
