"""The command `denseq`, from any folder: a train.py or nets/ that stands there is not ours.

denseq train --config=diabetes        as python -m train.main --config=configs/diabetes.py
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import NoReturn

OURS = ("nets", "train")


class OwnPackages:
    """Finds our packages beside this file, whatever else is called so on the path."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where one of our packages is; None of all other modules."""
        del path, target
        home = str(Path(__file__).resolve().parent)
        return PathFinder.find_spec(name, [home]) if name in OURS else None


def main() -> NoReturn:
    """Runs the command that the arguments name."""
    sys.meta_path.insert(0, OwnPackages)
    from train import console, errors

    errors.run(console.main)


if __name__ == "__main__":
    main()
