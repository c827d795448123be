"""A function's answers on the first device and on this process' CPU, compared.

On a machine without an accelerator both are the CPU: what is compared is then a program compiled
twice, which shows that the comparison itself works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

# Products of float32 are taken in three parts of bfloat16 or in TensorFloat-32 of ten bits by
# default; "highest" asks for float32.
TOLERANCE = {"highest": 2e-5, "default": 2e-2}


def cpu() -> jax.Device:
    return jax.devices("cpu")[0]


def accelerator() -> jax.Device:
    return jax.devices()[0]


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Products of matrices are taken in this precision while the block runs."""
    with jax.default_matmul_precision("highest" if name == "highest" else "default"):
        yield


def on(device: jax.Device, function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function answers on a device, on the host."""
    placed = jax.device_put(arguments, device)
    return jax.device_get(jax.jit(function)(*placed))


def assert_close(found: Any, wanted: Any, tolerance: float) -> None:
    """Each array is the wanted one, to within `tolerance` of the latter's largest number."""
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    leaves = zip(jax.tree_util.tree_leaves_with_path(found), jax.tree.leaves(wanted), strict=True)
    for (path, ours), theirs in leaves:
        where = jax.tree_util.keystr(path)
        ours = np.asarray(ours)
        theirs = np.asarray(theirs)
        if not np.issubdtype(theirs.dtype, np.floating):
            np.testing.assert_array_equal(ours, theirs, err_msg=where)
            continue
        np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(theirs), err_msg=where)
        finite = theirs[np.isfinite(theirs)]
        largest = max(float(np.abs(finite).max(initial=0)), 1.0)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * largest, err_msg=where)


def assert_same_answer(name: str, function: Callable[..., Any], *arguments: Any) -> None:
    """The first device answers as the CPU does, in the named precision."""
    wanted = on(cpu(), jax.default_matmul_precision("highest")(function), *arguments)
    with precision(name):
        found = on(accelerator(), function, *arguments)
    assert_close(found, wanted, TOLERANCE[name])
