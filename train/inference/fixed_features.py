"""What fixed filters give for encoded sequences, computed once for all nets that answer.

It depends on the rows and on what was fitted, but on no weight; within the nets each would compute
it anew, and of the rows that only fill up a block as well. m nets, b rows of a block, e features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nets.base import Array, Arrays, DataNetwork, Tree, Variables
from nets.convolution import own_scaled
from nets.fixed import FixedFilters
from train.data.dataset import HostArrays
from train.inference.blocks import pad_rows

ROWS = 16  # whose filters are computed at once


class FixedFeatures:
    """The features of a block's rows, by what nets have fitted [m, ...], which is alike in all.

    Bits are those that the nets come to by themselves, so that saved nets answer as ever. For that
    a device's rows are scaled at once, as XLA's sums over steps go by the number of rows; of
    several nets two divide, as XLA multiplies by the inverse of what nets share; and shares are an
    array of their own, as a product and a sum in one program would be rounded once. The filters,
    which take long, are exact: numbers of steps.
    """

    def __init__(
        self, network: DataNetwork, fixed: FixedFilters, fitted: HostArrays, n_devices: int
    ):
        self._fitted = {name: array[:2] for name, array in fitted.items()}
        self._threshold_e = fitted["threshold"][0]
        self._n_devices = n_devices

        def scale(fitted: Arrays, inputs: Arrays) -> Array:
            variables = {"statistics": {"inputs": fitted}}
            columns: Tree = network.apply(variables, inputs, method="preprocess")
            return own_scaled(columns["numbers"], columns["length"])

        def count(x_btf: Array, length_b: Array, threshold_e: Array) -> tuple[Array, Array]:
            above, of_steps = zip(*fixed.counted(x_btf, length_b, threshold_e), strict=True)
            return jnp.concatenate(above, -1), jnp.concatenate(of_steps, -1)

        def share(fitted: Arrays, above_be: Array, of_steps_be: Array) -> Array:
            return (above_be / of_steps_be).astype(fitted["share_mean"].dtype)

        def standardise(fitted: Arrays, shares_be: Array) -> Array:
            return fixed.scaled(shares_be, fitted)

        self._scale = jax.jit(jax.vmap(scale, (0, None)))
        self._count = jax.jit(count)
        self._share = jax.jit(jax.vmap(share, (0, 0, None)))
        self._standardise = jax.jit(jax.vmap(standardise))

    def beside(self, block: HostArrays) -> HostArrays:
        """The block, and "fixed" [b, e] of its rows."""
        n_rows = len(block["length"]) // self._n_devices
        parts = []
        for start in range(0, len(block["length"]), n_rows):
            rows = slice(start, start + n_rows)
            parts.append(self._of(block["numbers"][rows], block["length"][rows]))
        return {**block, "fixed": np.concatenate(parts)}

    def _of(self, x_btf: np.ndarray, length_b: np.ndarray) -> np.ndarray:
        """The features [b, e] of a device's rows.

        Empty rows at the end are alike, whatever stands in their steps: one is computed for all.
        """
        lasting = np.flatnonzero(length_b)
        n_rows = min(len(length_b), lasting[-1] + 2 if len(lasting) else 1)
        inputs = {"numbers": x_btf, "length": length_b}
        x_btf = np.asarray(self._scale(self._fitted, inputs))[0]
        parts = []
        for start in range(0, n_rows, ROWS):
            rows = slice(start, start + ROWS)
            own = pad_rows(x_btf[rows], ROWS), pad_rows(length_b[rows], ROWS)
            above_be, of_steps_be = self._count(*own, self._threshold_e)
            above_mbe = jnp.stack([above_be] * len(self._fitted["threshold"]))
            shares_mbe = self._share(self._fitted, above_mbe, of_steps_be)
            parts.append(np.asarray(self._standardise(self._fitted, shares_mbe))[0])
        found_be = np.concatenate(parts)[:n_rows]
        rest = (len(length_b) - n_rows, found_be.shape[1])
        return np.concatenate([found_be, np.broadcast_to(found_be[-1:], rest)])


def shared_features(
    network: DataNetwork, trees: Sequence[Variables], has_members: bool, n_devices: int
) -> FixedFeatures | None:
    """The features that all nets of these trees read; None where there are none, or each its own.

    Nets of folds have each fitted them on rows of its own. With `has_members` each leaf has an axis
    of nets first.
    """
    fixed = getattr(network, "fixed", None)
    if not isinstance(fixed, FixedFilters):
        return None
    fitted: list[dict[str, Any]] = []
    for tree in trees:
        leaves = jax.device_get(tree["statistics"]["inputs"])
        if "threshold" not in leaves:
            return None
        fitted.append({name: leaf if has_members else leaf[None] for name, leaf in leaves.items()})
    first = {name: leaf[0] for name, leaf in fitted[0].items()}
    for leaves in fitted:
        for name, leaf in leaves.items():
            if not np.array_equal(leaf, np.broadcast_to(first[name], leaf.shape), equal_nan=True):
                return None
    return FixedFeatures(network, fixed, fitted[0], n_devices)
