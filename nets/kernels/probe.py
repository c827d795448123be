"""`python -m nets.kernels.probe LIBRARY`: exit code 0 if it loads, runs, and computes right.

In a process of its own: a library that fits this jaxlib or this machine badly ends the process that
tries it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from nets.base import Tree, init_variables
from nets.dense import Dense
from nets.dropout import words_of
from nets.embeddings import DENSE_FEATURES, Bins, Waves, embed_numbers
from nets.heads import Heads, HeadShape
from nets.inputs import Inputs
from nets.kernels import library
from nets.kernels.dense import native_layers
from nets.kernels.embeddings import native_embedding
from nets.kernels.lstm import native_layer
from nets.kernels.tables import NativeTable
from nets.layers import DenseLayers, Form, dense_layers
from nets.recurrence_scan import Answer, LayerInputs, scanned_layer
from nets.table import TableNetwork

N_STEPS = 5
N_ROWS = 9
N_INPUTS = 3
SIZE = 18
REVERSE = (False, True)
TOLERANCE = 1e-4


def difference(ours: Callable[..., Answer]) -> float:
    """A layer's largest difference to the scans, in an answer or a gradient, of numbers about 1."""
    rng = np.random.default_rng(0)
    n = len(REVERSE)
    shapes = (
        (N_ROWS, N_STEPS, N_INPUTS),
        (n, N_INPUTS, 4 * SIZE),
        (n, SIZE, 4 * SIZE),
        (n, 4 * SIZE),
    )
    carry = (n, N_ROWS, SIZE)
    x, kernel, recurrent, bias, h, c, mask = (
        jnp.asarray(0.5 * rng.standard_normal(shape), jnp.float32)
        for shape in (*shapes, carry, carry, carry)
    )
    given = LayerInputs(x, kernel, recurrent, bias, h, c, None, mask)
    lengths_b = jnp.arange(N_ROWS, dtype=jnp.int32) % (N_STEPS + 1)

    def outcome(layer: Callable[..., Answer], given: LayerInputs) -> tuple[Answer, LayerInputs]:
        answer, pullback = jax.vjp(
            lambda given: layer(REVERSE, given._replace(lengths_b=lengths_b)), given
        )
        return answer, pullback(answer)[0]

    return _largest_difference(partial(outcome, ours), partial(outcome, scanned_layer), given)


def difference_of_dense() -> float:
    """The largest difference of dense layers to plain operations."""
    rng = np.random.default_rng(0)
    x, kernel, bias, slope = (
        jnp.asarray(rng.standard_normal(shape), jnp.float32)
        for shape in ((N_ROWS, N_INPUTS), (N_INPUTS, SIZE), (SIZE,), (SIZE,))
    )
    words = words_of(jax.random.key(0), N_ROWS * SIZE)
    given = DenseLayers(x, (kernel,), (bias,), (slope,))

    def outcome(
        layers: Callable[..., jax.Array], given: DenseLayers
    ) -> tuple[jax.Array, DenseLayers]:
        def run(given: DenseLayers) -> jax.Array:
            return layers(Form("mish"), given._replace(words=(words,), rate=jnp.float32(0.25)))

        answer, pullback = jax.vjp(run, given)
        return answer, pullback(answer)[0]

    return _largest_difference(
        partial(outcome, native_layers), partial(outcome, dense_layers), given
    )


def difference_of_embeddings() -> float:
    """The largest difference of features of numbers to plain operations."""
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> jax.Array:
        return jnp.asarray(rng.standard_normal(shape), jnp.float32)

    x = draw(N_ROWS, N_INPUTS)
    own = (N_INPUTS, SIZE)
    edges = jnp.sort(draw(N_INPUTS, N_STEPS))
    bins = Bins(x, edges, draw(*own), draw(*own), draw(N_INPUTS, N_STEPS - 1, SIZE))
    maps = (draw(*own, DENSE_FEATURES), draw(N_INPUTS, DENSE_FEATURES))
    waves = Waves(x, draw(*own), draw(*own), *maps)

    def outcome(embed: Callable[[Tree], jax.Array], given: tuple[Bins, Waves]) -> Tree:
        answers = []
        for numbers in given:
            n_fixed = 2 if isinstance(numbers, Bins) else 1

            def run(parameters: Tree, numbers=numbers, n_fixed=n_fixed) -> jax.Array:
                return embed(type(numbers)(*numbers[:n_fixed], *parameters))

            answer, pullback = jax.vjp(run, tuple(numbers[n_fixed:]))
            answers.append((answer, pullback(answer)))
        return answers

    return _largest_difference(
        partial(outcome, native_embedding), partial(outcome, embed_numbers), (bins, waves)
    )


def difference_of_tables() -> float:
    """The largest difference of a whole network's answers to its own."""
    rng = np.random.default_rng(0)
    rows = {"numbers": rng.standard_normal((N_ROWS, N_INPUTS)).astype(np.float32)}
    heads = Heads((HeadShape("y", "regression", 1),))
    network = TableNetwork(Inputs(), Dense((SIZE,), "mish"), heads)
    statistics = network.fit_statistics(rows, {"y": rng.standard_normal((N_ROWS, 1))})
    variables = jax.jit(partial(init_variables, network))(jax.random.key(0), rows, statistics)
    truth: Tree = jax.jit(partial(network.apply, method="predict"))(variables, rows)
    return float(np.abs(NativeTable(network, variables)(rows)["y"] - truth["y"]).max())


def _largest_difference(
    ours: Callable[..., Tree], truth: Callable[..., Tree], given: Tree
) -> float:
    """The largest difference between two functions' answers; NaN where there is one."""
    differences = jax.tree.map(
        lambda a, b: jnp.abs(a - b).max(), jax.jit(ours)(given), jax.jit(truth)(given)
    )
    return float(jnp.max(jnp.stack(jax.tree.leaves(differences))))


def main(path: str) -> int:
    """The exit code for the library at a path."""
    library.register(Path(path), Path(path).read_bytes())
    for found in (
        difference(native_layer),
        difference_of_dense(),
        difference_of_embeddings(),
        difference_of_tables(),
    ):
        if not found < TOLERANCE:  # a NaN is an error too
            print(f"error: its numbers are {found:.3g} from the portable ones", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
