"""How many nets a config asks for, and its loss, where it says "auto": by its rows, read here."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from train.config.data_options import MISSING, Series
from train.config.members import pooled
from train.config.options import Config, Population
from train.config.recipe import (
    FOLDED_ROWS,
    folds_of,
    may_be_of_amounts,
    may_fold,
    with_valid,
)
from train.config.seeds import number_folds, seeds_of
from train.data.dataset import Dataset
from train.data.files.tables import Read
from train.data.load import load_dataset
from train.data.resolve import resolve_config
from train.data.sequences.dataset import SequenceDataset
from train.data.table.amounts import MAX_ROWS, amounts_note
from train.run.metadata import as_begun

# Few rows are read once, however often they are split; more are not held beside what is made of
# them. Rows that test, or have no target, are among those of a file.
KEPT_ROWS = 10 * FOLDED_ROWS
FOLDS_NOTE = (
    "few rows ({n} train or validate): {folds} nets, each validated on a part of them, answer by "
    "their mean; --config.population.{of}=1 trains one"
)
SEEDS_NOTE = (
    "{seeds} nets, of seeds {first} to {last}, answer by their mean; "
    "--config.population.seeds=1 trains one"
)


def load_and_count(
    config: Config, folder: Path | None, read: Read, notes: tuple[str, ...]
) -> tuple[Config, Dataset]:
    """The config with as many folds, or seeds, as its rows ask for, and their data set.

    Of a table with the loss that its target asks for, too. Notes of the data set begin with
    `notes`, and say how many nets these are. Raises UserError.
    """
    is_counted = may_fold(config)
    config = with_valid(with_counts(config, config.population))
    begun = as_begun(config, folder)
    if not isinstance(config.data, Series):
        read = _read_once(read)
    dataset = load_dataset(pooled(begun), read, first=notes)
    n_rows = len(dataset.splits["train"]) + len(dataset.splits["valid"])
    of = "folds"
    loss_note = None
    if isinstance(dataset, SequenceDataset):
        folds = number_folds(config, n_rows, dataset.encoder.traits)
        of = "seeds"
        if folds == 1:
            return _with_seeds(config, dataset)
    else:
        folds = folds_of(n_rows, {head.kind for head in dataset.heads}) if is_counted else 1
        if n_rows <= MAX_ROWS and may_be_of_amounts(config):
            loss_note = amounts_note(dataset)
        if folds == 1 and loss_note is None:
            return config, dataset
    if loss_note is not None:
        notes = (*notes, loss_note)
        config, begun = (replace(own, loss="gamma") for own in (config, begun))
    if folds == 1:
        return config, load_dataset(pooled(begun), read, first=notes)
    notes = (*notes, FOLDS_NOTE.format(n=n_rows, folds=folds, of=of))
    asked = replace(config.population, folds=folds)
    begun = with_counts(begun, asked)
    return with_counts(config, asked), load_dataset(pooled(begun), read, first=notes)


def with_counts(config: Config, asked: Population) -> Config:
    """The config with the folds and seeds that `asked` has, "auto" being one."""
    own = replace(config.population, folds=asked.n_folds, seeds=asked.n_seeds)
    return replace(config, population=own)


def _with_seeds(config: Config, dataset: SequenceDataset) -> tuple[Config, Dataset]:
    """The config with as many seeds as the rows allow, and the data set that says so."""
    encoder = dataset.encoder
    seeds = seeds_of(
        resolve_config(config, dataset),
        dataset.n_train,
        longest=dataset.longest_read,
        numbers=encoder.n_numbers,
        tokens=encoder.token is not None,
    )
    if seeds == 1:
        return config, dataset
    note = SEEDS_NOTE.format(seeds=seeds, first=config.seed, last=config.seed + seeds - 1)
    asked = replace(config.population, seeds=seeds)
    return with_counts(config, asked), replace(dataset, notes=(*dataset.notes, note))


def _read_once(read: Read) -> Read:
    """`read`, which gives a table of few rows a second time as it was read before."""
    kept: dict[tuple[str, tuple[str, ...], bool], pa.Table] = {}

    def once(
        path: str | os.PathLike[str],
        missing: tuple[str, ...] = MISSING,
        *,
        may_repeat: bool = False,
    ) -> pa.Table:
        asked = (os.fspath(path), missing, may_repeat)
        if (table := kept.get(asked)) is not None:
            return table
        table = read(path, missing, may_repeat=may_repeat)
        if table.num_rows <= KEPT_ROWS:
            kept[asked] = table
        return table

    return once
