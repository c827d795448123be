"""From a config to a run that is ready to train: its data on the device, its folder begun."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from jax.sharding import PartitionSpec

from nets.base import Variables
from train.config.bounded import resolved
from train.config.data_options import Data as DataOptions
from train.config.members import config_of, members_of
from train.config.net_options import Perceptron
from train.config.options import Config
from train.config.table_options import METRICS, Table
from train.core.network import make_network, tasks_of
from train.core.optim import make_optimizer
from train.core.program import Data, Program
from train.data.classes import class_sizes, unseen_counts
from train.data.dataset import Dataset, Encoder
from train.data.resolve import resolve_config, window_of
from train.data.row_dataset import RowDataset
from train.data.series.dataset import SeriesDataset
from train.data.series.statistics import with_new_groups
from train.errors import UserError
from train.parallel.devices import EVERYWHERE, place
from train.parallel.hosts import on_process_zero
from train.parallel.layout import make_layout
from train.run.device_data import to_device
from train.run.metadata import check_or_write_metadata
from train.run.plan import check_plan
from train.run.run import Run


def prepare(
    config: Config, dataset: Dataset, folder: Path, initial_variables: Variables | None = None
) -> Run:
    """The run of one net: the config resolved, the data on the device.

    Writes the config and the schema into the folder, or checks that the folder's are the same. With
    `config.population.member` the run is that member's. Training begins with `initial_variables` if
    they are given; statistics that they lack are fitted on the training rows. Raises UserError.
    """
    population = config.population
    if population.member is not None:
        member = members_of(config)[population.member]
        dataset = in_folds(config, dataset)[member.fold]
        config = config_of(config, member)
    check_targets(config, dataset.encoder)
    config = resolve_config(config, dataset)
    check_plan(config, dataset)
    written = dataclasses.replace(config, population=population)
    on_process_zero(lambda: check_or_write_metadata(folder, written, dataset))
    program = make_program(config, dataset)
    if initial_variables is None or "statistics" not in initial_variables:
        fitted = dataset.statistics(dataset.splits["train"], config.data)
        data = to_device(program, dataset, fitted)
        return Run(folder, config, dataset, program, data, initial_variables=initial_variables)
    statistics = initial_variables["statistics"]
    if isinstance(dataset, SeriesDataset):
        fitted = dataset.statistics(dataset.splits["train"], config.data)
        statistics = with_new_groups(statistics, fitted)
    data = to_device(program, dataset, statistics, are_complete=True)
    return Run(folder, config, dataset, program, data, initial_variables=initial_variables)


def place_run(run: Run, specs: Data | PartitionSpec = EVERYWHERE) -> Run:
    """The run over its devices; `specs` say how its data are placed.

    Raises UserError, see `make_layout`.
    """
    layout, program = make_layout(run.config, run.program, max(len(run.members), 1))
    data = place(layout, run.data, specs)
    return dataclasses.replace(run, layout=layout, program=program, data=data)


def in_folds(config: Config, dataset: Dataset) -> list[Dataset]:
    """The data set once for every fold, with other splits; as it is where there are none."""
    if config.population.n_folds == 1:
        return [dataset]
    return [dataset.with_splits(splits) for splits in dataset.folds(config.population.n_folds)]


def check_targets(config: Config, encoder: Encoder) -> None:
    """Raises UserError if no target can have the loss, the label smoothing or the metric."""
    tasks = tasks_of(config, encoder)
    used = sorted({task.loss for task in tasks})
    if config.loss not in ("auto", *used) and not isinstance(config.net, Perceptron):
        raise UserError(
            f"config.loss: {config.loss} is for none of the targets, "
            f"which take {' and '.join(used)}; leave it at auto"
        )
    labelled = {task.head.kind for task in tasks if task.loss != "crf"}
    smooths = config.label_smoothing not in (0, "auto")
    if smooths and not labelled & {"binary", "multiclass", "tags"}:
        raise UserError(
            "config.label_smoothing: no target is a class that a cross-entropy learns; set it to 0"
        )
    _check_metric(config.data, encoder)


def _check_metric(data: DataOptions, encoder: Encoder) -> None:
    """Raises UserError if no target has the metric `data.metric`."""
    if not isinstance(data, Table) or data.metric is None:
        return
    known: list[str] = []
    for head in encoder.heads:
        known += METRICS.get(head.kind, ())
    if data.metric not in known:
        names = ", ".join(dict.fromkeys(known)) or "those of nets that learn a target"
        raise UserError(f"config.data.metric: {data.metric} is no score here; there are {names}")


def has_gaps(dataset: Dataset) -> bool:
    """Whether targets are missing among others, or of classes that no training row has."""
    match dataset:
        case SeriesDataset():
            return dataset.has_target_gaps
        case RowDataset():
            return bool(unseen_counts(dataset.target, class_sizes(dataset.encoder)))
    return False


def make_program(config: Config, dataset: Dataset) -> Program:
    """The code of a resolved config's run; numbers of the config may be traced."""
    network, tasks = make_network(config, dataset.encoder)
    if has_gaps(dataset):
        tasks = tuple(task._replace(gaps=True) for task in tasks)
    steps_per_epoch = -(-dataset.n_train // resolved(config.train.batch_size))
    total_steps = steps_per_epoch * resolved(config.train.epochs)
    return Program(
        network=network,
        take=dataset.take,
        tasks=tasks,
        optimizer=make_optimizer(config.optim, total_steps),
        config=config,
        total_steps=total_steps,
        steps_per_epoch=steps_per_epoch,
        window=window_of(config, dataset),
    )
