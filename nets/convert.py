"""Weights of torch and Keras LSTMs, as parameters of `nets.LSTM`. All three keep gates in the order
i, f, g, o.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

Parameters = dict[str, dict[str, dict[str, jnp.ndarray]]]


def lstm_from_torch(state: Mapping[str, Any]) -> Parameters:
    """Parameters for `LSTM` from `torch.nn.LSTM(...).state_dict()`, any number of layers and
    directions.

    Torch's two biases become their sum; without bias they are zero. Raises ValueError for a
    projected LSTM.
    """
    if any(name.startswith("weight_hr") for name in state):
        raise ValueError(
            "torch's LSTM has proj_size, which nets.LSTM does not: train it without a projection"
        )
    arrays = {name: np.asarray(value) for name, value in state.items()}
    layers: Parameters = {}
    while f"weight_ih_l{len(layers)}" in arrays:
        directions = {}
        for direction, ending in (("forward", ""), ("backward", "_reverse")):
            place = f"l{len(layers)}{ending}"
            if f"weight_ih_{place}" in arrays:
                bias_g = arrays.get(f"bias_ih_{place}", 0) + arrays.get(f"bias_hh_{place}", 0)
                kernel_fg = arrays[f"weight_ih_{place}"].T
                recurrent_hg = arrays[f"weight_hh_{place}"].T
                directions[direction] = _direction(kernel_fg, recurrent_hg, bias_g)
        layers[f"layer_{len(layers)}"] = directions
    if not layers:
        raise ValueError(
            f"no torch LSTM: expected the name weight_ih_l0, found {', '.join(arrays) or 'nothing'}"
        )
    return layers


def lstm_from_keras(weights: Sequence[Sequence[Any]], *, reverse: bool = False) -> Parameters:
    """Parameters for `LSTM` from `[layer.get_weights() for layer in layers]` of Keras' LSTM or
    Bidirectional(LSTM).

    A layer holds kernel, recurrent kernel and, if it has one, bias; of both directions, forward's
    first. `reverse` is for layers with go_backwards=True. Raises ValueError for any other number of
    arrays.
    """
    layers: Parameters = {}
    for i, layer in enumerate(weights):
        arrays = [np.asarray(value) for value in layer]
        # A bias is the only array of one dimension, so it tells 2 + 2 arrays from 3 + 3.
        size = 3 if any(array.ndim == 1 for array in arrays) else 2
        if len(arrays) not in (size, 2 * size):
            raise ValueError(
                f"layer {i}: {len(arrays)} arrays, expected kernel, recurrent kernel, bias per direction"
            )
        names = (
            ("forward", "backward")
            if len(arrays) == 2 * size
            else ("backward",)
            if reverse
            else ("forward",)
        )
        parts = [arrays[k : k + size] for k in range(0, len(arrays), size)]
        layers[f"layer_{i}"] = {
            name: _direction(*part) for name, part in zip(names, parts, strict=True)
        }
    return layers


def _direction(
    kernel_fg: np.ndarray, recurrent_hg: np.ndarray, bias_g: np.ndarray | int = 0
) -> dict[str, jnp.ndarray]:
    bias_g = np.broadcast_to(bias_g, kernel_fg.shape[1:]).astype(kernel_fg.dtype)
    return {
        "kernel": jnp.array(kernel_fg),
        "recurrent_kernel": jnp.array(recurrent_hg),
        "bias": jnp.array(bias_g),
    }
