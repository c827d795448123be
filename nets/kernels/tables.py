"""A whole network for rows of a table by the compiled kernel (tables.cc), which jax has no part in.

A row's answers have the same bits alone and among any others, so that no block has to be filled.
Shapes: n rows, f number columns, c category columns, d features, h hidden, o outputs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import TypeGuard

import jax
import numpy as np

from nets.base import Tree, Variables
from nets.dense import Dense
from nets.heads import HeadShape, named_heads
from nets.kernels import library
from nets.kernels.dense import ACTIVATIONS
from nets.kernels.dense_choice import is_large
from nets.kernels.table_rows import EMBEDDINGS, RowBuilder
from nets.kernels.table_structures import (
    FLOATS,
    Feature,
    Head,
    Layer,
    Memory,
    Net,
    Scales,
    Sum,
    whole_vectors,
)
from nets.linear import scaled
from nets.table import TableNetwork

# In the order of `Scaling` in columns.h, and of `HeadKind` in tables.h.
SCALINGS = ("none", "standard", "robust", "quantile")
KINDS = ("regression", "binary", "multiclass")
PANEL = 4  # vectors
KNOTS = 32  # kKnots of columns.h


def suits(network: object) -> TypeGuard[TableNetwork]:
    """Whether the kernel knows all that a network is made of, and it is worth a compiler."""
    if not isinstance(network, TableNetwork) or not isinstance(network.body, Dense):
        return False
    body = network.body
    heads = network.output.heads
    if any(head.kind not in KINDS or head.n_spread or head.categories for head in heads):
        return False
    return (
        network.adapter is None
        and not network.log_link
        and network.scaling in SCALINGS
        and network.inputs.embedding in EMBEDDINGS
        and body.is_plain
        and body.activation in ACTIVATIONS
        and is_large(body.hidden)
    )


class NativeTable:
    """A network that `suits`, with its variables: what `TableNetwork.predict` gives, in numpy."""

    def __init__(self, network: TableNetwork, variables: Variables):
        self._heads = network.output.heads
        self._memory = Memory()
        self._call, lanes = library.table_function()
        self._net = _make_net(
            network, jax.tree.map(np.asarray, dict(variables)), lanes, self._memory
        )

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """{head: answers [n, ...]} to encoded columns {name: [n, ...]}."""
        n_rows = len(next(iter(inputs.values())))
        numbers_nf = _columns(inputs.get("numbers"), np.float32, (n_rows, self._net.n_numbers))
        codes_nc = _columns(inputs.get("codes"), np.int32, (n_rows, self._net.n_codes))
        answers_no = np.empty((n_rows, self._net.n_answers), np.float32)
        columns = (numbers_nf.ctypes.data, codes_nc.ctypes.data)
        self._call(ctypes.addressof(self._net), *columns, n_rows, answers_no.ctypes.data)
        answers = {}
        first = 0
        for head in self._heads:
            own_no = answers_no[:, first : first + head.width]
            answers[head.name] = own_no[:, 0] if head.kind == "binary" else own_no
            first += head.width
        return answers


def _columns(array: np.ndarray | None, kind: type, shape: tuple[int, int]) -> np.ndarray:
    """Columns as the kernel reads them. ValueError for others than the network's."""
    whole = np.empty((shape[0], 0), kind) if array is None else np.ascontiguousarray(array, kind)
    if whole.shape != shape:
        raise ValueError(f"expected columns of the shape {shape}, got {whole.shape}")
    return whole


def _make_net(network: TableNetwork, variables: Tree, lanes: int, memory: Memory) -> Net:
    """The network as tables.cc reads it: features of a row, their sums, layers and heads."""
    params = variables["params"]
    fitted = variables["statistics"]
    output = _joined_heads(params["output"], network.output.heads)
    layers = [params["body"][f"layer_{i}"] for i in range(len(network.body.hidden))] + [output]
    kernels = _scaled_kernels(network, layers)
    if network.inputs.input_scale:
        kernels[0] = kernels[0] * params["inputs"]["input_scale"][:, None]
    n_numbers = len(fitted["inputs"].get("fill", ()))
    n_codes = len(network.inputs.category_sizes)
    rows = RowBuilder(
        network.inputs, params.get("inputs", {}), fitted["inputs"], kernels[0], lanes, memory
    )
    if n_numbers:
        rows.add_numbers(n_numbers)
        rows.add_missing(network.missing_columns)
    if n_codes:
        rows.add_codes()
    kernels[0] = rows.kernel_dh
    first = rows.finish(layers[0]["bias"].astype(np.float64), len(kernels[0]))
    missing = network.missing_columns if n_numbers else ()
    last = rows.line(missing, output["bias"].astype(np.float64), first.offset + first.width)
    activation = ACTIVATIONS.index(network.body.activation)
    made = []
    for i, (kernel_dh, layer) in enumerate(zip(kernels[:-1], layers[:-1], strict=True)):
        bias_h = layer["bias"] if i else None  # that of the first is a part of `first`
        slope_h = params["body"].get(f"slope_{i}")
        made.append(_layer(kernel_dh, first.offset, activation, bias_h, slope_h, lanes, memory))
    linear = ACTIVATIONS.index("linear")
    made.append(_layer(kernels[-1], last.offset, linear, None, None, lanes, memory))
    sums = [*rows.sums, first, last]
    heads = _heads(network, fitted["targets"], memory)
    return Net(
        n_numbers,
        n_codes,
        len(rows.features),
        len(sums),
        len(made),
        len(heads),
        last.offset + last.width,
        output["bias"].shape[0],
        _scales(network.scaling, fitted["inputs"], lanes, memory),
        memory.structures(Feature, rows.features),
        memory.structures(Sum, sums),
        memory.structures(Layer, made),
        memory.structures(Head, heads),
    )


def _scaled_kernels(network: TableNetwork, layers: Sequence[Tree]) -> list[np.ndarray]:
    """The kernels of all layers, float64, with what their form divides products by."""
    forms = [network.body.parametrization] * (len(layers) - 1) + [network.output.parametrization]
    kernels = []
    for layer, form in zip(layers, forms, strict=True):
        kernel_dh = layer["kernel"].astype(np.float64)
        kernels.append(np.asarray(scaled(kernel_dh, len(kernel_dh), form)))
    return kernels


def _layer(
    kernel_dh: np.ndarray,
    offset: int,
    activation: int,
    bias_h: np.ndarray | None,
    slope_h: np.ndarray | None,
    lanes: int,
    memory: Memory,
) -> Layer:
    """A layer; `offset` is where the sums of features that it begins with stand in a row's."""

    def floats(array_h: np.ndarray | None) -> int | None:
        return None if array_h is None else memory.floats(whole_vectors(array_h, lanes))

    kernel = memory.floats(_panels(kernel_dh, lanes))
    return Layer(*kernel_dh.shape, offset, activation, kernel, floats(bias_h), floats(slope_h))


def _joined_heads(params: Tree, heads: tuple[HeadShape, ...]) -> dict[str, np.ndarray]:
    """The layers of all heads as one."""
    own = [params[name] for _, name in named_heads(heads)]
    return {name: np.concatenate([head[name] for head in own], -1) for name in ("kernel", "bias")}


def _panels(kernel_dh: np.ndarray, lanes: int) -> np.ndarray:
    """A kernel in panels of columns, a panel's rows one after the other."""
    whole_dh = whole_vectors(kernel_dh, lanes)
    n_rows, n_columns = whole_dh.shape
    panels = np.empty(whole_dh.size, FLOATS)
    for first in range(0, n_columns, PANEL * lanes):
        columns = slice(first, min(first + PANEL * lanes, n_columns))
        own = panels[n_rows * columns.start : n_rows * columns.stop]
        own.reshape(n_rows, columns.stop - first)[:] = whole_dh[:, columns]
    return panels


def _scales(
    scaling: str, statistics: Mapping[str, np.ndarray], lanes: int, memory: Memory
) -> Scales:
    fitted = [memory.floats(statistics.get(name)) for name in ("fill", "center", "scale")]
    knots_fk = statistics.get("knots")
    if knots_fk is None:
        return Scales(SCALINGS.index(scaling), 0, 0, *fitted, None, None, None)
    n_knots = knots_fk.shape[1]
    # The bits of jnp.linspace(0, 1, k), which weigh in the tails.
    shares_k = np.arange(n_knots, dtype=np.float32) * (np.float32(1) / np.float32(n_knots - 1))
    shares_k[-1] = 1
    blocks_fk = whole_vectors(knots_fk, KNOTS, np.inf)
    ends_fe = blocks_fk[:, KNOTS - 1 :: KNOTS]
    searched = [blocks_fk, whole_vectors(ends_fe, lanes, np.inf), shares_k]
    sizes = (n_knots, ends_fe.shape[1])
    return Scales(SCALINGS.index(scaling), *sizes, *fitted, *map(memory.floats, searched))


def _heads(network: TableNetwork, statistics: Tree, memory: Memory) -> list[Head]:
    heads = []
    first = 0
    for head in network.output.heads:
        fitted = statistics[head.name]
        low_o, high_o = np.full(head.size, -np.inf), np.full(head.size, np.inf)
        if head.kind == "regression":
            scale_o, center_o = fitted["scale"], fitted["center"]
            if network.clip_outputs:
                low_o, high_o = fitted["low"], fitted["high"]
            if head.floors:
                low_o, high_o = np.maximum(low_o, head.floors), np.maximum(high_o, head.floors)
        else:
            scale_o = np.full(head.size, 1 / np.float64(fitted.get("temperature", 1.0)))
            center_o = np.zeros(head.size)
        arrays = map(memory.floats, (scale_o, center_o, low_o, high_o))
        heads.append(Head(KINDS.index(head.kind), first, head.width, *arrays))
        first += head.width
    return heads
