"""The layers of a network as they are made: their shapes, and how many numbers each learns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import flax.linen as nn
import jax
from flax.linen.module import InterceptorContext

from nets.base import Params, Tree
from train.config.options import LOG_LOSSES
from train.core.program import Program

MAX_SHOWN = 12  # layers of a net


class Layer(NamedTuple):
    """A call of a module: where it stands, what it is, and the shapes that go in and come out."""

    path: tuple[str, ...]
    kind: str
    given: str
    made: str


@contextmanager
def recorded_layers() -> Iterator[list[Layer]]:
    """The calls of modules, in the block, with what they are given; each path once."""
    layers: dict[tuple[str, ...], Layer] = {}

    def record(
        call: Callable[..., Tree],
        arguments: Sequence[Tree],
        named: Mapping[str, Tree],
        context: InterceptorContext,
    ) -> Tree:
        made = call(*arguments, **named)
        path = context.module.path
        if context.method_name == "__call__" and path not in layers:
            kind = type(context.module).__name__
            layers[path] = Layer(path, kind, _shape(arguments), _shape(made))
        return made

    found: list[Layer] = []
    with nn.intercept_methods(record):
        yield found
    found += layers.values()


def _shape(tree: Tree) -> str:
    """The shape of the first array without the axis of the batch: "24 x 64"; "" without any."""
    for leaf in jax.tree.leaves(tree):
        if getattr(leaf, "ndim", 0) > 1:
            return " x ".join(map(str, leaf.shape[1:]))
    return ""


def layer_lines(
    layers: Sequence[Layer], params: Params, program: Program, n_members: int = 1
) -> list[str]:
    """A line for the net and its loss, and one for each layer that learns.

    The parameters may be those of several members, on a first axis.
    """
    sizes = _sizes(params)
    if n_members > 1:
        sizes = {path: size // n_members for path, size in sizes.items()}
    calls = {layer.path: layer for layer in layers}
    total = sum(sizes.values())
    kind = type(program.config.net).__name__
    lines = [f"net: {kind}, {total:,} parameters; {loss_in_words(program)}"]
    rows = []
    for path, size in sizes.items():
        layer = calls.get(path, Layer(path, "", "", ""))
        shapes = f"{layer.given} -> {layer.made}" if layer.given and layer.made else ""
        rows.append(("/".join(path) or kind, layer.kind, shapes, f"{size:,}"))
    rest = rows[MAX_SHOWN:]
    lines += _align(rows[:MAX_SHOWN])
    if rest:
        lines.append(f"  and {len(rest)} more layers")
    return lines


def _sizes(params: Params, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], int]:
    """{path of a module: how many numbers it holds itself}, of those that hold any."""
    own = 0
    inner: dict[tuple[str, ...], int] = {}
    for name, part in params.items():
        if isinstance(part, Mapping):
            inner |= _sizes(part, (*path, name))
        else:
            own += part.size
    return ({path: own} if own else {}) | inner


def _align(rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        words = [text.ljust(width) for text, width in zip(row[:-1], widths, strict=False)]
        lines.append(f"  {'  '.join(words)}  {row[-1].rjust(widths[-1])}")
    return lines


def loss_in_words(program: Program) -> str:
    """What the loss is, and that it is in other units than the scores where it is."""
    names = dict.fromkeys(task.loss for task in program.tasks)
    words = f"loss: {' + '.join(names)}"
    return (
        f"{words} of scaled targets; scores are in their own units" if is_scaled(program) else words
    )


def is_scaled(program: Program) -> bool:
    """Whether a loss compares numbers in deviations of the training targets."""
    if getattr(program.config.data, "target_scaling", "standard") == "none":
        return False
    return any(t.head.kind == "regression" and t.loss not in LOG_LOSSES for t in program.tasks)
