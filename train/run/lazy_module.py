"""Modules that are imported when an attribute of theirs is first used."""

from __future__ import annotations

import importlib
from typing import Any


class Late:
    """A stand-in for a module, with its attributes; the first one used imports the module."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)
