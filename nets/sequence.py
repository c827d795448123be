"""A whole network for sequences: padded steps and lengths in, labels, tags or next steps out.

Shapes: b batch, t time, f numbers of a step, e features, h hidden, k tags or classes, o outputs.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from nets.activations import ACTIVATIONS
from nets.base import Array, Arrays, DataNetwork, Params, Statistics, Tree
from nets.convolution import Convolutions, own_scaled, patches, pooled
from nets.dropout import dropout, is_off
from nets.fixed import FixedFilters
from nets.heads import (
    HeadShape,
    add_log_means,
    constant_params,
    named_heads,
    predictions_of,
    split_outputs,
    standardise_target,
    with_base_rates,
)
from nets.own import Body
from nets.padding import step_mask
from nets.readout import FrontReadout, Readout, read, read_steps
from nets.recurrence import Carry
from nets.tags import best_path, joint_path
from nets.tokens import Tokens

# Heads that answer at every step; the others once a sequence.
STEP_KINDS = ("tags", "step_numbers", "next_numbers", "next_binary")


class SequenceNetwork(DataNetwork):
    """Tokens and numbers of each step, a recurrent net over them, and a linear layer per head.

    Inputs: "length" int32 [b], and "numbers" [b, t, f], "tokens" [b, t], "characters" [b, t, c] as
    far as there are any; features of fixed filters may be given as "fixed" [b, e]. A head of
    STEP_KINDS reads the body's outputs, [b, t, k]; any other a `readout` of them through dense
    layers of sizes `head`. Where there are no such heads `patch` steps may be read at once. With
    `own_scale` a sequence's numbers stand there once more, scaled by its own mean and deviation.
    Before the body may stand a `front` of convolutions, of which it reads the maxima of `pool`
    steps each; their own readout, `front_readout`, then stands beside the body's, with a rate of
    dropout of its own. What was fitted on training rows stands in the collection `statistics`.
    """

    heads: tuple[HeadShape, ...]
    body: Body
    tokens: Tokens | None = None
    dropout: float | Array = 0.0
    readout: Readout = "last"
    head: tuple[int, ...] = ()
    head_activation: str = "relu"
    patch: int = 1
    own_scale: bool = False
    front: Convolutions | None = None
    front_readout: FrontReadout = "mean"
    front_dropout: float | Array = 0.0
    fixed: FixedFilters | None = None
    pool: int = 1
    crf: bool = False
    log_link: bool = False

    @nn.compact
    def __call__(
        self,
        inputs: Arrays,
        weight_b: Array | None = None,
        carry: tuple[Carry, ...] | None = None,
        *,
        train: bool,
    ) -> dict[str, Tree]:
        """Prepared inputs -> {head: outputs [b, o] or [b, t, o], "length": [b], "carry", ...}.

        Beside tags of a CRF stand NAME.start [k] and NAME.transition [k, k]. Given back with the
        steps that follow, the carry continues where these ended.
        """
        length_b, x_bte = self._steps(inputs, train)
        beside: list[Array] = []
        if self.fixed is not None and "numbers" in inputs:
            beside.append(self.fixed.of(inputs, self._statistics("inputs")))
        if self.front is not None:
            front = self.front.clone(parent=self, name="convolutions")
            x_bte, length_b = front(x_bte, length_b, weight_b, train=train)
            if self.front_readout != "none":
                read_be = read_steps(self.front_readout, x_bte, length_b)
                beside.append(self._dropped(read_be, train, self.front_dropout))
            if self.pool > 1:
                x_bte, length_b = pooled(x_bte, length_b, self.pool)
        if self.patch > 1:
            length_b, x_bte = patches(x_bte, length_b, self.patch)
        body = self.body.clone(parent=self, name=self.body.scope_name)
        outputs_bth, carry = body(x_bte, length_b, carry, train=train)
        assert not isinstance(outputs_bth, tuple), "merge none has no place here"
        of_steps = self._dropped(outputs_bth, train)
        predict_row = None
        if any(head.kind not in STEP_KINDS for head in self.heads):
            read_bh = read(self.readout, outputs_bth, carry, body.merge, length_b)
            read_bh = self._dropped(read_bh, train)
            read_bh = jnp.concatenate([read_bh, *beside], -1) if beside else read_bh
            predict_row = self._dense(read_bh, train)
        outputs: dict[str, Tree] = {"length": length_b, "carry": carry}
        for head, name in named_heads(self.heads):
            features = of_steps if head.kind in STEP_KINDS else predict_row
            raw = nn.Dense(
                head.width,
                kernel_init=nn.initializers.glorot_uniform(),
                bias_init=self._bias(head),
                name=name,
            )(features)
            outputs |= split_outputs(raw, head)
            if head.kind == "tags" and self.crf:
                zeros = nn.initializers.zeros_init()
                outputs[f"{head.name}.start"] = self.param(f"{name}_start", zeros, (head.size,))
                outputs[f"{head.name}.transition"] = self.param(
                    f"{name}_transition", zeros, (head.size, head.size)
                )
        return add_log_means(outputs, self.heads, self._statistics("targets"))

    def preprocess(self, inputs: Arrays) -> dict[str, Array]:
        """Raw inputs -> numbers standardised, zero where missing and beyond the end.

        Other inputs stay as they are.
        """
        inputs = dict(inputs)
        if "numbers" in inputs:
            statistics = self._statistics("inputs")
            raw_btf = inputs["numbers"]
            scaled_btf = _standardised(raw_btf, statistics)
            mask_bt = step_mask(raw_btf.shape[1], inputs["length"])
            known_btf = mask_bt[..., None] & ~jnp.isnan(raw_btf)
            inputs["numbers"] = jnp.where(known_btf, scaled_btf, jnp.zeros((), scaled_btf.dtype))
        return inputs

    def preprocess_target(self, target: Arrays) -> dict[str, Array]:
        """Raw targets -> what the loss compares outputs with."""
        statistics = self._statistics("targets")
        prepared = {}
        for head in self.heads:
            fitted = statistics[head.name]
            raw = target[head.name]
            if head.kind in ("step_numbers", "next_numbers"):
                prepared[head.name] = _standardised(raw, fitted)
            else:
                prepared[head.name] = standardise_target(raw, head, fitted)
        return prepared

    def postprocess(self, outputs: Arrays) -> dict[str, Array]:
        """{head: outputs} -> {head: numbers in the target's units, probabilities, or best tags}.

        Of a row without steps the classes have their rates in training. Tags are int32 [b, t] and
        keep to the scheme of the training rows. Beyond a row's end tags are -1 and numbers nan.
        """
        statistics = self._statistics("targets")
        length_b = outputs["length"]
        predictions = {}
        for head in self.heads:
            fitted = statistics[head.name]
            raw = outputs[head.name]
            if head.kind == "tags":
                predictions[head.name] = best_path(outputs, head.name, statistics)
            elif head.kind in STEP_KINDS:
                if head.kind == "next_binary":
                    values_btf = jax.nn.sigmoid(raw)
                else:
                    values_btf = raw * fitted["scale"][None, None] + fitted["center"][None, None]
                mask_bt = step_mask(raw.shape[1], length_b)
                predictions[head.name] = jnp.where(
                    mask_bt[..., None], values_btf, jnp.array(jnp.nan, raw.dtype)
                )
            else:
                answers = predictions_of(outputs, head, fitted, clip=False, log_link=self.log_link)
                predictions |= answers | with_base_rates(answers, head, fitted, length_b == 0)
        return predictions

    @nn.nowrap
    def fallback(self, params: Params, statistics: Statistics) -> Params | None:
        """Weights by which all rows have the mean, of numbers of rows alone, and no counts."""
        return None if self.log_link else constant_params(params, self.heads)

    def together(self, outputs: Arrays) -> dict[str, Array]:
        """Outputs of several nets [m, ...] -> {head of tags: the path that all of them answer}."""
        names = [head.name for head in self.heads if head.kind == "tags"]
        return {name: joint_path(outputs, name, self._statistics("targets")) for name in names}

    def step(
        self, inputs: Arrays, carry: tuple[Carry, ...] | None
    ) -> tuple[dict[str, Array], tuple[Carry, ...]]:
        """Raw inputs of the next steps, and the carry of those before -> (answers, carry).

        ValueError where an answer would need later steps.
        """
        if (part := self._part_that_looks_ahead()) is not None:
            raise ValueError(f"step: {part} looks ahead; a network that steps has none")
        outputs = self(self.preprocess(inputs), None, carry, train=False)
        return self.postprocess(outputs), outputs["carry"]

    def _part_that_looks_ahead(self) -> str | None:
        """The part of the net that needs later steps to answer one; None where none does."""
        kinds = {head.kind for head in self.heads}
        reads_rows = not kinds <= set(STEP_KINDS)
        parts = {
            "a front of convolutions": self.front is not None,
            "own_scale": self.own_scale,
            "a body that reads backwards": self.body.bidirectional or self.body.reverse,
            "a layer of fixed filters": self.fixed is not None,
            "a patch of several steps": self.patch > 1,
            "a head of tags": "tags" in kinds,
            f"readout={self.readout!r}": reads_rows and self.readout != "last",
        }
        return next((part for part, is_there in parts.items() if is_there), None)

    def _steps(self, inputs: Arrays, train: bool) -> tuple[Array, Array]:
        """Lengths [b] and the features of every step [b, t, e]."""
        length_b = inputs["length"]
        parts = []
        if "numbers" in inputs:
            parts.append(inputs["numbers"])
            if self.own_scale:
                parts.append(own_scaled(inputs["numbers"], length_b))
        if self.tokens is not None:
            count_v = self._statistics("inputs")["count"]
            parts.append(
                self.tokens(inputs["tokens"], inputs.get("characters"), count_v, train=train)
            )
        return length_b, jnp.concatenate(parts, -1)

    def _dense(self, x_bh: Array, train: bool) -> Array:
        for i, size in enumerate(self.head):
            x_bh = nn.Dense(size, kernel_init=nn.initializers.glorot_uniform(), name=f"dense_{i}")(
                x_bh
            )
            x_bh = self._dropped(ACTIVATIONS[self.head_activation](x_bh), train)
        return x_bh

    def _dropped(self, x: Array, train: bool, rate: float | Array | None = None) -> Array:
        rate = self.dropout if rate is None else rate
        return dropout(self.make_rng("dropout"), x, rate) if train and not is_off(rate) else x

    def _bias(self, head: HeadShape) -> nn.initializers.Initializer:
        """Biases that give a new head the rates of the training rows.

        So training begins where guessing ends.
        """
        rate = self._statistics("targets")[head.name].get("rate")
        if rate is None:
            return nn.initializers.zeros_init()
        rate = jnp.clip(rate, 1e-6, 1 - 1e-6)
        bias = jnp.log(rate)
        if head.kind not in ("tags", "multiclass"):
            bias = bias - jnp.log1p(-rate)
        return lambda key, shape, dtype=jnp.float32: bias[-shape[0] :].astype(dtype)


def _standardised(x_btf: Array, statistics: Arrays) -> Array:
    return (x_btf - statistics["center"][None, None]) / statistics["scale"][None, None]
