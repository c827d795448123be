"""A target that is any number of labels of a sequence: a yes or no for each label.

n rows.
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from train.data.columns import Notes
from train.data.sequences.steps import StepText, column_error, holds_lists, read_step_text

SHOWN = 3


@dataclass(frozen=True)
class LabelSet:
    """A column of lists of labels, and those that training rows have and lack, in order."""

    name: str
    labels: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """A name for each label's column of true and false."""
        return tuple(f"{self.name}={label}" for label in self.labels)


def find_label_sets(
    train: pa.Table,
    targets: Iterable[str],
    beside: str,
    where: str,
    notes: Notes,
    *,
    may_be_whole: bool = True,
) -> tuple[LabelSet, ...]:
    """The targets whose lists are no tags: most have another length than those of `beside`.

    Whole numbers are labels too, if they `may_be_whole`, where lists are not all of one length, as
    yes and no for each of some labels would be. None where `beside`, a column of inputs, has no
    lists itself. Raises UserError where no label parts the training rows.
    """
    if not holds_lists(train, beside):
        return ()
    length_n = _list_lengths(train, beside)
    sets: list[LabelSet] = []
    targets = tuple(targets)
    for name in targets:
        if not holds_lists(train, name):
            continue
        known = train.column(name).is_valid().to_numpy()
        own_n = _list_lengths(train, name)
        if not known.any() or (own_n == length_n)[known].mean() >= 0.5:
            continue
        varies = may_be_whole and len(np.unique(own_n[known])) > 1
        if not _holds_text(train, name) and not (varies and _holds_whole(train, name)):
            continue
        sets.append(_fit_set(train.filter(pa.array(known)), name, where, notes))
    _check_names(sets, targets, where)
    return tuple(sets)


def _check_names(sets: Iterable[LabelSet], targets: Iterable[str], where: str) -> None:
    """Raises UserError if a label would be called as another answer is."""
    taken = set(targets)
    for label_set in sets:
        for column in label_set.columns:
            if column in taken:
                found = f"a label would be answered as {column!r}, as another target is; rename one"
                raise column_error(found, label_set.name, where)
            taken.add(column)


def _fit_set(train: pa.Table, name: str, where: str, notes: Notes) -> LabelSet:
    """The labels that some training rows have and others lack. Raises UserError without one."""
    text = read_step_text(train, name, where)
    counts = _rows_with(text).sum(0)
    labels = []
    constant = []
    for label, count in sorted(zip(text.values, counts.tolist(), strict=True)):
        if count:
            (labels if count < train.num_rows else constant).append(label)
    if not labels:
        raise column_error("all training rows have the same labels", name, where)
    notes.append(
        f"target {name!r} lists labels of a sequence, not one for each step: each of {len(labels)} "
        f"labels is a yes or no, {name}={labels[0]} and so on"
    )
    if constant:
        found = f"target {name!r}: all training rows have the label {_shown(constant)}"
        notes.append(f"{found}, which is left out")
    return LabelSet(name, tuple(labels))


def as_columns(
    table: pa.Table, sets: Iterable[LabelSet], where: str, notes: Notes | None = None
) -> pa.Table:
    """The table with a column of true and false for each label in place of the lists.

    A row without a list is missing in all of them. What no training row has is said. Columns that
    bear the names of those already, as of a file of answers, are left out.
    """
    for label_set in sets:
        if label_set.name not in table.column_names:
            continue
        kind = table.schema.field(label_set.name).type
        if pa.types.is_null(kind):  # no row has a list
            empty = pa.nulls(table.num_rows, pa.list_(pa.string()))
            place = table.column_names.index(label_set.name)
            table = table.set_column(place, label_set.name, empty)
        elif not holds_lists(table, label_set.name):
            found = f"holds {kind}, expected a list of labels"
            raise column_error(found, label_set.name, where)
        known = table.column(label_set.name).is_valid().to_numpy()
        text = read_step_text(table.filter(pa.array(known)), label_set.name, where)
        has_nk = np.zeros((len(known), len(text.values)), bool)
        has_nk[known] = _rows_with(text)
        place = {value: k for k, value in enumerate(text.values)}
        replaced = {label_set.name, *label_set.columns} & set(table.column_names)
        table = table.drop_columns(list(replaced))
        for label, column in zip(label_set.labels, label_set.columns, strict=True):
            has_n = has_nk[:, place[label]] if label in place else np.zeros(len(known), bool)
            values = pa.array(has_n, mask=~known)
            table = table.append_column(column, values)
        if notes is not None:
            notes += _unseen(text, has_nk, label_set, where)
    return table


def answered_names(targets: Iterable[str], sets: Iterable[LabelSet]) -> tuple[str, ...]:
    """The targets, with the column of each label in place of a set of them."""
    columns = {label_set.name: label_set.columns for label_set in sets}
    names: list[str] = []
    for name in targets:
        names += columns.get(name, (name,))
    return tuple(names)


def _rows_with(text: StepText) -> np.ndarray:
    """Whether each row has each of the column's labels [n, k]."""
    rows = np.repeat(np.arange(len(text.lengths)), text.lengths)
    known = text.codes >= 0
    has_nk = np.zeros((len(text.lengths), len(text.values)), bool)
    has_nk[rows[known], text.codes[known]] = True
    return has_nk


def _unseen(text: StepText, has_nk: np.ndarray, label_set: LabelSet, where: str) -> list[str]:
    unseen = [k for k, value in enumerate(text.values) if value not in label_set.labels]
    n_rows = int(has_nk[:, unseen].any(1).sum())
    if not n_rows:
        return []
    shown = _shown([text.values[k] for k in unseen])
    found = f"{n_rows} of {len(has_nk)} rows have labels that no answer has ({shown})"
    return [f"{where}: column {label_set.name!r}: {found}; these are passed over"]


def _shown(labels: list[str]) -> str:
    more = ", ..." if len(labels) > SHOWN else ""
    return ", ".join(map(repr, labels[:SHOWN])) + more


def _holds_text(table: pa.Table, name: str) -> bool:
    kind = table.schema.field(name).type.value_type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _holds_whole(table: pa.Table, name: str) -> bool:
    return pa.types.is_integer(table.schema.field(name).type.value_type)


def _list_lengths(table: pa.Table, name: str) -> np.ndarray:
    """[n]; 0 for a row without a list."""
    lengths = pc.fill_null(pc.list_value_length(table.column(name)), 0)
    return lengths.to_numpy()
