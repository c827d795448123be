"""Threshold neurons, and the rules that learn them row by row.

Shapes: b batch, f features, k neurons. A neuron says yes where its score x w + bias is above 0. The
rules are pure functions of (state, rows), and weights keep their dtype: integers stay integers.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from nets.base import Array, Arrays
from nets.columns import ColumnsNetwork
from nets.heads import HeadShape, named_heads
from nets.linear import INITIALIZERS
from nets.units import exact_product

Rule = Literal["rosenblatt", "pocket", "averaged", "straight_through", "surrogate"]
BY_ROW = ("rosenblatt", "pocket", "averaged")


@jax.custom_jvp
def surrogate_step(x: Array) -> Array:
    """1 where x > 0, else 0, with a derivative that is 0 nowhere: 1 / (1 + |x|)^2.

    Zenke & Ganguli 2018.
    """
    return (x > 0).astype(x.dtype)


@surrogate_step.defjvp
def _surrogate_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,) = primals
    (tangent,) = tangents
    return surrogate_step(x), tangent / jnp.square(1 + jnp.abs(x))


class PerceptronState(NamedTuple):
    """What a rule knows: weights that learn, `running`, and those that `answer`.

    Both are [f + 1, k], the bias last. `rows` is what all rows that were seen weigh; of each neuron
    [k], `run` what those since its last mistake do, and `longest` is the heaviest such run.
    """

    running: Array
    answer: Array
    rows: Array
    run: Array
    longest: Array


def start_perceptron(n_features: int, n_neurons: int, dtype: type = jnp.float32) -> PerceptronState:
    """All weights 0: the bound on the number of mistakes holds from there."""
    # Each an array of its own: a compiled update may take the memory of all.
    shape = (n_features + 1, n_neurons)
    return PerceptronState(
        running=jnp.zeros(shape, dtype),
        answer=jnp.zeros(shape, dtype),
        rows=jnp.zeros(()),
        run=jnp.zeros(n_neurons),
        longest=jnp.zeros(n_neurons),
    )


def learn_rows(
    state: PerceptronState, x_bf: Array, sign_bk: Array, weight_b: Array, rule: str = "rosenblatt"
) -> tuple[PerceptronState, Array]:
    """Rosenblatt's rule (1958), one row after the other, and the number of mistakes of each [b].

    A neuron whose score has not the sign it should, +1 or -1, is given `weight` times sign times
    the row; it counts for as many rows as it weighs, and one of weight 0 does not exist. On
    separable rows there are at most (R / gamma)^2 mistakes in all (Novikoff 1962), R being the
    largest norm of a row and gamma its distance from a separating plane, both with a 1 for the
    bias. What answers: "rosenblatt" the running weights, "pocket" those that made the longest run
    without a mistake (Gallant 1990), "averaged" their mean over all rows (Freund & Schapire 1999).
    """
    one_b = jnp.ones((x_bf.shape[0], 1), x_bf.dtype)

    def learn_row(
        state: PerceptronState, row: tuple[Array, Array, Array]
    ) -> tuple[PerceptronState, Array]:
        x_f, sign_k, weight = row
        mask = weight > 0
        wrong_k = mask & (exact_product(x_f, state.running) * sign_k <= 0)
        step_k = jnp.where(wrong_k, sign_k * weight, jnp.zeros((), sign_k.dtype))
        running = state.running + (x_f[:, None] * step_k[None]).astype(state.running.dtype)
        count = weight.astype(state.rows.dtype)
        rows = state.rows + count
        run = jnp.where(wrong_k, 0, state.run + count)
        longest = jnp.maximum(state.longest, run)
        if rule == "pocket":
            answer = jnp.where((run > state.longest)[None], running, state.answer)
        elif rule == "averaged":
            share = (count / jnp.maximum(rows, 1e-30)).astype(running.dtype)
            answer = state.answer + (running - state.answer) * share
        else:
            answer = running
        return PerceptronState(running, answer, rows, run, longest), wrong_k.sum()

    return lax.scan(learn_row, state, (jnp.concatenate([x_bf, one_b], 1), sign_bk, weight_b))


class Perceptron(ColumnsNetwork):
    """A layer of threshold neurons: one for two classes, else one for each against all others.

    `learn` is what takes the place of a gradient where the rule goes row by row; the others descend
    on the error of the thresholds, whose derivative is made up.
    """

    heads: tuple[HeadShape, ...]
    rule: Rule = "rosenblatt"
    ends_without_loss = True

    @property
    def learns_by_rule(self) -> bool:
        """Whether `learn` takes the place of a gradient."""
        return self.rule in BY_ROW

    @nn.compact
    def __call__(
        self, columns: Arrays, weight_b: Array | None = None, *, train: bool
    ) -> dict[str, Array]:
        """Scaled columns -> {head: scores [b, k]}."""
        del weight_b, train
        x_bf = self.features(columns)
        scores = {}
        for head, name in named_heads(self.heads):
            fresh = start_perceptron(x_bf.shape[1], head.size)
            start = INITIALIZERS["zeros" if self.learns_by_rule else "glorot_uniform"]
            kernel = self.param(f"{name}_kernel", start, (x_bf.shape[1], head.size))
            bias = self.param(f"{name}_bias", nn.initializers.zeros_init(), (head.size,))
            if self.learns_by_rule:
                self.variable("batch_stats", name, fresh._asdict)
            scores[head.name] = exact_product(x_bf, kernel) + bias[None]
        return scores

    def learn(
        self,
        columns: Arrays,
        target: Arrays,
        weight_b: Array,
        **clock: Array | int,
    ) -> Array:
        """The mistakes of each row [b]; the variables are those after the rows."""
        del clock
        x_bf = self.features(columns)
        mistakes_b = jnp.zeros(len(weight_b))
        for head, name in named_heads(self.heads):
            yes_bk = (
                jax.nn.one_hot(target[head.name], head.size)
                if head.size > 1
                else target[head.name][:, None]
            )
            state = PerceptronState(**self.get_variable("batch_stats", name))
            state, wrong_b = learn_rows(state, x_bf, 2.0 * yes_bk - 1, weight_b, self.rule)
            self.put_variable("batch_stats", name, state._asdict())
            self.put_variable("params", f"{name}_kernel", state.answer[:-1])
            self.put_variable("params", f"{name}_bias", state.answer[-1])
            mistakes_b += wrong_b
        return mistakes_b

    def postprocess(self, outputs: Arrays) -> dict[str, Array]:
        """{head: scores} -> {head: 1 for the class of the highest score, else 0 [b, k]}.

        Of two classes: 1 or 0 for the second one [b].
        """
        predictions = {}
        for head in self.heads:
            scores_bk = outputs[head.name]
            if head.size == 1:
                predictions[head.name] = (scores_bk[:, 0] > 0).astype(jnp.float32)
            else:
                predictions[head.name] = jax.nn.one_hot(jnp.argmax(scores_bk, -1), head.size)
        return predictions
