"""Which tests are tried where: cases of the slow suite alone, and those of the compiled kernels."""

from __future__ import annotations

from typing import Any

import pytest

from nets.kernels import library


def slow(*cases: Any) -> list[Any]:
    """The cases, each marked slow; a tuple is the values of several arguments."""
    marked = []
    for case in cases:
        values = case if isinstance(case, tuple) else (case,)
        marked.append(pytest.param(*values, marks=pytest.mark.slow))
    return marked


def needs_kernels() -> pytest.MarkDecorator:
    """Skips tests where no kernels can be made; those that are made and are wrong fail them."""
    core = library.core()
    is_broken = core.startswith(("portable (trial failed", "portable (compilation failed"))
    is_skipped = not (library.is_native() or is_broken)
    return pytest.mark.skipif(is_skipped, reason=f"the core here is {core}")
