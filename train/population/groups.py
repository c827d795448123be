"""Which members of a population share a program: those of equal shapes, a `Run` for each group.

k members, n rows.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from train import config as configs
from train.config.bounded import resolved
from train.config.members import NUMBERS, Member, config_of, members_of, with_values
from train.config.options import Config
from train.core.program import Data
from train.data.dataset import Dataset
from train.parallel.hosts import on_process_zero
from train.run.device_data import to_device
from train.run.metadata import check_or_write_metadata
from train.run.prepare import in_folds, make_program, resolve_config
from train.run.run import Run

Array = jax.Array


def prepare_population(config: Config, dataset: Dataset, folder: Path) -> list[Run]:
    """A run for each group of members that share a program. Writes the config into the folder, or
    checks it there.
    """
    on_process_zero(lambda: check_or_write_metadata(folder, config, dataset))
    views = in_folds(config, dataset)
    fitted: dict[Any, Any] = {}
    groups: dict[str, list[tuple[Member, Config, Any]]] = {}
    for member in members_of(config):
        view = views[member.fold]
        own = resolve_config(config_of(config, member), view)
        key = member.fold, json.dumps(configs.to_json(own)["data"])
        if key not in fitted:
            fitted[key] = view.statistics(view.splits["train"], own.data)
        groups.setdefault(_signature(own, view, fitted[key]), []).append((member, own, fitted[key]))
    parts = ["" if len(groups) == 1 else f"groups/{i}" for i in range(len(groups))]
    runs = [
        _group(folder, part, views, group)
        for part, group in zip(parts, groups.values(), strict=True)
    ]
    return [replace(run, config=replace(run.config, population=config.population)) for run in runs]


def _signature(config: Config, dataset: Dataset, statistics: Any) -> str:
    """Equal for members that one program can train."""
    blank = with_values(
        config, {path: 0.0 for path in NUMBERS if _number(config, path) is not None}
    )
    n_steps = -(-len(dataset.splits["train"]) // resolved(config.train.batch_size))
    shapes = [leaf.shape for leaf in jax.tree.leaves(statistics)]
    plain = configs.to_json(replace(blank, seed=0))
    return json.dumps([plain, n_steps, len(dataset.splits["valid"]) > 0, shapes])


def _number(config: Config, path: str) -> float | None:
    """The number that the field holds; None where it holds none, or the net has no such field."""
    *groups, name = path.split(".")
    group = getattr(config, groups[0]) if groups else config
    value = getattr(group, name, None)
    return value if isinstance(value, int | float) else None


def _group(
    folder: Path, part: str, views: list[Dataset], group: list[tuple[Member, Config, Any]]
) -> Run:
    members = tuple(member for member, _, _ in group)
    config = group[0][1]
    folds = sorted({member.fold for member in members})
    paths = [
        path for path in sorted(NUMBERS) if len({_number(own, path) for _, own, _ in group}) > 1
    ]
    # What augmentation needs fitted is there for all members as soon as one of them is varied.
    strongest = with_values(
        config, {path: max(_number(own, path) or 0.0 for _, own, _ in group) for path in paths}
    )
    pools: dict[int, Data] = {}
    for member, _, statistics in group:
        if member.fold not in pools:
            pools[member.fold] = to_device(
                make_program(strongest, views[member.fold]), views[member.fold], statistics
            )
    n = len(next(iter(pools.values())).train_weight)
    own_pool = [pools[member.fold] for member in members]
    first_row = [folds.index(member.fold) * n for member in members]
    counts = [(len(pool.train), len(pool.valid)) for pool in own_pool]
    same = len(set(counts)) == 1
    data = Data(
        arrays=views[0].joined([pools[fold].arrays for fold in folds]),
        train_weight=jnp.concatenate([pools[fold].train_weight for fold in folds]),
        train=_stacked(
            [
                np.asarray(pool.train) + first
                for pool, first in zip(own_pool, first_row, strict=True)
            ]
        ),
        valid=_stacked(
            [
                np.asarray(pool.valid) + first
                for pool, first in zip(own_pool, first_row, strict=True)
            ]
        ),
        statistics=jax.tree.map(
            lambda *leaves: jnp.stack(leaves), *(pool.statistics for pool in own_pool)
        ),
        key=jnp.stack([jax.random.key(own.seed) for _, own, _ in group]),
        n_train=None if same else jnp.array([train for train, _ in counts]),
        n_valid=None if same else jnp.array([valid for _, valid in counts]),
        numbers={
            path: jnp.array([_number(own, path) for _, own, _ in group], jnp.float32)
            for path in paths
        },
    )
    view = views[members[0].fold]
    return Run(folder, config, view, make_program(config, view), data, members, part)


def _stacked(rows: list[np.ndarray]) -> Array:
    """Rows of every member [k, n], filled up to the most with a member's own last one."""
    longest = max(map(len, rows))
    return jnp.asarray(
        np.stack([np.pad(own, (0, longest - len(own)), mode="edge") for own in rows])
    )
