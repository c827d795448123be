"""A net as StableHLO for CPU, GPU and TPU, for any number of rows: written, and read back.

The file: a line of JSON with the digest of what follows, then what `jax.export` serialises.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import export as jax_export

from nets.kernels import library
from train import config as configs
from train.core.precision import in_single_precision
from train.core.series_places import reads_groups
from train.data.dataset import HostArrays, Json
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.steps import padded_width
from train.data.sequences.text import MAX_CHARACTERS
from train.data.series.encoder import SeriesEncoder
from train.data.table.encoder import TableEncoder
from train.errors import UserError
from train.inference.predictor import Predictor
from train.portable.function import answer_function
from train.portable.shapes import ROWS

PLATFORMS = ("cpu", "cuda", "tpu")
LONGEST_HEADER = 1 << 26


class Exported(NamedTuple):
    """A program that was read back, and what it was written with: config and schema as JSON."""

    answer: Callable[[Mapping[str, np.ndarray]], HostArrays]
    description: Json


@in_single_precision()
def as_stablehlo(model: Predictor, steps: int | None = None) -> bytes:
    """The file: encoded inputs in, answers in encoded units out, the weights in it."""
    inputs = encoded_inputs(model, steps)
    with library.portable():
        answer = jax.jit(answer_function(model))
        exported = jax_export.export(answer, platforms=PLATFORMS)(inputs)
    payload = bytes(exported.serialize())
    description = {
        "config": configs.to_json(model.config),
        "encoder": model.encoder.to_json(),
        "inputs": {name: str(spec) for name, spec in inputs.items()},
    }
    header = {"sha256": hashlib.sha256(payload).hexdigest(), "description": description}
    return json.dumps(header).encode() + b"\n" + payload


def encoded_inputs(model: Predictor, steps: int | None) -> dict[str, jax.ShapeDtypeStruct]:
    """What the net is given: {name: shape and type}, the number of rows open."""
    (rows,) = jax_export.symbolic_shape(ROWS)
    shapes: dict[str, tuple[tuple[int, ...], np.dtype]] = {}
    single, codes = jnp.dtype("float32"), jnp.dtype("int32")
    match encoder := model.encoder:
        case TableEncoder():
            if encoder.number_names:
                shapes["numbers"] = (len(encoder.number_names),), single
            if encoder.category_sizes:
                shapes["codes"] = (len(encoder.category_sizes),), codes
        case SeriesEncoder():
            shapes["past"] = (encoder.lookback, encoder.n_columns), single
            if encoder.n_ahead:
                shapes["future"] = (encoder.horizon, encoder.n_ahead), single
            if reads_groups(model.config, encoder):
                shapes["series"] = (), codes
        case SequenceEncoder():
            steps = steps or padded_width(np.array([encoder.longest]))
            shapes["length"] = (), codes
            if encoder.numbers:
                shapes["numbers"] = (steps, encoder.n_numbers), single
            if encoder.token is not None:
                shapes["tokens"] = (steps,), codes
            if encoder.vocabulary.n_characters:
                shapes["characters"] = (steps, MAX_CHARACTERS), codes
    found = {}
    for name, (shape, dtype) in shapes.items():
        found[name] = jax.ShapeDtypeStruct((rows, *shape), dtype)
    return found


def load(path: str | Path) -> Exported:
    """The program of such a file, whose digest is verified before it is deserialised.

    Raises UserError for a file that is no such program, or is not whole.
    """
    with Path(path).open("rb") as file:
        line = file.readline(LONGEST_HEADER)
        payload = file.read()
    try:
        header = json.loads(line)
        digest = header["sha256"]
        description = header["description"]
    except (ValueError, TypeError, KeyError):
        raise UserError(f"{path}: no program that train.export wrote") from None
    if digest != hashlib.sha256(payload).hexdigest():
        raise UserError(f"{path}: is damaged: its digest is another; export the net again")
    exported = jax_export.deserialize(bytearray(payload))

    @in_single_precision()
    def answer(inputs: Mapping[str, np.ndarray]) -> HostArrays:
        return jax.device_get(exported.call(dict(inputs)))

    return Exported(answer, description)
