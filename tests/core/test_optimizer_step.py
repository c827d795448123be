"""Steps by the kernel against those of the optimizer itself."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nets.base import Tree
from nets.kernels import library
from nets.kernels.dense_choice import nets_side_by_side
from tests.marks import needs_kernels
from train.config.options import Optim
from train.core.optim import make_optimizer
from train.core.optimizer_step import apply_gradients, is_plain_adam

TOTAL = 6
SHAPES = {"kernel": (3, 4, 33), "bias": (3, 33)}  # of three nets
NUMBERS = np.random.default_rng(0).normal(size=(TOTAL + 1, 3 * 5 * 33)).astype(np.float32)


def tree_of(numbers: np.ndarray) -> Tree:
    sizes = [int(np.prod(shape)) for shape in SHAPES.values()]
    parts = np.split(numbers, np.cumsum(sizes)[:-1])
    named = zip(SHAPES.items(), parts, strict=True)
    return {"layer": {name: jnp.asarray(part.reshape(shape)) for (name, shape), part in named}}


def steps(options: Optim, plateau: float | None) -> tuple[Tree, Tree, str]:
    """Parameters and state after TOTAL steps of nets side by side, and the program of one."""
    program = SimpleNamespace(
        config=SimpleNamespace(optim=options),
        optimizer=make_optimizer(options, TOTAL),
        total_steps=TOTAL,
    )
    params = tree_of(NUMBERS[0])
    state = jax.vmap(program.optimizer.init)(params)

    def step(grads: Tree, state: Tree, params: Tree) -> tuple[Tree, Tree]:
        factor = None if plateau is None else jnp.float32(plateau)
        return apply_gradients(program, grads, state, params, factor)  # type: ignore[arg-type]

    with nets_side_by_side():
        run = jax.jit(jax.vmap(step))
        text = run.lower(tree_of(NUMBERS[1]), state, params).as_text()
        for numbers in NUMBERS[1:]:
            params, state = run(tree_of(numbers), state, params)
    return params, state, text


@needs_kernels()
@pytest.mark.parametrize(
    ("options", "plateau"),
    [
        (Optim(name="adam"), None),
        (Optim(name="adam", learning_rate=0.03, beta1=0.5, beta2=0.9, epsilon=0.1), None),
        (Optim(name="adam", schedule="cosine", warmup=0.5, final=0.2), None),
        (Optim(name="adam", schedule="plateau"), 0.25),
    ],
)
def test_steps_by_the_kernel_are_those_of_the_optimizer(
    options: Optim, plateau: float | None
) -> None:
    assert library.is_native()
    *found, by_kernel = steps(options, plateau)
    with patch("train.core.optimizer_step.suits", return_value=False):
        *truth, plain = steps(options, plateau)
    assert "denseq_adam" in by_kernel and "denseq_adam" not in plain
    assert jax.tree.structure(found) == jax.tree.structure(truth)

    def compare(ours: jax.Array, theirs: jax.Array) -> None:
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-6 * np.abs(theirs).max())

    jax.tree.map(compare, found, truth)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (Optim(name="adam"), True),
        (Optim(name="adamw", weight_decay=0.0), True),
        (Optim(name="adamw", weight_decay=0.1), False),
        (Optim(name="adam", clip_norm=1.0), False),
        (Optim(name="adam", rates={"bias": 2.0}), False),
        (Optim(name="adam", l1=0.1, l1_step="proximal"), False),
        (Optim(name="adam", l1=0.1), True),
        (Optim(name="nadam"), False),
        (Optim(name="rmsprop"), False),
        (Optim(name="sgd"), False),
    ],
)
def test_the_kernel_takes_steps_of_adam_with_nothing_beside_it(
    options: Optim, wanted: bool
) -> None:
    assert is_plain_adam(options) is wanted
