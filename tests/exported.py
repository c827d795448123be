"""What tests of exported nets share."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np


def load_script(path: Path) -> ModuleType:
    """The script that stands beside an exported graph."""
    spec = importlib.util.spec_from_file_location("predict_onnx", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Numbers to 1e-5 of the largest, all else equal."""
    assert list(found) == [name for name in expected if name != "row"]
    for name, values in found.items():
        wanted = np.asarray(expected[name])
        if wanted.dtype.kind == "f":
            scale = np.abs(wanted).max()
            np.testing.assert_allclose(values, wanted, rtol=1e-5, atol=1e-5 * scale, err_msg=name)
        else:
            assert values.tolist() == wanted.tolist(), name
