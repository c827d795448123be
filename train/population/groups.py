"""Which members of a population share a program: those of equal shapes, a `Run` for each group.

k members, n rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nets.base import Array, Statistics
from train import config as configs
from train.config.bounded import resolved
from train.config.members import (
    TRACED_FIELDS,
    Member,
    config_of,
    members_of,
    settings_of,
    with_values,
)
from train.config.options import Config
from train.config.own_net import Own
from train.core.program import Data
from train.data.dataset import Dataset, Pool
from train.data.resolve import resolve_config
from train.data.sequences.dataset import SequenceDataset
from train.parallel.hosts import on_process_zero
from train.run.device_data import to_device, without_rows
from train.run.metadata import check_or_write_metadata
from train.run.plan import check_plan
from train.run.prepare import check_targets, in_folds, make_program
from train.run.run import Run


class Planned(NamedTuple):
    """A member, its resolved config, and what was fitted on its fold's training rows."""

    member: Member
    config: Config
    statistics: Statistics


def prepare_population(config: Config, dataset: Dataset, folder: Path) -> list[Run]:
    """A run for each group of members that share a program.

    Writes the config into the folder, or checks it there. Raises UserError.
    """
    for chosen in settings_of(config):
        check_targets(with_values(config, chosen), dataset.encoder)
    on_process_zero(lambda: check_or_write_metadata(folder, config, dataset))
    folds = in_folds(config, dataset)
    groups: dict[str, list[Planned]] = {}
    for planned in _plan_members(config, folds):
        signature = _signature(planned, folds[planned.member.fold])
        groups.setdefault(signature, []).append(planned)
    runs: list[Run] = []
    pools: list[Pool] = []
    # Of several folds it is one pool of encoded rows, which each of their nets scales its own way.
    shared = _encoded_pool(dataset) if len(folds) > 1 else None
    shared_rows = None if shared is None else len(dataset.weight)
    for i, group in enumerate(groups.values()):
        first = group[0]
        fold = folds[first.member.fold]
        data = _group_data(folds, group)
        arrays = _deduplicated(data.arrays, pools) if shared is None else shared
        run = Run(
            folder=folder,
            config=replace(first.config, population=config.population),
            dataset=fold,
            program=replace(make_program(first.config, fold), shared_rows=shared_rows),
            data=data.replace(arrays=arrays),
            members=tuple(planned.member for planned in group),
            subfolder=f"groups/{i}" if len(groups) > 1 else "",
        )
        runs.append(run)
    return runs


def _encoded_pool(dataset: Dataset) -> Pool:
    """The encoded rows on the device, as far as training reads them."""
    if isinstance(dataset, SequenceDataset):
        return jax.device_put(dataset.prepared(jax.device_put, jax.device_put))
    return jax.device_put(dataset.arrays)


def _deduplicated(pool: Pool, pools: list[Pool]) -> Pool:
    """The pool that `pools` has with the same content, else this one, which is added to them."""
    for other in pools:
        if jax.tree.structure(other) == jax.tree.structure(pool) and all(
            map(_are_equal, jax.tree.leaves(other), jax.tree.leaves(pool))
        ):
            return other
    pools.append(pool)
    return pool


def _are_equal(one: Array, other: Array) -> bool:
    """Whether two arrays are of one type and hold the same, nan where the other has one too."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return bool(jnp.array_equal(one, other, equal_nan=jnp.issubdtype(one.dtype, jnp.inexact)))


def _plan_members(config: Config, folds: Sequence[Dataset]) -> Iterator[Planned]:
    """Every member; statistics are shared by those that fit the same to the same rows."""
    fitted: dict[tuple[int, str], Statistics] = {}
    for member in members_of(config):
        fold = folds[member.fold]
        own = resolve_config(config_of(config, member), fold)
        check_plan(own, fold)
        key = member.fold, json.dumps(configs.to_json(own)["data"])
        if key not in fitted:
            fitted[key] = fold.statistics(fold.splits["train"], own.data)
        yield Planned(member, own, fitted[key])


def _signature(planned: Planned, fold: Dataset) -> str:
    """A text that is equal for members that one program can train."""
    config = planned.config
    zeros = {path: 0.0 for path in TRACED_FIELDS if _number_at(config, path) is not None}
    plain = configs.to_json(replace(with_values(config, zeros), seed=0))
    n_steps = -(-len(fold.splits["train"]) // resolved(config.train.batch_size))
    shapes = [leaf.shape for leaf in jax.tree.leaves(planned.statistics)]
    return json.dumps([plain, n_steps, len(fold.splits["valid"]) > 0, shapes])


def _number_at(config: Config, path: str) -> float | None:
    """The number that the field holds; None where it holds none, or the net has no such field."""
    *groups, name = path.split(".")
    group = getattr(config, groups[0]) if groups else config
    if isinstance(group, Own):
        return None  # what its fields mean nobody knows: each value is a program
    value = getattr(group, name, None)
    return value if isinstance(value, int | float) else None


def _group_data(folds: Sequence[Dataset], group: Sequence[Planned]) -> Data:
    """What the members of a group share, and what is each one's own.

    Folds share the encoded rows. The weights of the rows stand there once where all folds have the
    same ones, else fold after fold.
    """
    varied = _varied_numbers(group)
    data_of_fold = _data_of_folds(folds, group, list(varied))
    used = sorted(data_of_fold)
    weights = [data_of_fold[fold].train_weight for fold in used]
    n_rows = len(weights[0])
    if all(_are_equal(weights[0], other) for other in weights):
        weights = weights[:1]
        n_rows = 0  # one fold's rows bear the numbers of any other's
    own = [data_of_fold[planned.member.fold] for planned in group]
    first_rows = [used.index(planned.member.fold) * n_rows for planned in group]
    train_rows = [data.train for data in own]
    valid_rows = [data.valid for data in own]
    n_train = list(map(len, train_rows))
    n_valid = list(map(len, valid_rows))
    statistics = [data.statistics for data in own]
    keys = [jax.random.key(planned.config.seed) for planned in group]
    are_equal = len(set(n_train)) == 1 and len(set(n_valid)) == 1
    numbers = {path: jnp.array(values, jnp.float32) for path, values in varied.items()}
    return Data(
        arrays=data_of_fold[used[0]].arrays,
        train_weight=jnp.concatenate(weights),
        train=_stack_rows(train_rows, first_rows),
        valid=_stack_rows(valid_rows, first_rows),
        statistics=jax.tree.map(lambda *leaves: jnp.stack(leaves), *statistics),
        key=jnp.stack(keys),
        n_train=None if are_equal else jnp.array(n_train),
        n_valid=None if are_equal else jnp.array(n_valid),
        mean_weight=_mean_weights(own),
        numbers=numbers,
    )


def _mean_weights(own: Sequence[Data]) -> Array | None:
    """The mean weight of every member's training rows [k]; None if those of each weigh the same."""
    if all(data.mean_weight is None for data in own):
        return None
    means = []
    for data in own:
        of_any_row = data.train_weight[data.train[0]]
        means.append(of_any_row if data.mean_weight is None else data.mean_weight)
    return jnp.stack(means)


def _varied_numbers(group: Sequence[Planned]) -> dict[str, list[float]]:
    """{path: the number of each member [k]}, of the numbers that differ between them."""
    varied = {}
    for path in sorted(TRACED_FIELDS):
        values = [_number_at(planned.config, path) for planned in group]
        if len(set(values)) > 1:
            varied[path] = [np.nan if value is None else value for value in values]
    return varied


def _data_of_folds(
    folds: Sequence[Dataset], group: Sequence[Planned], varied: Sequence[str]
) -> dict[int, Data]:
    """{fold: its data on the device}, of the folds that the group's members train in.

    What augmentation needs fitted is there for all members as soon as one of them is varied.
    """
    strongest = {}
    for path in varied:
        pick = min if path == "net.crop" else max  # a crop of 1 leaves rows as they are
        strongest[path] = pick(_number_at(planned.config, path) or 0.0 for planned in group)
    config = with_values(group[0].config, strongest)
    found: dict[int, Data] = {}
    for planned in group:
        number = planned.member.fold
        if number not in found:
            program = make_program(config, folds[number])
            make_data = to_device if len(folds) == 1 else without_rows
            found[number] = make_data(program, folds[number], planned.statistics)
    return found


def _stack_rows(rows_of_member: Sequence[Array], first_rows: Sequence[int]) -> Array:
    """Rows of every member [k, n] from its first one on, filled up with its own last one."""
    n_most = max(map(len, rows_of_member))
    stacked = []
    for rows, first in zip(rows_of_member, first_rows, strict=True):
        stacked.append(np.pad(np.asarray(rows) + first, (0, n_most - len(rows)), mode="edge"))
    return jnp.asarray(np.stack(stacked))
