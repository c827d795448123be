"""A whole network for rows of a table: raw columns in, answers in the target's own units out."""

from __future__ import annotations

from collections.abc import Mapping

import flax.linen as nn
import jax

from nets.heads import Heads, answers_of, standardise_target
from nets.inputs import Inputs, scaled_columns

Array = jax.Array
Statistics = Mapping[str, Mapping[str, Array]]


class Network(nn.Module):
    """Inputs, body and heads. What was fitted on training rows stands in the collection
    `statistics`, beside `params`.

    `predict` is the whole of it. Training splits it at its two parameter-free ends, `preprocess`
    (columns scaled) and `postprocess` (targets un-scaled), to run the first once per data set and
    to leave the second out.
    """

    inputs: Inputs
    body: nn.Module
    output: Heads
    scaling: str = "standard"
    missing_columns: tuple[int, ...] = ()
    clip_outputs: bool = False
    log_link: bool = False

    def __call__(
        self, columns: Mapping[str, Array], weight_b: Array | None = None, *, train: bool
    ) -> dict[str, Array]:
        """Scaled columns -> {head: outputs [b, o]}: standardised numbers (how sure of them beside,
        as in `Heads`) or logits.
        """
        x_bd = self.inputs(columns, self._statistics("inputs"))
        return self.output(self.body(x_bd, weight_b, train=train))

    def preprocess(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Raw columns -> scaled columns."""
        return scaled_columns(
            inputs, self._statistics("inputs"), self.scaling, self.missing_columns
        )

    def preprocess_target(self, target: Mapping[str, Array]) -> dict[str, Array]:
        """Raw targets -> what the loss compares outputs with."""
        statistics = self._statistics("targets")
        return {
            h.name: standardise_target(target[h.name], h, statistics[h.name])
            for h in self.output.heads
        }

    def postprocess(self, outputs: Mapping[str, Array]) -> dict[str, Array]:
        """{head: outputs} -> {head: numbers in the target's units, or probabilities}."""
        statistics = self._statistics("targets")
        answers = {}
        for head in self.output.heads:
            fitted = statistics[head.name]
            answers |= answers_of(
                outputs, head, fitted, clip=self.clip_outputs, log_link=self.log_link
            )
        return answers

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Raw columns -> answers."""
        return self.postprocess(self(self.preprocess(inputs), train=False))

    def _statistics(self, name: str) -> Mapping:
        return self.get_variable("statistics", name) or {}
