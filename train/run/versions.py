"""What computes a run: versions, device, cores and kernels, as config.json and result.json say."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterator
from pathlib import Path

import jax

from nets.kernels import library
from nets.kernels.dense_choice import is_large, may_be_members
from train.config.lstm_options import LSTM
from train.config.members import is_population, members_of, settings_of, with_values
from train.config.net_base import NetOptions
from train.config.net_options import Dense
from train.config.options import Config
from train.core.optimizer_step import is_plain_adam
from train.parallel.runtime import usable_cores
from train.run.manifest import read_listed


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


def what_computes(config: Config) -> dict[str, str]:
    """`versions`, and what computes each kind of layers that compiled kernels know."""
    return versions() | _cores(config)


def _cores(config: Config) -> dict[str, str]:
    """What computes each kind of layers that compiled kernels know, where a net has any."""
    found = {}
    if (core := lstm_core(config)) is not None:
        found["LSTM core"] = core
    if any(_may_be_native(net) for net in _nets(config)):
        found["dense core"] = library.core()
    elif _may_be_native_if_at_hand(config):
        is_at_hand = library.is_at_hand()
        found["dense core"] = library.core() if is_at_hand else "portable (no library at hand)"
    return found


def _may_be_native(net: NetOptions) -> bool:
    """Whether it has dense layers that a compiled kernel may train."""
    if not isinstance(net, Dense) or not net.has_plain_layers:
        return False
    return net.hidden == "auto" or is_large(net.hidden)


def _may_be_native_if_at_hand(config: Config) -> bool:
    """Whether it has nets side by side that a kernel trains, or moves, where one was made before.

    Such nets are not worth a compiler's work.
    """
    if not is_population(config) or jax.default_backend() != "cpu":
        return False
    for chosen in settings_of(config):
        own = with_values(config, chosen)
        if not own.net.reads_steps and (is_plain_adam(own.optim) or _may_be_of_members(own.net)):
            return True
    return False


def _may_be_of_members(net: NetOptions) -> bool:
    """Whether it has dense layers that the kernel may train in nets side by side alone."""
    if not isinstance(net, Dense) or not net.has_plain_layers or isinstance(net.hidden, str):
        return False
    return may_be_members(net.hidden)


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


def notes_of_moved_run(folder: Path, config: Config) -> list[str]:
    """A line where a run goes on with libraries or cores by which sums have another order.

    XLA divides a large product of matrices on a CPU by the number of cores, and the order of its
    sums with it.
    """
    if not (folder / "config.json").exists():
        return []
    plain = read_listed(folder, "config.json", "a run's folder")
    before = plain.get("versions") if isinstance(plain, dict) else None
    if not isinstance(before, dict):
        return []
    now = what_computes(config)
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
