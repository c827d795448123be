"""A whole network for rows of a table: encoded columns in, answers in encoded units out.

It inherits `preprocess` and `features` from `nets/columns.py`, as all networks over columns do, and
overrides `predict` of `nets/base.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from nets.base import Array, Arrays, Statistics
from nets.columns import ColumnsNetwork
from nets.dense import Dense
from nets.fit_statistics import fit_inputs, fit_targets
from nets.heads import Heads, add_log_means, predictions_of, standardise_target
from nets.inputs import BINNED
from nets.kernels.dense_choice import is_large
from nets.line import apply_line
from nets.members import Adapter, average_members, member_spread


class TableNetwork(ColumnsNetwork):
    """Inputs, body and heads.

    `clip_outputs` holds predicted numbers within the range of the training targets. With `log_link`
    (losses of counts and amounts) an output is the logarithm of the predicted number. With an
    `adapter` the net has members that share its weights; `output`, and a `body` whose layers are to
    differ, need the same number of members. With `linear_start` the outputs are added to those of
    the linear model "line" among the statistics of the inputs (`nets/line.py`).

    An example without denseq's data sets, for rows x [n, f] and numbers y [n, 1], numpy arrays that
    float32 holds without loss:

        heads = nets.Heads((nets.HeadShape("y", "regression", 1),))
        network = nets.TableNetwork(nets.Inputs(), nets.Dense((64,)), heads)
        statistics = network.fit_statistics({"numbers": x}, {"y": y})
        variables = nets.init_variables(network, jax.random.key(0), {"numbers": x}, statistics)
        answers = network.apply(variables, {"numbers": x}, method="predict")

    To train it, compare `network.apply(variables, columns, train=True)` with the targets, columns
    and targets as its methods `preprocess` and `preprocess_target` give them.
    """

    body: nn.Module
    output: Heads
    clip_outputs: bool = False
    log_link: bool = False
    adapter: Adapter | None = None
    linear_start: bool = False

    @property
    def n_members(self) -> int:
        """How many members that share weights answer for each row."""
        return 1 if self.adapter is None else self.adapter.members

    def __call__(
        self, columns: Arrays, weight_b: Array | None = None, *, train: bool
    ) -> dict[str, Array]:
        """Scaled columns -> {head: outputs [b, o]}: scaled numbers, or logits.

        Quantiles and parts of densities are among them, as `Heads` gives them. With k members they
        are [b * k, o], the members of a row one after the other, and columns may be [b, k, ...]:
        rows of each member's own.
        """
        by_kernel = train and self._is_by_kernel
        if self.adapter is None:
            x_bd = self.features(columns, by_kernel=by_kernel)
        else:
            x_bd = self.adapter(*self._features_of_members(columns, by_kernel))
        outputs = self.output(self.body(x_bd, weight_b, train=train))
        if any(head.counts for head in self.output.heads):
            outputs = add_log_means(outputs, self.output.heads, self._statistics("targets"))
        return self._add_line(outputs, columns) if self.linear_start else outputs

    def _add_line(self, outputs: dict[str, Array], columns: Arrays) -> dict[str, Array]:
        """The outputs of all heads, and quantiles of numbers, plus those of the linear model."""
        line = self._statistics("inputs").get("line")
        if line is None:
            return outputs
        line_ro = apply_line(columns, line)
        line_ro = line_ro.reshape(-1, line_ro.shape[-1])
        total = dict(outputs)
        start = 0
        for head in self.output.heads:
            own_ro = line_ro[:, start : start + head.size]
            start += head.size
            n_each = outputs[head.name].shape[0] // own_ro.shape[0]  # members that share the rows
            own_ro = jnp.repeat(own_ro, n_each, axis=0)
            total[head.name] = outputs[head.name] + own_ro
            if head.quantiles:
                name = f"{head.name}.quantiles"
                total[name] = outputs[name] + own_ro[..., None]
        return total

    @property
    def _is_by_kernel(self) -> bool:
        """Whether the hidden layers are worth the compiled kernel, which inputs then use too."""
        body = self.body
        return isinstance(body, Dense) and body.is_plain and is_large(body.hidden)

    def _features_of_members(
        self, columns: Arrays, by_kernel: bool
    ) -> tuple[Array, tuple[int, ...]]:
        """Features [b, 1, d] that members share, or [b, k, d], and how many a column gives."""
        first = next(iter(columns.values()))
        n_own = first.shape[1] if first.ndim == 3 else 1
        rows = dict(columns)
        if first.ndim == 3:
            for name, array_bkc in columns.items():
                rows[name] = array_bkc.reshape(-1, array_bkc.shape[-1])
        x_rd = self.features(rows, by_kernel=by_kernel)
        return x_rd.reshape(-1, n_own, x_rd.shape[-1]), self.inputs.widths(rows)

    def averaged(self, outputs: Arrays) -> dict[str, Array]:
        """Outputs of `__call__` -> outputs [b, ...] whose answers are the mean of the members'."""
        if self.adapter is None:
            return dict(outputs)
        return average_members(outputs, self.output.heads, self.n_members, log_link=self.log_link)

    def predict(self, inputs: Arrays) -> dict[str, Array]:
        """Encoded columns -> answers in the target's encoded units.

        With members NAME.deviation is the deviation between them, unless a head predicts its own.
        """
        outputs = self(self.preprocess(inputs), train=False)
        answers = self.postprocess(self.averaged(outputs))
        if self.n_members > 1:
            own = self.postprocess(outputs)
            for head in self.output.heads:
                between = member_spread(own[head.name], self.n_members)
                answers.setdefault(f"{head.name}.deviation", between)
        return answers

    def preprocess_target(self, target: Arrays) -> dict[str, Array]:
        """Encoded targets -> scaled ones, which the loss compares outputs with; classes as is."""
        statistics = self._statistics("targets")
        return {
            h.name: standardise_target(target[h.name], h, statistics[h.name])
            for h in self.output.heads
        }

    def postprocess(self, outputs: Arrays) -> dict[str, Array]:
        """{head: outputs} -> {head: numbers in the target's encoded units, or probabilities}."""
        statistics = self._statistics("targets")
        predictions = {}
        for head in self.output.heads:
            fitted = statistics[head.name]
            predictions |= predictions_of(
                outputs, head, fitted, clip=self.clip_outputs, log_link=self.log_link
            )
        return predictions

    def fit_statistics(
        self, inputs: Mapping[str, np.ndarray], target: Mapping[str, np.ndarray]
    ) -> Statistics:
        """Plain statistics of encoded training rows: means, deviations, and which codes occur.

        ValueError with scaling other than "standard" and "none", with a piecewise-linear embedding,
        and for codes and targets that do not have this network's shapes. A column without spread,
        or without any value, has scale 1.
        """
        if self.scaling not in ("standard", "none") or self.inputs.embedding in BINNED:
            raise ValueError(
                f'fit_statistics: scaling="{self.scaling}" with embedding='
                f'"{self.inputs.embedding}" needs quantiles; give the statistics that '
                "nets/inputs.py names"
            )
        return {
            "inputs": fit_inputs(inputs, self.inputs.category_sizes),
            "targets": fit_targets(target, self.output.heads),
        }


Network = TableNetwork  # for scripts that use its first name
