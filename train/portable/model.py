"""A trained net as one ONNX graph: raw columns in, the columns of `train.predict` out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
from jax import export as jax_export
from onnx import helper

from nets.kernels import library
from train.core.precision import in_single_precision
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.steps import padded_width
from train.data.series.encoder import SeriesEncoder
from train.data.table.clusters import ClusterEncoder
from train.data.table.codes import ReconstructionEncoder
from train.data.table.encoder import TableEncoder
from train.errors import UserError
from train.inference.predictor import Predictor
from train.portable.answers import give, plain_outputs, table_outputs
from train.portable.columns import table_inputs
from train.portable.describe import describe
from train.portable.function import answer_function
from train.portable.graph import Graph
from train.portable.program import run, trace
from train.portable.sequence_columns import sequence_inputs, sequence_outputs
from train.portable.series_columns import series_inputs, series_outputs
from train.portable.shapes import ROWS, Sizes
from train.portable.values import Builder, Value


@in_single_precision()
def as_onnx(model: Predictor, steps: int | None = None) -> bytes:
    """The file. Sequences may have up to `steps`, as many as the longest of training unless given.

    UserError for a net that has no graph here.
    """
    encoder = model.encoder
    (rows,) = jax_export.symbolic_shape(ROWS)
    graph = Graph()
    build = Builder(graph, Sizes(graph.names.new(ROWS)))
    further: dict[str, tuple[int, ...]] = {}
    levels = model.config.quantiles
    match encoder:
        case ClusterEncoder():
            answers = run_network(build, model, table_inputs(build, encoder, rows))
            outputs = plain_outputs(build, answers, {"cluster": "cluster", "distance": "distance"})
        case ReconstructionEncoder():
            answers = run_network(build, model, table_inputs(build, encoder, rows))
            outputs = plain_outputs(build, answers, {"code": "code", "error": "error"})
        case TableEncoder():
            answers = run_network(build, model, table_inputs(build, encoder, rows))
            outputs = table_outputs(build, encoder, answers, levels)
        case SequenceEncoder():
            steps = steps or padded_width(np.array([encoder.longest]))
            answers = run_network(build, model, sequence_inputs(build, encoder, rows, steps))
            outputs, further = sequence_outputs(build, encoder, answers, levels)
        case SeriesEncoder():
            answers = run_network(build, model, series_inputs(build, encoder, rows))
            outputs = series_outputs(build, encoder, answers, levels)
            further = dict.fromkeys(outputs, (encoder.horizon,))
        case _:
            raise UserError(f"export: {type(encoder).__name__} has no graph here")
    _check_names([*(given.name for given in graph.inputs), *outputs])
    give(build, outputs, further)
    # What all sizes are made of is known before all else.
    first = graph.inputs[0].name
    count = helper.make_node("Shape", [first], [build.sizes.rows], start=0, end=1)
    graph.nodes.insert(0, count)
    described = json.dumps(describe(model.config, encoder, steps))
    return graph.as_model("denseq", {"denseq": described}).SerializeToString()


def run_network(build: Builder, model: Predictor, inputs: Mapping[str, Value]) -> dict[str, Value]:
    """The answers of the net to encoded inputs, as tensors of the graph."""
    described = {}
    for name, value in inputs.items():
        described[name] = value.description
    answer = answer_function(model)
    with library.portable():
        program, shapes = trace(answer, described)
    found = run(build, program, [inputs[name] for name in sorted(inputs)])
    return dict(zip(sorted(shapes), found, strict=True))


def _check_names(names: Sequence[str]) -> None:
    """UserError where two of a graph's inputs and outputs would have one name, or one has none."""
    for name in names:
        if not name or names.count(name) > 1:
            what = f"{name!r} would be the name of two inputs or outputs of the graph"
            raise UserError(f"--out: {what}; train on a file whose column is called otherwise")
