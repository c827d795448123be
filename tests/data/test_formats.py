"""A row is one row, and has one answer, in every format that is read."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from train import loop, predict
from train.config import Config, Dense, Train
from train.config.data_options import Table
from train.data.files.arrow import as_table
from train.data.files.read import read_table
from train.data.table.load import load_table
from train.errors import UserError

try:
    import polars
except ImportError:
    polars = None

N = 60

NOTATIONS = {
    "plain": (",", lambda x: repr(x)),
    "german": (";", lambda x: f"{x:,.4f}".replace(",", "_").replace(".", ",").replace("_", ".")),
    "thousands": ("\t", lambda x: f"{x:,.4f}"),
    "blanks": (";", lambda x: f"{x:,.4f}".replace(",", " ").replace(".", ",")),
    "money": ("|", lambda x: f"-${-x:,.4f}" if x < 0 else f"${x:,.4f}"),
}


@given(data=st.data(), notation=st.sampled_from(sorted(NOTATIONS)))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_row_is_one_row_in_every_format(tmp_path, data, notation):
    typed, path = write_training(tmp_path, notation)
    encoder = load_table(Table(path=str(path), target="y", valid=0, numeric=("y",)), "auto").encoder
    whole = encoder.encode(typed, "data")
    picked = data.draw(st.lists(st.integers(0, N - 1), min_size=1, max_size=5))
    for form, table in in_every_form(tmp_path, typed.take(pa.array(picked)), notation).items():
        for name, array in encoder.encode(table, form).items():
            assert array.tobytes() == whole[name][picked].tobytes(), (form, name)


def write_training(folder, notation: str) -> tuple[pa.Table, Path]:
    """A typed table, and a text file of its rows and a target."""
    random.seed(0)
    typed = pa.table(
        {
            "amount": [round(random.uniform(-2e4, 2e4), 4) for _ in range(N)],
            "code": [f"{random.randrange(30):02d}" for _ in range(N)],
            "flag": [random.choice(["True", "False", "Unknown"]) for _ in range(N)],
            "day": (np.datetime64("2021-03-01") + np.arange(N)).tolist(),
        }
    )
    path = folder / "t.txt"
    as_text(typed.append_column("y", pa.array(range(N))), notation, path)
    return typed, path


def as_text(typed: pa.Table, notation: str, path: Path) -> None:
    """Writes a table by pyarrow, its numbers in a notation, its days as dd.mm.yyyy."""
    delimiter, write = NOTATIONS[notation]
    days = [f"{day:%d.%m.%Y}" for day in typed["day"].to_pylist()]
    text = typed.set_column(3, "day", pa.array(days))
    text = text.set_column(0, "amount", pa.array([write(x) for x in typed["amount"].to_pylist()]))
    options = pacsv.WriteOptions(delimiter=delimiter, quoting_style="needed")
    pacsv.write_csv(text, path, options)


def in_every_form(folder, some: pa.Table, notation: str) -> dict[str, pa.Table]:
    """Rows in every format that is read, as a table each."""
    as_text(some, notation, folder / "n.txt")
    pq.write_table(some, folder / "n.parquet")
    with open(folder / "n.jsonl", "w") as file:
        for row in some.to_pylist():
            file.write(json.dumps(row, default=str) + "\n")
    forms = {
        "text": read_table(folder / "n.txt"),
        "parquet": read_table(folder / "n.parquet"),
        "json": read_table(folder / "n.jsonl"),
        "records": as_table(some.to_pylist()),
        "columns": as_table(some.to_pydict()),
        "pandas": as_table(some.to_pandas()),
    }
    if polars is not None:
        forms["polars"] = as_table(polars.from_arrow(some))
    return forms


@pytest.mark.slow
@pytest.mark.parametrize("notation", sorted(NOTATIONS))
def test_a_row_has_one_answer_in_every_format(tmp_path, notation):
    typed, path = write_training(tmp_path, notation)
    loop.fit(
        Config(
            data=Table(path=str(path), target="y", numeric=("y",), valid=0.2, test=0),
            net=Dense((4,)),
            train=Train(epochs=2),
        ),
        tmp_path / "run",
    )
    model = predict.load(tmp_path / "run")
    draw = random.Random(1)
    for _ in range(5):
        some = typed.take(pa.array(draw.sample(range(N), draw.randrange(1, 9))))
        wanted = model(some)
        for form, table in in_every_form(tmp_path, some, notation).items():
            assert model(table).tobytes() == wanted.tobytes(), form


@pytest.mark.parametrize("kind", ["float64", "float32", "float16", "int64", "uint8", "bool"])
def test_a_frame_of_one_type_is_read_as_its_columns_one_by_one(kind):
    numbers = np.array([[1, 2, 0], [0, 1, 3]]).astype(kind)
    if kind.startswith("float"):
        numbers[0, 1] = np.nan
    frame = pd.DataFrame(numbers, columns=["a", "b", "c"])[["c", "a", "b"]][::-1]
    assert as_table(frame).equals(as_table(dict(frame.items())))


@pytest.mark.parametrize("of", [lambda frame: frame["a"], lambda frame: frame.iloc[0]])
def test_a_series_is_no_table(of):
    with pytest.raises(UserError, match=r"data: a Series is no table; a row of a frame is frame.i"):
        as_table(of(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})))


def test_what_is_no_config_is_told_by_its_name():
    line = r"config: expected a train.config.Config, got 'diabetes'; train.config.load reads one"
    for config in ("diabetes", {"net": 1}):
        with pytest.raises(UserError, match=line if isinstance(config, str) else "got {'net': 1}"):
            loop.fit(config, data=pd.DataFrame({"a": [1, 2]}), verbose=False)
