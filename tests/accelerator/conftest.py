"""Where the first device is the CPU a few tests are enough to show that its comparison works."""

from __future__ import annotations

import jax
import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leaves out the slow ones there; whole runs choose themselves."""
    is_whole_run = item.path.stem == "test_whole_runs"
    if item.get_closest_marker("slow") and not is_whole_run and jax.default_backend() == "cpu":
        pytest.skip("the first device is the CPU, which would be compared with itself")
