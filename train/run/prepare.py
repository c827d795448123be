"""From a config to a run that is ready to train: data read and on the device, folder written or agreed with."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from train import config as configs
from train.config.members import Member, config_of, members_of
from train.config.options import Config, Dense, known
from train.config.recipe import resolve
from train.config.sequence_recipe import resolve_sequences
from train.core.augment import reads_spread
from train.core.network import make_network
from train.core.optim import make_optimizer
from train.core.step import Data, Program
from train.data.sequences.encoder import SequenceEncoder
from train.data.table.dataset import Dataset
from train.data.table.encoder import Head
from train.errors import UserError
from train.parallel.devices import EVERYWHERE, Layout, lay_out, place
from train.parallel.hosts import by_first
from train.run.folder import read_json, write_json

START_ROWS = 20_000  # of which units are drawn at most


@dataclass(frozen=True)
class Run:
    """What `fit` prepared: the resolved config, the data on the host and on the device, and the code to compile.

    Where there are `members`, they are nets of one program: `config` is the first one's, and `data` has an axis of
    members where they differ (`train.population.vmapped`). `part` is the folder within the run's that they are saved in.
    `layout` says over which devices.
    """

    folder: Path
    config: Config
    dataset: Any
    program: Program
    data: Data
    members: tuple[Member, ...] = ()
    part: str = ""
    layout: Layout | None = None


def prepare(config: Config, dataset: Any, folder: Path) -> Run:
    """Resolves the config, writes it and the schema into the folder, or checks them against it; data to the device.

    Of a population, of which one member was asked for, that one.
    """
    given = config
    if config.population.member is not None:
        member = members_of(config)[config.population.member]
        config = config_of(config, member)
        dataset = in_folds(given, dataset)[member.fold]
    config = resolved(config, dataset)
    by_first(lambda: agree(folder, dataclasses.replace(config, population=given.population), dataset))
    program = make_program(config, dataset)
    data = to_device(program, dataset, dataset.statistics(dataset.splits["train"], config.data))
    return Run(folder, config, dataset, program, data)


def laid_out(run: Run, specs: Any = EVERYWHERE) -> Run:
    """The run over its devices; `specs` say where its data stand. Raises UserError, see `lay_out`."""
    layout, program = lay_out(run.config, run.program, max(len(run.members), 1))
    return dataclasses.replace(run, layout=layout, program=program, data=place(layout, run.data, specs))


def in_folds(config: Config, dataset: Any) -> list[Any]:
    """The data set once for every fold, with other splits; as it is where there are none."""
    if config.population.folds == 1:
        return [dataset]
    return [dataclasses.replace(dataset, splits=splits) for splits in dataset.folds(config.population.folds)]


def resolved(config: Config, dataset: Any) -> Config:
    """The config with every "auto" replaced by what suits the data."""
    n_train = training_rows(dataset)
    if isinstance(dataset.encoder, SequenceEncoder):
        config = resolve_sequences(config, n_train, **dataset.encoder.traits)
    classes = dataset.encoder.heads[0].kind not in ("regression", "reconstruction")
    return resolve(config, n_train, classes=classes, season=getattr(dataset.encoder, "season", None))


def training_rows(dataset: Any) -> int:
    """Training rows of an epoch, whether they are in memory or not."""
    return getattr(dataset, "n_train", len(dataset.splits["train"]))


def make_program(config: Config, dataset: Any) -> Program:
    """The code of a resolved config's run. Numbers of the config may be traced."""
    network, tasks = make_network(config, dataset.encoder)
    n_steps = -(-training_rows(dataset) // known(config.train.batch_size))
    total = n_steps * known(config.train.epochs)
    return Program(network, dataset.take, tasks, make_optimizer(config.optim, total), config, total, n_steps)


def agree(folder: Path, config: Config, dataset: Dataset) -> None:
    """Writes config.json and encoder.json, or raises UserError if the folder's run is another one."""
    path = folder / "config.json"
    if not path.exists():
        write_json(folder / "encoder.json", dataset.encoder.to_json() | {"fingerprint": dataset.fingerprint})
        write_json(path, {"config": configs.to_json(config), "versions": versions()})
        return
    before = configs.from_json(read_json(path, "a run's folder")["config"])
    longer = dataclasses.replace(before, train=dataclasses.replace(before.train, epochs=config.train.epochs))
    longer.devices = config.devices  # they change nothing that is saved
    if known(config.train.epochs) >= known(before.train.epochs) and not configs.differences(longer, config):
        if config != before:
            write_json(path, {"config": configs.to_json(config), "versions": versions()})
    else:
        changed = "; ".join(configs.differences(before, config))
        raise UserError(f"--workdir: {folder} holds a run of another config ({changed}); name another folder")
    if read_json(folder / "encoder.json", "a run's folder").get("fingerprint") != dataset.fingerprint:
        raise UserError(f"--workdir: the data changed since the run in {folder} began; name another folder")


def to_device(program: Program, dataset: Dataset, statistics: dict[str, Any]) -> Data:
    """Columns and targets scaled once, by the compiled network, and put where training will find them."""
    config, network = program.config, program.network
    prepare = jax.jit(lambda s, x: network.apply({"statistics": s}, x, method="prepare"))
    prepare_target = jax.jit(lambda s, y: network.apply({"statistics": s}, y, method="prepare_target"))
    arrays = dataset.prepared(partial(prepare, statistics), partial(prepare_target, statistics))
    net = config.net
    if isinstance(net, Dense) and net.embedding == "piecewise_linear" and "numbers" in arrays.inputs:
        train_numbers = np.asarray(arrays.inputs["numbers"][dataset.splits["train"]])
        statistics["inputs"]["edges"] = bin_edges(train_numbers, net.embedding_size)
    if reads_spread(config.augment):
        train_numbers = np.asarray(arrays.inputs["numbers"])[dataset.splits["train"]].astype(np.float64)
        fitted = {"mean": train_numbers.mean(0), "spread": train_numbers.std(0)}
        statistics["inputs"] |= {name: values.astype(np.float32) for name, values in fitted.items()}
    return Data(
        arrays=jax.device_put(arrays),
        train_weight=jnp.asarray(dataset.weight * class_weights(config, dataset)),
        train=jnp.asarray(dataset.splits["train"]),
        valid=jnp.asarray(dataset.splits["valid"]),
        statistics=jax.device_put(statistics),
        key=jax.random.key(config.seed),
    )


def starting_rows(rows: np.ndarray, seed: int) -> np.ndarray:
    """The training rows among which weights begin that begin among rows: START_ROWS at most, in random order."""
    return np.random.default_rng(seed).permutation(rows)[:START_ROWS]


def bin_edges(numbers_nf: np.ndarray, n_bins: int) -> np.ndarray:
    """Quantiles of scaled training columns [f, n_bins + 1], for the piecewise-linear embedding."""
    return np.quantile(numbers_nf, np.linspace(0, 1, n_bins + 1), axis=0).T.astype(np.float32)


def class_weights(config: Config, dataset: Dataset) -> np.ndarray:
    """What each row counts for in the loss for its class [n]: ones, the config's weights, or "balanced": rows /
    (classes x rows of the class), over the training rows, as in scikit-learn."""
    if config.class_weight is None:
        return np.ones_like(dataset.weight)

    def count(head: Head) -> np.ndarray:
        return np.bincount(dataset.target[head.name][dataset.splits["train"]], minlength=len(head.classes))

    head, factor_k = class_factors(config, dataset.encoder, count)
    return factor_k[dataset.target[head.name]]


def class_factors(config: Config, encoder: Any, count: Callable[[Head], np.ndarray]) -> tuple[Head, np.ndarray]:
    """The head that classes are weighted by, and the weight of each [k]; `count` gives the training rows of each."""
    heads = [head for head in encoder.heads if head.kind != "regression"]
    if len(heads) != 1:
        raise UserError("config.class_weight: needs exactly one target that is a class")
    head = heads[0]
    if config.class_weight == "balanced":
        counts = count(head)
        weights = counts.sum() / (len(counts) * np.maximum(counts, 1))
    else:
        given = config.class_weight or {}
        unknown = sorted(set(given) - set(head.classes))
        if unknown:
            raise UserError(f"config.class_weight: no class {unknown[0]!r} in {head.name}; classes: {head.classes}")
        weights = np.array([given.get(name, 1.0) for name in head.classes])
    return head, weights.astype(np.float32)



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
