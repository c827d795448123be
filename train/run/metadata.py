"""config.json and encoder.json of a run's folder: written by a new run, agreed with by a resumed
one.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
from pathlib import Path

import jax

from train import config as configs
from train.config.bounded import resolved
from train.config.options import Config
from train.data.dataset import Dataset
from train.errors import UserError
from train.run.folder import read_json, write_json


def check_or_write_metadata(folder: Path, config: Config, dataset: Dataset) -> None:
    """Writes config.json and encoder.json, or raises UserError if the folder's run is another
    one.
    """
    path = folder / "config.json"
    if not path.exists():
        write_json(
            folder / "encoder.json",
            dataset.encoder.to_json() | {"fingerprint": dataset.fingerprint},
        )
        write_json(path, {"config": configs.to_json(config), "versions": versions()})
        return
    before = configs.from_json(read_json(path, "a run's folder")["config"])
    longer = dataclasses.replace(
        before, train=dataclasses.replace(before.train, epochs=config.train.epochs)
    )
    longer.devices = config.devices  # they change nothing that is saved
    if resolved(config.train.epochs) >= resolved(before.train.epochs) and not configs.differences(
        longer, config
    ):
        if config != before:
            write_json(path, {"config": configs.to_json(config), "versions": versions()})
    else:
        changed = "; ".join(configs.differences(before, config))
        raise UserError(
            f"--workdir: {folder} holds a run of another config ({changed}); name another folder"
        )
    if (
        read_json(folder / "encoder.json", "a run's folder").get("fingerprint")
        != dataset.fingerprint
    ):
        raise UserError(
            f"--workdir: the data changed since the run in {folder} began; name another folder"
        )


def versions() -> dict[str, str]:
    """Of everything that computes."""
    packages = ("denseq", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "pyarrow")
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "unknown"
    return {"python": platform.python_version(), **found, "device": jax.devices()[0].device_kind}
