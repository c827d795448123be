"""A net whose target is its own input: to a few numbers, the code, and back.

A row to give back is packed [b, f + c]: its scaled numbers, then for each category its place among
the known ones; nan (of an answer's "row": -1) where the category is missing or unseen. Shapes: b
batch, f number columns, c category columns, k numbers of a code, o outputs: f numbers, then the
logits of each category's values.
"""

from __future__ import annotations

from collections.abc import Iterator

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets.base import Array, Arrays
from nets.columns import ColumnsNetwork
from nets.dense import Dense
from nets.heads import HeadShape
from nets.inputs import scale_numbers
from nets.linear import Linear


def reconstruction_losses(outputs_bo: Array, target_bc: Array, head: HeadShape) -> Array:
    """Mean over a row's columns [b] of squared errors of numbers, cross-entropies of categories.

    A cell that is missing from the target costs nothing.
    """
    f = head.size
    known_bf = ~jnp.isnan(target_bc[:, :f])
    error_bf = jnp.where(
        known_bf, outputs_bo[:, :f] - jnp.where(known_bf, target_bc[:, :f], 0.0), 0.0
    )
    total_b = jnp.square(error_bf).sum(-1)
    for i, logits_bv in enumerate(_logits(outputs_bo, head)):
        code_b = target_bc[:, f + i]
        known_b = ~jnp.isnan(code_b)
        place_b = jnp.where(known_b, code_b, 0).astype(jnp.int32)
        logp_bv = jax.nn.log_softmax(logits_bv)
        chosen_b = jnp.take_along_axis(logp_bv, place_b[:, None], axis=-1)[:, 0]
        total_b -= jnp.where(known_b, chosen_b, 0.0)
    return total_b / (f + len(head.categories))


def _logits(outputs_bo: Array, head: HeadShape) -> Iterator[Array]:
    """The logits of each category column [b, v], one column after the other."""
    start = head.size
    for size in head.categories:
        yield outputs_bo[:, start : start + size]
        start += size


class Autoencoder(ColumnsNetwork):
    """Layers of `body`, a linear layer of `code` numbers, the layers in reverse, its input again.

    Without hidden layers it spans, at its minimum, the plane of the first principal components
    (Baldi & Hornik 1989).
    """

    body: Dense
    code: int
    head: HeadShape
    output_init: str = "glorot_uniform"

    @nn.compact
    def __call__(
        self, columns: Arrays, weight_b: Array | None = None, *, train: bool
    ) -> dict[str, Array]:
        """Scaled columns -> {head: outputs [b, o], "code": [b, k], "row": as given, packed}."""
        body = self.body
        h_bh = body(self.features(columns), weight_b, train=train)
        code_bk = Linear(self.code, body.kernel_init, body.parametrization, name="code")(h_bh)
        decoder = body.clone(parent=self, name="decoder", hidden=body.hidden[::-1])
        layer = Linear(self.head.width, self.output_init, body.parametrization, name="output")
        outputs_bo = layer(decoder(code_bk, weight_b, train=train))
        parts = [columns["numbers"]] if "numbers" in columns else []
        parts += [columns["codes"].astype(jnp.float32) - 1] if "codes" in columns else []
        return {self.head.name: outputs_bo, "code": code_bk, "row": jnp.concatenate(parts, -1)}

    def preprocess_target(self, target: Arrays) -> dict[str, Array]:
        """Raw rows, packed -> the same with scaled numbers; what is missing stays so."""
        raw_bc = target[self.head.name]
        f = self.head.size
        if not f:
            return {self.head.name: raw_bc}
        scaled_bf = scale_numbers(raw_bc[:, :f], self._statistics("inputs"), self.scaling)
        scaled_bf = jnp.where(jnp.isnan(raw_bc[:, :f]), jnp.nan, scaled_bf)
        return {self.head.name: jnp.concatenate([scaled_bf, raw_bc[:, f:]], -1)}

    def postprocess(self, outputs: Arrays) -> dict[str, Array]:
        """{head: rows given back, packed, "code", "row": what they were}.

        Of each category the likeliest value.
        """
        outputs_bo = outputs[self.head.name]
        places = [
            logits_bv.argmax(-1).astype(jnp.float32)[:, None]
            for logits_bv in _logits(outputs_bo, self.head)
        ]
        packed_bc = jnp.concatenate([outputs_bo[:, : self.head.size], *places], -1)
        return {self.head.name: packed_bc, "code": outputs["code"], "row": outputs["row"]}

    def predict(self, inputs: Arrays) -> dict[str, Array]:
        """Raw columns -> answers, and the "error" [b] of each row: its `reconstruction_losses`."""
        columns = self.preprocess(inputs)
        outputs = self(columns, train=False)
        parts = []
        if "numbers" in inputs:
            parts.append(jnp.where(jnp.isnan(inputs["numbers"]), jnp.nan, columns["numbers"]))
        if "codes" in inputs:
            parts.append(jnp.where(inputs["codes"] > 0, inputs["codes"] - 1.0, jnp.nan))
        error_b = reconstruction_losses(
            outputs[self.head.name], jnp.concatenate(parts, -1), self.head
        )
        return self.postprocess(outputs) | {"error": error_b}
