"""config.json and encoder.json of a run's folder: what it is a run of, and of which data."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
from collections.abc import Iterator
from pathlib import Path

import jax

from nets.kernels import library
from nets.kernels.dense import is_large
from train import config as configs
from train.config.data_options import Sequences, Series, Table
from train.config.lstm_options import LSTM
from train.config.members import members_of, settings_of, with_values
from train.config.net_base import NetOptions
from train.config.net_options import Dense
from train.config.options import DECILES, UNREAD_LEVELS, Config
from train.data.dataset import Dataset
from train.data.load import read_encoder
from train.data.sequences.encoder import SequenceEncoder
from train.data.series.encoder import SeriesEncoder
from train.data.table.encoder import TableEncoder
from train.errors import UserError
from train.parallel.runtime import usable_cores
from train.run.folder import write_json
from train.run.manifest import read_listed, read_manifest, record_files, rewriting

# Fields of `train` that change nothing that is saved: a run may go on with others.
CHANGEABLE = ("temperature", "linear_seconds", "tree_seconds", "importance_seconds", "report")


def check_or_write_metadata(folder: Path, config: Config, dataset: Dataset) -> None:
    """Writes config.json and encoder.json, or raises UserError if the folder's run is another one.

    A run may be made longer, have other devices, and give what follows the training more time: then
    config.json says so from now on.
    """
    manifest = read_manifest(folder)
    if not (folder / "config.json").exists() and not (manifest and manifest.steps):
        encoder = dataset.encoder.to_json() | {"fingerprint": dataset.fingerprint}
        with rewriting(folder, "encoder.json", "config.json"):
            write_json(folder / "encoder.json", encoder)
            _write_config(folder / "config.json", config)
        return
    before = read_config(folder)
    if differing := configs.differences(_with_changeable_fields(before, config), config):
        raise UserError(
            f"--workdir: {folder} holds a run of another config ({'; '.join(differing)}); "
            "name another folder, or give the values that it began with"
        )
    encoder = read_listed(folder, "encoder.json", "a run's folder")
    if not isinstance(encoder, dict) or encoder.get("fingerprint") != dataset.fingerprint:
        raise UserError(
            f"--workdir: the data changed since the run in {folder} began; name another folder"
        )
    if config != before:
        with rewriting(folder, "config.json"):
            _write_config(folder / "config.json", config)
    if manifest is None:
        record_files(folder, ["config.json", "encoder.json"])


def read_config(folder: Path) -> Config:
    """The config of a run's folder. Raises UserError."""
    plain = read_listed(folder, "config.json", "a run's folder")
    if not isinstance(plain, dict) or "config" not in plain:
        raise UserError(f"{folder / 'config.json'}: expected an object with the field 'config'")
    try:
        return configs.from_json(plain["config"])
    except UserError as error:
        raise UserError(f"{folder / 'config.json'}: {error}") from None


def as_begun(config: Config, folder: Path | None) -> Config:
    """The config with which a run in a folder goes on to read its data.

    0.1.0 took other targets of few whole numbers for classes than later versions, and all of steps
    for tags: what a folder has as a number stays one, and tags stay tags. Of its series all groups
    share a scale.
    """
    is_read_by_guess = isinstance(config.data, Table | Sequences) and config.loss == "auto"
    is_read_by_guess |= isinstance(config.data, Series) and (
        config.data.scaling == "auto" or config.data.asinh == "auto"
    )
    if folder is None or not is_read_by_guess or not (folder / "encoder.json").exists():
        return config
    encoder = read_encoder(read_listed(folder, "encoder.json", "a run's folder"))
    if isinstance(encoder, SequenceEncoder) and encoder.tags and not encoder.labels.targets:
        return dataclasses.replace(config, loss="categorical_crossentropy")
    if isinstance(encoder, SeriesEncoder) and isinstance(config.data, Series):
        return dataclasses.replace(config, data=_scaled_as_begun(config.data, encoder))
    if not isinstance(encoder, TableEncoder) or not isinstance(config.data, Table):
        return config
    names = [column.name for column in encoder.targets if column.kind == "number"]
    named = (*config.data.numeric, *(name for name in names if name not in config.data.numeric))
    return dataclasses.replace(config, data=dataclasses.replace(config.data, numeric=named))


def _scaled_as_begun(data: Series, encoder: SeriesEncoder) -> Series:
    """The options with what a run's encoder has where these go by the rows."""
    if data.asinh == "auto":
        data = dataclasses.replace(data, asinh=encoder.asinh)
    if data.scaling != "auto" or encoder.has_group_scales:
        return data
    return dataclasses.replace(data, scaling="shared")


def levels_as_begun(config: Config, folder: Path | None) -> Config:
    """The config with the levels of the run that a folder holds, where none are asked for.

    Those that 0.1.0 had by default are no longer the default.
    """
    if folder is None or config.quantiles != DECILES or not (folder / "config.json").exists():
        return config
    before = read_config(folder)
    is_as_then = before.loss == config.loss == "quantile" and before.quantiles in UNREAD_LEVELS
    return dataclasses.replace(config, quantiles=before.quantiles) if is_as_then else config


def notes_of_moved_run(folder: Path, config: Config) -> list[str]:
    """A line where a run goes on with what orders sums in another way than where it began.

    XLA divides a large product of matrices on a CPU by the number of cores, and the order of its
    sums with it.
    """
    if not (folder / "config.json").exists():
        return []
    plain = read_listed(folder, "config.json", "a run's folder")
    before = plain.get("versions") if isinstance(plain, dict) else None
    if not isinstance(before, dict):
        return []
    now = versions() | _cores(config)
    if not now.get("dense core", "portable").startswith("portable"):
        before.setdefault("dense core", "portable")  # as of every run before there was a core
    changed = []
    for name in ("jax", "jaxlib", "flax", "optax", "device", "cores", "LSTM core", "dense core"):
        if before.get(name, now.get(name)) != now.get(name):
            changed.append(f"{name} {before[name]} -> {now.get(name)}")
    if not changed:
        return []
    return [
        f"note: {folder} was begun on another machine ({', '.join(changed)}): "
        "what is trained here may differ in its last bits from a run that never moved"
    ]


def _write_config(path: Path, config: Config) -> None:
    found = versions() | _cores(config)
    write_json(path, {"config": configs.to_json(config), "versions": found})


def _with_changeable_fields(before: Config, config: Config) -> Config:
    """The first config with what a run may change from it to the second.

    The number of epochs may grow, and what follows the training be otherwise; "auto", which a
    population's members resolve, must stay.
    """
    following = {name: getattr(config.train, name) for name in CHANGEABLE}
    changed = dataclasses.replace(
        before, devices=config.devices, train=dataclasses.replace(before.train, **following)
    )
    if before.loss != "quantile":  # then levels are what a finished net is judged at
        changed.quantiles = config.quantiles
    epochs = config.train.epochs
    if epochs != "auto" and before.train.epochs != "auto" and epochs >= before.train.epochs:
        changed.train = dataclasses.replace(changed.train, epochs=epochs)
    return changed


def lstm_core(config: Config) -> str | None:
    """What computes the LSTM layers of the nets that a config asks for; None where none has any."""
    nets = [net for net in _nets(config) if net.runs_lstm]
    if not nets or jax.default_backend() != "gpu":
        return library.core() if nets else None
    from nets.kernels.gpu import choice

    lstms = [net for net in nets if isinstance(net, LSTM)]
    kinds = {
        choice.Kind(size, bool(net.recurrent_dropout))
        for net in lstms
        if not isinstance(net.hidden, str)
        for size in net.hidden
    }
    return choice.core_of(kinds) if kinds else library.core()


def _cores(config: Config) -> dict[str, str]:
    """What computes each kind of layers that compiled kernels know, where a net has any."""
    found = {}
    if (core := lstm_core(config)) is not None:
        found["LSTM core"] = core
    if any(_may_be_native(net) for net in _nets(config)):
        found["dense core"] = library.core()
    return found


def _may_be_native(net: NetOptions) -> bool:
    """Whether it has dense layers that a compiled kernel may train."""
    if not isinstance(net, Dense) or not net.has_plain_layers:
        return False
    return net.hidden == "auto" or is_large(net.hidden)


def _nets(config: Config) -> Iterator[NetOptions]:
    """The options of every net that a config asks for."""
    settings = settings_of(config)
    if config.population.member is not None:
        settings = [members_of(config)[config.population.member].values]
    for chosen in settings:
        yield with_values(config, chosen).net


def versions() -> dict[str, str]:
    """The versions of everything that computes, the device, and of a CPU how many cores."""
    packages = ("denseq", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "pyarrow")
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "unknown"
    found["device"] = jax.devices()[0].device_kind
    if jax.default_backend() == "cpu":
        found["cores"] = str(usable_cores())
    return found
