"""Raw columns of a table are encoded by a graph as by the encoder."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pyarrow as pa
from jax import export

from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.portable.columns import table_inputs
from train.portable.graph import Graph
from train.portable.shapes import ROWS, Sizes
from train.portable.values import Builder

DAYS = ("1583-03-01", "1900-02-28", "1969-12-31", "1970-01-01", "2000-02-29", "2024-12-31")


def in_graph(encoder: TableEncoder, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a graph of the encoder makes of raw columns."""
    (rows,) = export.symbolic_shape(ROWS)
    graph = Graph()
    build = Builder(graph, Sizes(ROWS))
    for name, value in table_inputs(build, encoder, rows).items():
        assert value.name is not None
        graph.give_output(value.name, name, value.dtype, [ROWS, value.shape[1]])
    model = graph.as_model("test", {}).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    found = {}
    for output, array in zip(session.get_outputs(), session.run(None, columns), strict=True):
        found[output.name] = np.asarray(array)
    return found


def test_dates_numbers_and_categories_are_those_of_the_encoder() -> None:
    encoder = TableEncoder(
        (
            Column("day", "time", shift=9000.0, unit=300.0, missing=True),
            Column("at", "time", shift=11000.5, unit=0.25, clock=True),
            Column("size", "number", shift=1e6, unit=0.1),
            Column("kind", "category", vocabulary=("loft", "house")),
        ),
        targets=(),
        heads=(),
    )
    hours = np.array([0, 1, 86_399_999_999, 43_200_000_000, 5_400_000_000, 3_600_000_000])
    times = np.array(DAYS, "datetime64[us]") + hours
    ticks = times.astype(np.int64).astype(np.float64)
    is_missing = np.arange(len(DAYS)) == 3
    sizes = 1e6 + np.linspace(-1, 1, len(DAYS))
    kinds = np.array(["loft", "house", "tent", "", "loft", "house"], object)
    table = pa.table({"day": pa.array(times, mask=is_missing), "at": times, "size": sizes})
    table = table.append_column("kind", pa.array(kinds, pa.string()))
    found = in_graph(
        encoder,
        {"day": np.where(is_missing, np.nan, ticks), "at": ticks, "size": sizes, "kind": kinds},
    )
    expected = encoder.encode(table, "new")
    np.testing.assert_allclose(found["numbers"], expected["numbers"], rtol=0, atol=2e-6)
    np.testing.assert_array_equal(found["codes"], expected["codes"])
    assert found["numbers"].shape[1] == len(encoder.number_names) == 5 + 7 + 1


def test_yes_and_no_are_known_by_the_names_that_training_files_have() -> None:
    encoder = TableEncoder(
        (
            Column("a", "category", vocabulary=("no", "yes")),
            Column("b", "category", vocabulary=("false", "true"), type="boolean"),
            Column("c", "category", vocabulary=("no", "yes", "both")),
        ),
        targets=(),
        heads=(),
    )
    cells = np.array(["yes", "Y", "TRUE", "no", "N", "False", "ja", "1", "0", "both"], object)
    columns = dict.fromkeys("abc", cells)
    found = in_graph(encoder, columns)["codes"]
    expected = encoder.encode(pa.table({name: pa.array(cells) for name in "abc"}), "new")["codes"]
    np.testing.assert_array_equal(found, expected)
    assert found[:, 0].tolist() == found[:, 1].tolist() == [2, 2, 2, 1, 1, 1, 2, 2, 1, 0]
    assert found[:, 2].tolist() == [2, 0, 0, 1, 0, 0, 0, 0, 0, 3]
