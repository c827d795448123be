"""What "auto" stands for where sequences are read. Measured on the sets named in
`configs/sequences.py`.
"""

from __future__ import annotations

from typing import Any


def _auto(value: Any, rule: Any) -> Any:
    return rule if value == "auto" else value
