"""A horizon answered patch by patch, each of which is read before the next one is answered.

Shapes: r rows (windows, or their columns apart), l lookback, q rows of a patch, w targets, f
columns read (the targets first), k columns known ahead (the last ones), s patches read, j patches
to come, e what a step of the recurrent net reads, d hidden, n numbers of an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from nets.base import Array
from nets.readout import read as read_out
from nets.stack import RecurrentStack


class Ahead(NamedTuple):
    """What is known of the patches to come: known columns, and what is added to each forecast."""

    known_rjqk: Array | None
    beside_rjqw: Array

    def rows(self, j: int, answer_r1n: Array, before_rqf: Array, n_marks: int) -> Array:
        """The j-th patch as it is read once it is answered [r, q, f].

        The first number of each answer is the forecast. Its marks say that nothing is missing;
        columns that are not known ahead stay as they were `before`.
        """
        beside_rqw = self.beside_rjqw[:, j]
        n_rows, size, n_targets = beside_rqw.shape
        answer_rqwp = answer_r1n.reshape(n_rows, size, n_targets, -1)
        parts = [answer_rqwp[..., 0] + beside_rqw, jnp.zeros((n_rows, size, n_marks))]
        rest_rqf = before_rqf[:, :, n_targets + n_marks :]
        if self.known_rjqk is None:
            return jnp.concatenate([*parts, rest_rqf], axis=2)
        known_rqk = self.known_rjqk[:, j]
        n_stay = rest_rqf.shape[2] - known_rqk.shape[2]
        return jnp.concatenate([*parts, rest_rqf[:, :, :n_stay], known_rqk], axis=2)


def answer_by_steps(
    body: RecurrentStack,
    read: Callable[[Array], Array],
    answer: Callable[[Array, Array | None], Array],
    columns_rlf: Array,
    ahead: Ahead,
    n_marks: int,
    *,
    train: bool,
) -> Array:
    """The answers to all patches to come [r, j, n], which the body goes on to read one by one.

    `read` makes steps [r, s, e] of columns [r, l, f], `answer` numbers [r, 1, n] of an output
    [r, 1, d] and what is known ahead [r, 1, q * k].
    """
    outputs_rsd, carry = body(read(columns_rlf), train=train)
    n_rows, n_patches, size, _ = ahead.beside_rjqw.shape
    rows_rqf = columns_rlf[:, -size:]
    answers = []
    for j in range(n_patches):
        if j:
            rows_rqf = ahead.rows(j - 1, answers[-1], rows_rqf, n_marks)
            outputs_rsd, carry = body(read(rows_rqf), carry=carry, train=train)
        assert isinstance(outputs_rsd, jax.Array)  # a pair only where directions are not merged
        last_r1d = read_out("last", outputs_rsd, carry, body.merge)[:, None]
        known_r1k = None
        if ahead.known_rjqk is not None:
            known_r1k = ahead.known_rjqk[:, j].reshape(n_rows, 1, -1)
        answers.append(answer(last_r1d, known_r1k))
    return jnp.concatenate(answers, axis=1)
