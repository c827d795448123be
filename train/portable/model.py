"""A trained net as one ONNX graph: raw columns in, the columns of `train.predict` out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np
from jax import export as jax_export
from onnx import helper

from nets.base import Arrays, Tree
from nets.kernels import library
from nets.sequence import SequenceNetwork
from train.core.network import make_network
from train.core.precision import in_single_precision
from train.core.series_places import reads_groups
from train.data.dataset import Json
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.steps import padded_width
from train.data.series.encoder import SeriesEncoder
from train.data.table.clusters import ClusterEncoder
from train.data.table.codes import ReconstructionEncoder
from train.data.table.encoder import TableEncoder
from train.errors import UserError
from train.inference.predictor import Predictor
from train.inference.stepping import check_can_step
from train.portable.answers import give, plain_outputs, table_outputs
from train.portable.columns import table_inputs
from train.portable.describe import describe
from train.portable.function import answer_function, variables_of
from train.portable.graph import Graph
from train.portable.program import run, trace
from train.portable.sequence_columns import sequence_inputs, sequence_outputs
from train.portable.series_columns import series_inputs, series_outputs
from train.portable.shapes import ROWS, Sizes
from train.portable.values import Builder, Value

CARRY = "carry."  # what an array is called that goes from step to step


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
    levels = model.config.levels()
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
            has_groups = reads_groups(model.config, encoder)
            inputs = series_inputs(build, encoder, rows, has_groups)
            answers = run_network(build, model, inputs)
            outputs = series_outputs(build, encoder, answers, levels)
            further = dict.fromkeys(outputs, (encoder.horizon,))
        case _:
            raise UserError(f"export: {type(encoder).__name__} has no graph here")
    give(build, outputs, further)
    return _finished(graph, build, describe(model.config, encoder, steps))


@in_single_precision()
def as_step_onnx(model: Predictor) -> bytes:
    """The file of one step of a net for sequences, which takes a carry and gives the next.

    The graph takes and gives "carry.N" as well: zeros [d, rows, h] begin, and what is given goes
    on. UserError for a net whose answer to a step needs later ones, and where several answer.
    """
    encoder = model.encoder
    check_can_step(model.config, encoder)
    assert isinstance(encoder, SequenceEncoder)
    if model.ensemble.has_members:
        raise UserError("export: the steps of several nets have no graph here; export one of them")
    (rows,) = jax_export.symbolic_shape(ROWS)
    graph = Graph()
    build = Builder(graph, Sizes(graph.names.new(ROWS)))
    inputs = sequence_inputs(build, encoder, rows, 1)
    network, _ = make_network(model.config, encoder)
    assert isinstance(network, SequenceNetwork)
    leaves, structure = jax.tree.flatten(network.body.initial_carry(1))
    carries = {}
    for i, leaf in enumerate(leaves):
        name = f"{CARRY}{i}"
        shape = (leaf.shape[0], rows, leaf.shape[2])
        graph.take_input(f"{name}.before", leaf.dtype, (leaf.shape[0], ROWS, leaf.shape[2]))
        carries[name] = Value(shape, leaf.dtype, f"{name}.before")
    (variables,) = variables_of(model)

    def step(given: Arrays) -> dict[str, Tree]:
        own = {name: given[name] for name in inputs}
        carry = jax.tree.unflatten(structure, [given[name] for name in carries])
        answers, after = network.apply(variables, own, carry, method="step")
        return {**answers, **dict(zip(carries, jax.tree.leaves(after), strict=True))}

    found = run_function(build, step, {**inputs, **carries})
    outputs, further = sequence_outputs(build, encoder, found, model.config.levels())
    give(build, outputs, further)
    for name, value in carries.items():
        sizes = (value.shape[0], ROWS, value.shape[2])
        graph.give_output(build.tensor(found[name]), f"{name}.after", value.dtype, sizes)
    return _finished(graph, build, describe(model.config, encoder, 1))


def _finished(graph: Graph, build: Builder, description: Json) -> bytes:
    """The file of a graph that has all its inputs and outputs."""
    _check_names([value.name for value in (*graph.inputs, *graph.outputs)])
    # What all sizes are made of is known before all else.
    first = graph.inputs[0].name
    count = helper.make_node("Shape", [first], [build.sizes.rows], start=0, end=1)
    graph.nodes.insert(0, count)
    return graph.as_model("denseq", {"denseq": json.dumps(description)}).SerializeToString()


def run_network(build: Builder, model: Predictor, inputs: Mapping[str, Value]) -> dict[str, Value]:
    """The answers of the net to encoded inputs, as tensors of the graph."""
    return run_function(build, answer_function(model), inputs)


def run_function(
    build: Builder, function: Callable[[Arrays], Mapping[str, Tree]], inputs: Mapping[str, Value]
) -> dict[str, Value]:
    """What a function of arrays gives for these values."""
    described = {name: value.description for name, value in inputs.items()}
    with library.portable():
        program, shapes = trace(function, described)
    found = run(build, program, [inputs[name] for name in sorted(inputs)])
    return dict(zip(sorted(shapes), found, strict=True))


def _check_names(names: Sequence[str]) -> None:
    """UserError where two of a graph's inputs and outputs would have one name, or one has none."""
    for name in names:
        if not name or names.count(name) > 1:
            what = f"{name!r} would be the name of two inputs or outputs of the graph"
            raise UserError(f"--out: {what}; train on a file whose column is called otherwise")
