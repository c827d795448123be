"""Yes and no by several names in one column, and by others in the files after it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from train.config.data_options import Table
from train.data.columns import get_column
from train.data.files.arrow import as_table
from train.data.files.tables import IN_MEMORY
from train.data.hint import Hint
from train.data.infer import infer
from train.data.stream.load import load_stream
from train.data.table.dataset import TableDataset
from train.data.table.load import load_table

N = 60
X = np.random.default_rng(0).normal(size=N)


def cycled(*values: object, n: int = N) -> list:
    return [values[i % len(values)] for i in range(n)]


def load(columns: dict, **options) -> TableDataset:
    table = as_table(pd.DataFrame({"x": X} | columns))
    given = {"target": "x", "valid": 0, "test": 0} | options
    return load_table(Table(path=IN_MEMORY, **given), "auto", lambda *_, **__: table)


MIXED = ("yes", "Y", "no", "N", "yes", "FALSE", "TRUE", "no")
IS_YES = (1, 1, 0, 0, 1, 0, 1, 0)


def codes(dataset: TableDataset, cells: list) -> list[int]:
    table = as_table({"c": cells, "x": np.zeros(len(cells))})
    return dataset.encoder.read(table, "new").inputs["codes"][:, 0].tolist()


def test_yes_and_no_by_several_names_are_two_categories_and_said():
    dataset = load({"c": cycled(*MIXED)})
    [column] = dataset.encoder.columns
    assert column.vocabulary == ("no", "yes")
    assert (dataset.inputs["codes"][:, 0] - 1).tolist() == cycled(*IS_YES)
    [note] = dataset.notes
    found = "'yes', 'Y' and 'TRUE' for one, 'no', 'N' and 'FALSE' for the other"
    assert found in note and "config.data.categorical keeps them apart" in note
    # A later file by the same schema, by names of its own, and typed.
    assert codes(dataset, ["Yes", "n", "true", "F", "1", "maybe"]) == [2, 1, 2, 1, 2, 0]
    assert codes(dataset, [True, False]) == [2, 1]


def test_they_are_kept_apart_where_an_option_says_so():
    dataset = load({"c": cycled(*MIXED)}, categorical=("c",))
    [column] = dataset.encoder.columns
    assert column.vocabulary == ("FALSE", "N", "TRUE", "Y", "no", "yes")
    assert dataset.notes == ()


def test_a_target_of_several_names_has_two_classes():
    dataset = load({"c": cycled(*MIXED)}, target="c")
    [head] = dataset.encoder.heads
    assert (head.kind, head.classes) == ("binary", ("no", "yes"))
    assert dataset.target["c"].tolist() == cycled(*IS_YES)
    assert "target 'c': yes and no by several names" in "\n".join(dataset.notes)


def test_true_and_false_with_others_answer_to_every_name():
    dataset = load({"c": cycled("True", "False", "yes", "True", "no", "False")})
    assert dataset.encoder.columns[0].vocabulary == ("false", "true")
    assert codes(dataset, ["yes", "no", "TRUE", "0", "ja"]) == [2, 1, 2, 1, 2]


def test_ones_and_zeros_beside_a_few_truths_are_no_numbers_with_gaps():
    dataset = load({"c": cycled(*("1", "0") * 6, "true", "false")})
    [column] = dataset.encoder.columns
    assert (column.kind, column.vocabulary) == ("category", ("0", "1"))
    assert (dataset.inputs["codes"][:, 0] - 1).tolist() == cycled(*(1, 0) * 7)


@pytest.mark.parametrize(
    "cells",
    [
        ("T", "F", "N"),  # N may be "not known"
        ("on", "off", "no"),
        ("yes", "no", "0"),
        ("Y", "N", "1"),
        ("yes", "y", "YES"),
        ("M", "F", "f"),
    ],
)
def test_names_that_prove_no_truth_are_categories(cells):
    dataset = load({"c": cycled(*cells)})
    assert dataset.encoder.columns[0].vocabulary == tuple(sorted(cells))
    assert "several names" not in "\n".join(dataset.notes)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (("yes", "Y", "no", "maybe"), "'yes' and 'Y' may be one, and are apart"),
        (("no", "N", "FALSE", "unknown"), "'no', 'N' and 'FALSE' may be one"),
        (("no", "N", "maybe", "Y"), "'no' and 'N' may be one"),
        (("NO", "N", "SE", "DK"), ""),  # countries
        (("no", "N", "S", "north"), ""),
        (("F", "N", "M"), ""),
        (("no", "on", "off"), ""),
        (("yes", "no", "maybe"), ""),
    ],
)
def test_names_beside_other_categories_are_said(cells, said):
    table = pa.table({"c": cycled(*cells)})
    inferred = infer(get_column(table, "c", "data", ()), Hint())
    assert inferred.kind == "category"
    assert said in inferred.note and bool(said) == bool(inferred.note)


def test_classes_of_a_stream_are_counted_by_all_of_their_names(tmp_path):
    n = 400
    table = pa.table({"x": np.sin(np.arange(n)), "c": cycled(*MIXED, n=n)})
    pq.write_table(table, tmp_path / "rows.parquet")
    path = str(tmp_path / "rows.parquet")
    dataset = load_stream(Table(path=path, target="c", stream=True, valid=0, test=0), "auto")
    [head] = dataset.encoder.heads
    assert head.classes == ("no", "yes")
    assert dataset.stream.class_counts(head).tolist() == [n // 2, n // 2]
    assert dataset.stream.class_masses(head).tolist() == [n / 2, n / 2]
    # Whole numbers of text are classes by what they are worth.
    numbers = cycled("1,0", "0,0", "1,0", "2,0", n=n)
    pq.write_table(table.set_column(1, "c", pa.array(numbers)), tmp_path / "rows.parquet")
    dataset = load_stream(Table(path=path, target="c", stream=True, valid=0, test=0), "auto")
    [head] = dataset.encoder.heads
    assert head.classes == ("0", "1", "2")
    assert dataset.stream.class_counts(head).tolist() == [n // 4, n // 2, n // 4]
