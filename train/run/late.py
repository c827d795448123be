"""Modules that are imported when they are first asked for something."""

from __future__ import annotations

import importlib
from typing import Any


class Late:
    """Stands for a module, of which it has what the module has; imported by the first question."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)
