"""Weights as a safetensors file, under the names and in the layouts that torch has for them.

The format: 8 bytes with the length of a header, the header as JSON, the arrays one after the other
(https://github.com/huggingface/safetensors).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping

import jax
import numpy as np

from nets.base import Tree
from train import config as configs
from train.config.net_options import Dense
from train.inference.predictor import Predictor
from train.portable.function import variables_of

TYPES = {"float32": "F32", "float64": "F64", "int32": "I32", "int64": "I64", "bool": "BOOL"}
ALIGNMENT = 8  # bytes that the header's length is a multiple of


def as_safetensors(model: Predictor, steps: int | None = None) -> bytes:
    """The file: weights and statistics, and config and schema among its metadata.

    An LSTM's arrays are called as `torch.nn.LSTM` has them, behind "lstm."; a linear layer's kernel
    is transposed and called "weight". Of several nets each has "member_N." in front.
    """
    del steps
    arrays: dict[str, np.ndarray] = {}
    members = variables_of(model)
    for number, variables in enumerate(members):
        prefix = f"member_{number}." if len(members) > 1 else ""
        for name, array in _named(variables, _divisor(model)):
            arrays[prefix + name] = array
    metadata = {
        "format": "pt",
        "producer": "denseq",
        "config": json.dumps(configs.to_json(model.config)),
        "encoder": json.dumps(model.encoder.to_json()),
    }
    return packed(arrays, metadata)


def packed(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """Arrays as the format has them."""
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    blocks = []
    end = 0
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        begin = end
        end += array.nbytes
        header[name] = {
            "dtype": TYPES[array.dtype.name],
            "shape": list(arrays[name].shape),
            "data_offsets": [begin, end],
        }
        blocks.append(array.tobytes())
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text + b"".join(blocks)


def _divisor(model: Predictor) -> bool:
    """Whether a linear layer divides by the root of its inputs (see `nets.linear`)."""
    net = model.config.net
    return isinstance(net, Dense) and net.parametrization == "ntk"


def _named(variables: Tree, divides: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Each array, with the name that torch has for it where it has one."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
        keys = [str(getattr(key, "key", key)) for key in path]
        array = np.asarray(leaf)
        collection, *names = keys
        if collection != "params":
            yield ".".join(keys), array
        elif names[-2:-1] in (["forward"], ["backward"]) and "lstm" in names:
            yield from _of_direction(names, array)
        elif names[-1] == "kernel" and array.ndim == 2:
            scale = 1 / math.sqrt(max(len(array), 1)) if divides else 1.0
            yield ".".join([*names[:-1], "weight"]), (array * np.float32(scale)).T
        else:
            yield ".".join(names), array


def _of_direction(names: list[str], array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """An array of one direction of an LSTM's layer, as torch's state_dict has it.

    Our gates stand in torch's order; its second bias is zero beside our one.
    """
    *front, layer, direction, name = names
    place = f"l{layer.removeprefix('layer_')}{'_reverse' if direction == 'backward' else ''}"
    prefix = ".".join(front)
    match name:
        case "kernel":
            yield f"{prefix}.weight_ih_{place}", array.T
        case "recurrent_kernel":
            yield f"{prefix}.weight_hh_{place}", array.T
        case _:
            yield f"{prefix}.bias_ih_{place}", array
            yield f"{prefix}.bias_hh_{place}", np.zeros_like(array)
