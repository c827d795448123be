"""A whole network for rows of a table: encoded columns in, answers in encoded units out.

Its way in, `preprocess` and `features`, is that of all networks over columns (`nets/columns.py`);
`predict`, from one end to the other, that of all networks (`nets/base.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from nets.base import Array, Arrays, Statistics
from nets.columns import ColumnsNetwork
from nets.dense import Dense
from nets.heads import Heads, add_log_means, predictions_of, standardise_target
from nets.inputs import BINNED
from nets.kernels.dense_choice import is_large
from nets.line import apply_line
from nets.members import Adapter, average_members, member_spread


class TableNetwork(ColumnsNetwork):
    """Inputs, body and heads.

    `clip_outputs` holds predicted numbers within the range of the training targets. With `log_link`
    (losses of counts and amounts) an output is the logarithm of the number that is predicted. With
    an `adapter` the net is one of members that share its weights: `output`, and a `body` whose
    layers are to differ, need as many. With `linear_start` it learns what the "line" among the
    statistics of the inputs (`nets/line.py`) leaves.

    Alone, for rows x [n, f] and numbers y [n, 1] as numpy arrays, which need no encoding where
    float32 holds them:

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

        How sure of numbers it is stands beside them, as in `Heads`. Of k members they are [b * k,
        o], a row's one after the other; then columns may be [b, k, ...], each member's own rows.
        """
        by_kernel = train and self._is_by_kernel
        if self.adapter is None:
            x_bd = self.features(columns, by_kernel=by_kernel)
        else:
            x_bd = self.adapter(*self._features_of_members(columns, by_kernel))
        outputs = self.output(self.body(x_bd, weight_b, train=train))
        if any(head.counts for head in self.output.heads):
            outputs = add_log_means(outputs, self.output.heads, self._statistics("targets"))
        return self._from_line(outputs, columns) if self.linear_start else outputs

    def _from_line(self, outputs: dict[str, Array], columns: Arrays) -> dict[str, Array]:
        """The outputs of all heads, and quantiles of numbers, counted from the line."""
        line = self._statistics("inputs").get("line")
        if line is None:
            return outputs
        line_ro = apply_line(columns, line)
        line_ro = line_ro.reshape(-1, line_ro.shape[-1])
        moved = dict(outputs)
        start = 0
        for head in self.output.heads:
            own_ro = line_ro[:, start : start + head.size]
            start += head.size
            n_each = outputs[head.name].shape[0] // own_ro.shape[0]  # members that share the rows
            own_ro = jnp.repeat(own_ro, n_each, axis=0)
            moved[head.name] = outputs[head.name] + own_ro
            if head.quantiles:
                name = f"{head.name}.quantiles"
                moved[name] = outputs[name] + own_ro[..., None]
        return moved

    @property
    def _is_by_kernel(self) -> bool:
        """Whether the hidden layers are worth the compiled kernel: then inputs have it too."""
        body = self.body
        return isinstance(body, Dense) and body.is_plain and is_large(body.hidden)

    def _features_of_members(
        self, columns: Arrays, by_kernel: bool
    ) -> tuple[Array, tuple[int, ...]]:
        """Features [b, 1, d] that members share, or [b, k, d], and how many each column has."""
        first = next(iter(columns.values()))
        n_own = first.shape[1] if first.ndim == 3 else 1
        rows = dict(columns)
        if first.ndim == 3:
            for name, array_bkc in columns.items():
                rows[name] = array_bkc.reshape(-1, array_bkc.shape[-1])
        x_rd = self.features(rows, by_kernel=by_kernel)
        return x_rd.reshape(-1, n_own, x_rd.shape[-1]), self.inputs.widths(rows)

    def averaged(self, outputs: Arrays) -> dict[str, Array]:
        """What `__call__` gives -> outputs [b, ...] that stand for the mean of members' answers."""
        if self.adapter is None:
            return dict(outputs)
        return average_members(outputs, self.output.heads, self.n_members, log_link=self.log_link)

    def predict(self, inputs: Arrays) -> dict[str, Array]:
        """Encoded columns -> answers in the target's encoded units.

        Of members with the deviation between them, NAME.deviation, beside each that has none.
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
        """Encoded targets -> scaled ones, which the loss compares outputs with; classes stay."""
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

        For scaling "standard" and "none", and inputs without the piecewise-linear embedding;
        ValueError else, and for codes and targets that are not of this network's shapes. A column
        without spread, or without any value, has scale 1.
        """
        if self.scaling not in ("standard", "none") or self.inputs.embedding in BINNED:
            raise ValueError(
                f'fit_statistics: scaling="{self.scaling}" with embedding='
                f'"{self.inputs.embedding}" needs quantiles; give the statistics that '
                "nets/inputs.py names"
            )
        fitted: dict[str, np.ndarray] = {}
        if "numbers" in inputs:
            fitted = center_and_scale(inputs["numbers"])
            fitted["fill"] = fitted["center"]
        if "codes" in inputs:
            sizes = self.inputs.category_sizes
            _check_codes(inputs["codes"], sizes)
            fitted["seen"] = np.zeros((len(sizes), max(sizes) + 1), np.float32)
            for column, codes_n in enumerate(inputs["codes"].T):
                fitted["seen"][column, codes_n] = 1
        targets = {}
        for head in self.output.heads:
            if head.kind == "regression":
                value_no = target[head.name]
                if np.shape(value_no)[1:] != (head.size,):
                    raise ValueError(
                        f"target {head.name!r} has the shape {np.shape(value_no)}: "
                        f"expected [rows, {head.size}]"
                    )
                targets[head.name] = center_and_scale(value_no)
                targets[head.name]["low"] = np.min(value_no, 0).astype(np.float32)
                targets[head.name]["high"] = np.max(value_no, 0).astype(np.float32)
            else:
                targets[head.name] = {}
        return {"inputs": fitted, "targets": targets}


def _check_codes(codes_nc: np.ndarray, sizes: tuple[int, ...]) -> None:
    """ValueError unless each column of codes has its size, and no code is beyond it."""
    if codes_nc.shape[1:] != (len(sizes),):
        raise ValueError(
            f"codes have the shape {codes_nc.shape} for category_sizes={sizes}: "
            "expected a size for each column"
        )
    for column, (codes_n, size) in enumerate(zip(codes_nc.T, sizes, strict=True)):
        odd_n = codes_n[(codes_n < 0) | (codes_n > size)]
        if len(odd_n):
            raise ValueError(f"codes[:, {column}] hold {odd_n[0]}: expected 0 to {size}")


Network = TableNetwork  # for scripts that use its first name


def center_and_scale(x_nf: np.ndarray) -> dict[str, np.ndarray]:
    """{"center", "scale"} [f] of columns: mean and deviation, over what is no NaN."""
    known_nf = np.where(np.isnan(x_nf), 0.0, x_nf.astype(np.float64))
    n_f = np.maximum((~np.isnan(x_nf)).sum(0), 1)
    center_f = known_nf.sum(0) / n_f
    error_nf = np.where(np.isnan(x_nf), 0.0, known_nf - center_f)
    scale_f = np.sqrt(np.square(error_nf).sum(0) / n_f).astype(np.float32)
    center_f = center_f.astype(np.float32)
    return {"center": center_f, "scale": np.where(scale_f > 0, scale_f, np.float32(1))}
