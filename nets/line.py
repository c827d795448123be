"""A line through the scaled columns, fitted on training rows, that a net starts from.

As statistics: "numbers" [f, o], "missing" [m, o], "codes" [c, v, o], of those that there are, and
"bias" [o]. b rows, f numbers, m flags, c category columns of at most v codes, o outputs.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from nets.base import Array, Arrays


def apply_line(columns: Arrays, line: Mapping[str, Array]) -> Array:
    """Where the line is at rows of scaled columns [..., f]: [..., o]."""
    first = next(iter(columns.values()))
    total = jnp.broadcast_to(line["bias"], (*first.shape[:-1], line["bias"].shape[-1]))
    for name in ("numbers", "missing"):
        if name in columns:
            total = total + columns[name] @ line[name]
    if "codes" in columns:
        # [c, v, o] at [..., c]: each column's own table.
        by_column = jax.vmap(lambda table_vo, code: table_vo[code], (0, -1), -2)
        total = total + by_column(line["codes"], columns["codes"]).sum(-2)
    return total
