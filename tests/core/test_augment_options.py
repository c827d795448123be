"""Every augmentation that a kind of data may ask for does something to it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

from nets.base import Array
from train.config.checks import SEQUENCE_STRENGTHS, TABLE_STRENGTHS
from train.config.net_options import LSTM, Dense, Net
from train.config.options import Augment
from train.core.augment import augment
from train.data import checks
from train.data.dataset import Batch

NAMES = list(Augment().strengths())
LENGTH = jnp.array([3, 2])
ROWS = {"numbers": jnp.ones((2, 3)), "codes": jnp.ones((2, 2), jnp.int32)}
NUMBERS = {"length": LENGTH, "numbers": jnp.ones((2, 4, 3))}
TOKENS = {"length": LENGTH, "tokens": jnp.ones((2, 4), jnp.int32)}
STATISTICS = {"mean": jnp.zeros(3), "spread": jnp.ones(3)}


def acts(name: str, inputs: dict[str, Array], net: Net) -> bool:
    """Whether any array of a batch is computed anew where an augmentation is on."""
    target = {"y": jnp.ones((2, 1))}

    def vary(inputs: dict[str, Array], weight: Array) -> tuple[Batch[Array], ...]:
        batch = Batch(inputs, target, weight, inputs.get("length"))
        options = Augment(**{name: 0.5})
        return augment(jax.random.key(0), batch, lambda _: batch, options, net, STATISTICS)

    traced = jax.make_jaxpr(lambda inputs, weight: [b.inputs for b in vary(inputs, weight)])
    program = traced(inputs, jnp.ones(2)).jaxpr
    return any(variable not in program.invars for variable in program.outvars)


@pytest.mark.parametrize("name", NAMES)
def test_an_augmentation_acts_on_the_data_it_is_for(name: str) -> None:
    if name not in SEQUENCE_STRENGTHS:
        assert acts(name, ROWS, Dense())
    if name not in TABLE_STRENGTHS:
        assert acts(name, NUMBERS, LSTM()) or acts(name, TOKENS, LSTM())


def test_what_an_augmentation_of_sequences_needs_is_named() -> None:
    needs = {*checks.VARY_NUMBERS, *checks.VARY_TOKENS, *checks.MOVE_STEPS}
    assert {f"augment.{name}" for name in NAMES if name not in TABLE_STRENGTHS} <= needs
