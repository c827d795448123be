"""Weights of torch and Keras, as parameters of `nets.LSTM` and `nets.Recurrent(cell="gru")`.

All LSTMs keep gates in the order i, f, g, o; GRUs keep r, z, n here and in torch, z, r, n in Keras.
Shapes: f inputs, h hidden, g gates * h.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from nets.base import Array


@runtime_checkable
class TorchTensor(Protocol):
    """What is asked of a tensor of torch, which need not be installed."""

    dtype: object

    def detach(self) -> TorchTensor:
        """The tensor without its gradient."""
        ...

    def cpu(self) -> TorchTensor:
        """The tensor where numpy can read it."""
        ...

    def float(self) -> TorchTensor:
        """The tensor in float32."""
        ...


Weights: TypeAlias = Mapping[str, ArrayLike | TorchTensor]


@runtime_checkable
class TorchModule(Protocol):
    """What is asked of a module of torch."""

    def state_dict(self) -> Weights:
        """Its weights by name."""
        ...


@runtime_checkable
class KerasLayer(Protocol):
    """What is asked of a layer of Keras."""

    def get_weights(self) -> Sequence[ArrayLike]:
        """Its arrays."""
        ...


KerasWeights: TypeAlias = Sequence[Sequence[ArrayLike] | KerasLayer]
Direction: TypeAlias = dict[str, Array]


def lstm_from_torch(state: Weights | TorchModule) -> dict[str, dict[str, Direction]]:
    """Parameters for `LSTM` from a `torch.nn.LSTM`, or a module that holds one.

    Its `state_dict()` or `dict(module.named_parameters())` serves too; bfloat16 becomes float32.
    Any number of layers and directions. Torch's two biases become their sum; without bias they are
    zero. Raises ValueError for a projected LSTM, and for what is no LSTM.
    """
    layers: dict[str, dict[str, Direction]] = {}
    for i, name, weights in _torch_directions(state, "LSTM", 4):
        bias_g = weights["bias_ih"] + weights["bias_hh"]
        directions = layers.setdefault(f"layer_{i}", {})
        directions[name] = _direction(weights["weight_ih"].T, weights["weight_hh"].T, bias=bias_g)
    return layers


def gru_from_torch(state: Weights | TorchModule) -> dict[str, Direction]:
    """Parameters for `Recurrent(cell="gru")` from a `torch.nn.GRU`, or its `state_dict()`.

    Any number of layers and directions; without bias both are zero. Raises ValueError for weights
    of something else.
    """
    layers: dict[str, Direction] = {}
    for i, name, weights in _torch_directions(state, "GRU", 3):
        layers[_layer_name(i, name)] = _direction(
            weights["weight_ih"].T,
            weights["weight_hh"].T,
            bias=weights["bias_ih"],
            recurrent_bias=weights["bias_hh"],
        )
    return layers


def lstm_from_keras(
    weights: KerasWeights, *, reverse: bool = False
) -> dict[str, dict[str, Direction]]:
    """Parameters for `LSTM` from layers of Keras: `[layer, ...]`, or the `get_weights()` of each.

    A layer is an LSTM or a Bidirectional(LSTM); it holds kernel, recurrent kernel and, if it has
    one, bias; of both directions, forward's first. `reverse` is for layers with go_backwards=True.
    Raises ValueError for any other number of arrays.
    """
    layers: dict[str, dict[str, Direction]] = {}
    for i, name, arrays in _keras_directions(weights, 4, reverse):
        kernel_fg, recurrent_hg, *biases = arrays
        bias_g = biases[0] if biases else np.zeros(kernel_fg.shape[1])
        directions = layers.setdefault(f"layer_{i}", {})
        directions[name] = _direction(kernel_fg, recurrent_hg, bias=bias_g)
    return layers


def gru_from_keras(weights: KerasWeights, *, reverse: bool = False) -> dict[str, Direction]:
    """Parameters for `Recurrent(cell="gru")` from layers of Keras, or the `get_weights()` of each.

    A layer is Keras' GRU or Bidirectional(GRU), reset_after as it is by default; arrays and
    `reverse` as for `lstm_from_keras`. Raises ValueError for other arrays, and for
    reset_after=False.
    """
    layers: dict[str, Direction] = {}
    for i, name, arrays in _keras_directions(weights, 3, reverse):
        kernel_fg, recurrent_hg, *biases = arrays
        bias_2g = biases[0] if biases else np.zeros((2, kernel_fg.shape[1]))
        if bias_2g.ndim != 2:
            raise ValueError(
                f"layer {i}: one bias of {bias_2g.shape}, expected two: "
                "a GRU with reset_after=False is of another form"
            )
        layers[_layer_name(i, name)] = _direction(
            _reset_first(kernel_fg),
            _reset_first(recurrent_hg),
            bias=_reset_first(bias_2g[0]),
            recurrent_bias=_reset_first(bias_2g[1]),
        )
    return layers


def _torch_directions(
    state: Weights | TorchModule, kind: str, n_gates: int
) -> Iterator[tuple[int, str, dict[str, np.ndarray]]]:
    """(layer, direction, its four arrays) of a torch module; biases that it lacks are zero."""
    if isinstance(state, TorchModule):
        state = state.state_dict()
    if not isinstance(state, Mapping):
        raise ValueError(
            f"no torch {kind}: expected a torch.nn.{kind} or its state_dict(), "
            f"found {type(state).__name__}"
        )
    if any(name.startswith("weight_hr") for name in state):
        raise ValueError(
            "torch's LSTM has proj_size, which nets.LSTM does not: train it without a projection"
        )
    state = _without_prefix(state)
    if "weight_ih_l0" not in state:
        raise ValueError(
            f"no torch {kind}: expected the name weight_ih_l0, "
            f"found {', '.join(state) or 'nothing'}"
        )
    i = 0
    while f"weight_ih_l{i}" in state:
        for direction, ending in (("forward", ""), ("backward", "_reverse")):
            place = f"l{i}{ending}"
            if f"weight_ih_{place}" in state:
                weights = {}
                for name in ("weight_ih", "weight_hh"):
                    weights[name] = _as_array(state[f"{name}_{place}"])
                width, size = weights["weight_hh"].shape
                if width != n_gates * size:
                    raise ValueError(
                        f"no torch {kind}: weight_hh_{place} is {width} x {size}, "
                        f"expected {n_gates} gates of {size}"
                    )
                for name in ("bias_ih", "bias_hh"):
                    weights[name] = _as_array(state.get(f"{name}_{place}", np.zeros(width)))
                yield i, direction, weights
        i += 1


def _without_prefix(state: Weights) -> Weights:
    """The weights without the name of the module within another that all of them begin with."""
    first = [name for name in state if name.endswith(".weight_ih_l0")]
    if len(first) != 1:
        return state
    prefix = first[0].removesuffix("weight_ih_l0")
    return {name[len(prefix) :]: state[name] for name in state if name.startswith(prefix)}


def _as_array(weights: ArrayLike | TorchTensor) -> np.ndarray:
    """Weights, also of a torch parameter that has a gradient, is elsewhere, or is in bfloat16."""
    if isinstance(weights, TorchTensor):
        weights = weights.detach().cpu()
        if str(weights.dtype) == "torch.bfloat16":  # which numpy has no type for
            weights = weights.float()
    return np.asarray(weights)


def _keras_directions(
    weights: KerasWeights, n_gates: int, reverse: bool
) -> Iterator[tuple[int, str, list[np.ndarray]]]:
    """(layer, direction, its kernel, recurrent kernel and maybe bias) of Keras' layers."""
    if not isinstance(weights, list | tuple):
        raise ValueError(
            f"expected a list of Keras layers, or of their get_weights(), "
            f"found {type(weights).__name__}"
        )
    for i, layer in enumerate(weights):
        if isinstance(layer, KerasLayer):
            layer = layer.get_weights()
        if not isinstance(layer, list | tuple):
            raise ValueError(
                f"layer {i}: expected a Keras layer, or the list of its get_weights(), "
                f"found {type(layer).__name__}"
            )
        arrays = list(map(np.asarray, layer))
        size = 3 if len(arrays) in (3, 6) else 2
        directions = [arrays[start : start + size] for start in range(0, len(arrays), size)]
        if len(directions) not in (1, 2) or not all(
            _are_weights(one, n_gates) for one in directions
        ):
            raise ValueError(
                f"layer {i}: {len(arrays)} arrays, "
                "expected kernel, recurrent kernel, bias per direction"
            )
        names = ("backward",) if reverse and len(directions) == 1 else ("forward", "backward")
        for name, direction in zip(names, directions, strict=False):
            yield i, name, direction


def _are_weights(arrays: list[np.ndarray], n_gates: int) -> bool:
    """Whether these may be a kernel, a recurrent kernel and a bias, if there is one."""
    if len(arrays) < 2 or arrays[0].ndim != 2:
        return False
    width = arrays[0].shape[1]
    return arrays[1].shape == (width // n_gates, width) and arrays[-1].shape[-1] == width


def _layer_name(i: int, direction: str) -> str:
    return f"layer_{i}" if direction == "forward" else f"layer_{i}_backward"


def _reset_first(weights_g: np.ndarray) -> np.ndarray:
    """[..., z r n] -> [..., r z n]."""
    z, r, n = np.split(weights_g, 3, -1)
    return np.concatenate([r, z, n], -1)


def _direction(kernel_fg: np.ndarray, recurrent_hg: np.ndarray, **biases: np.ndarray) -> Direction:
    """A direction's parameters, all in the kernel's type."""
    weights = {"kernel": kernel_fg, "recurrent_kernel": recurrent_hg, **biases}
    return {name: jnp.array(value, kernel_fg.dtype) for name, value in weights.items()}
