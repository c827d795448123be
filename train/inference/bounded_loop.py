"""A loop whose number of turns is known only when it runs, in a program of one shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax import lax

from nets.base import Array


def fill_places(
    answer: Callable[[Array], Mapping[str, Array]], n_places: int, count: Array
) -> dict[str, Array]:
    """{name: [n_places, ...]}: what `answer` gives for the first `count` places, zeros behind."""

    def fill_one(place: Array, found: dict[str, Array]) -> dict[str, Array]:
        answers = answer(place)
        return {name: found[name].at[place].set(answers[name]) for name in found}

    empty = {}
    for name, shape in jax.eval_shape(answer, jnp.int32(0)).items():
        empty[name] = jnp.zeros((n_places, *shape.shape), shape.dtype)
    return lax.fori_loop(0, count, fill_one, empty)
