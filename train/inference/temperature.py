"""The temperatures of a net's logits, among its variables. m nets."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import numpy as np

from nets.base import Variables
from train.data.dataset import Encoder
from train.evaluation.temperature import CLASSES


def with_temperatures(
    variables: Variables, encoder: Encoder, temperatures: Mapping[str, float], *, has_members: bool
) -> Variables:
    """The variables with the temperature of each head of classes among its statistics, or 1.

    With an axis of members in all leaves it is [m], the same for each. Without such a head they
    are the very variables that were given.
    """
    if not any(head.kind in CLASSES for head in encoder.heads):
        return variables
    statistics = variables["statistics"]
    targets = dict(statistics["targets"])
    shape = np.shape(jax.tree.leaves(variables["params"])[0])[:1] if has_members else ()
    for head in encoder.heads:
        if head.kind in CLASSES:
            temperature = np.full(shape, temperatures.get(head.name, 1.0), np.float32)
            targets[head.name] = {**targets[head.name], "temperature": temperature}
    return {**variables, "statistics": {**statistics, "targets": targets}}
