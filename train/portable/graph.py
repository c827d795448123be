"""An ONNX graph that grows node by node, and the loops and branches within it.

Names of tensors are made here; whoever adds a node gets the names of its outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET = 18
ML_DOMAIN = "ai.onnx.ml"  # whose LabelEncoder reads text
ML_OPSET = 3
IR_VERSION = 9

Attribute: TypeAlias = "int | float | str | Sequence[int] | Sequence[str] | onnx.GraphProto"
Dim: TypeAlias = "int | str"


@dataclass
class Names:
    """Numbers for names: a graph and those within it share them, so that none occurs twice."""

    count: int = 0

    def new(self, hint: str) -> str:
        """A name that no tensor has yet."""
        self.count += 1
        return f"/{hint}_{self.count}"  # which no column is likely to be called


@dataclass
class Graph:
    """Nodes in the order they run, and the constants that they read.

    A graph within another (`inner`) may read all that stands in the outer one before it.
    """

    names: Names = field(default_factory=Names)
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    outputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    _known: dict[tuple[str, tuple[int, ...], bytes], str] = field(default_factory=dict)

    def inner(self) -> Graph:
        """An empty graph for a loop's body or a branch."""
        return Graph(self.names)

    def add(self, op: str, *inputs: str, domain: str = "", **attributes: Attribute) -> str:
        """A node with one output, whose name is returned."""
        return self.add_several(op, inputs, 1, attributes, domain)[0]

    def add_several(
        self,
        op: str,
        inputs: Sequence[str],
        n: int,
        attributes: Mapping[str, Attribute],
        domain: str = "",
    ) -> list[str]:
        """A node with n outputs, whose names are returned."""
        outputs = [self.names.new(op.lower()) for _ in range(n)]
        self.add_node(op, inputs, outputs, attributes, domain)
        return outputs

    def add_node(
        self,
        op: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        attributes: Mapping[str, Attribute],
        domain: str = "",
    ) -> None:
        """A node whose outputs have these names."""
        node = helper.make_node(op, list(inputs), list(outputs), domain=domain)
        for name in sorted(attributes):
            node.attribute.append(helper.make_attribute(name, attributes[name]))
        self.nodes.append(node)

    def constant(self, array: np.ndarray) -> str:
        """The name of a tensor with these values; the same for the same small values."""
        array = np.asarray(array)
        key = None
        if array.size <= 16 and array.dtype != object:
            key = (array.dtype.str, array.shape, array.tobytes())
            if key in self._known:
                return self._known[key]
        name = self.names.new("constant")
        tensor = numpy_helper.from_array(np.array(array, order="C"), name)
        self.constants.append(tensor)
        if key is not None:
            self._known[key] = name
        return name

    def integers(self, values: Sequence[int]) -> str:
        """A constant of int64, as shapes and axes are given."""
        return self.constant(np.array(values, np.int64))

    def take_input(self, name: str, dtype: np.dtype, shape: Sequence[Dim]) -> str:
        """An input of the graph."""
        self.inputs.append(helper.make_tensor_value_info(name, onnx_type(dtype), list(shape)))
        return name

    def give_output(self, source: str, name: str, dtype: np.dtype, shape: Sequence[Dim]) -> None:
        """A tensor as an output of the graph, under this name."""
        self.nodes.append(helper.make_node("Identity", [source], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, onnx_type(dtype), list(shape)))

    def as_proto(self, name: str) -> onnx.GraphProto:
        """The graph as ONNX has it."""
        return helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.constants)

    def as_model(self, name: str, metadata: dict[str, str]) -> onnx.ModelProto:
        """A model of this graph, checked. `metadata` travels in its properties."""
        model = helper.make_model(
            self.as_proto(name),
            producer_name="denseq",
            ir_version=IR_VERSION,
            opset_imports=[
                helper.make_opsetid("", OPSET),
                helper.make_opsetid(ML_DOMAIN, ML_OPSET),
            ],
        )
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model)
        return model


def onnx_type(dtype: np.dtype) -> int:
    """The number that ONNX has for a numpy type; text is dtype object."""
    if dtype == np.dtype(object):
        return onnx.TensorProto.STRING
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
