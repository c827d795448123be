"""Nets and augmentations that do not fit the rows that were read."""

from __future__ import annotations

import numpy as np

from train.config.net_options import Competitive, Dense, Perceptron, SelfOrganizingMap
from train.config.options import Config
from train.data.dataset import Dataset
from train.data.row_dataset import RowDataset
from train.data.sequences.encoder import SequenceEncoder
from train.data.table.codes import ANSWERS
from train.data.table.dataset import TableDataset
from train.errors import UserError

CHECKED_ROWS = 10_000  # of which distinct ones are counted before all are


def check_distinct(dataset: TableDataset, units: int, field: str) -> None:
    """Raises UserError if there are more units than different training rows, which would have to
    share a row.
    """
    rows = dataset.splits["train"]
    distinct = 0
    for some in (rows[:CHECKED_ROWS], rows):
        # Missing is one value here: nan is not equal to itself.
        parts = [
            np.nan_to_num(array[some].astype(np.float64), nan=1e300)
            for array in dataset.inputs.values()
        ]
        distinct = len(np.unique(np.concatenate(parts, 1), axis=0))
        if distinct >= units:
            return
    found = f"{units} units for {distinct} different training rows"
    raise UserError(f"{field}: {found}; set it to {distinct} at the most")


def check_net(net: object, dataset: TableDataset) -> None:
    """Raises UserError for a net that cannot learn what these rows hold."""
    match net:
        case Competitive(units=units):
            check_distinct(dataset, units, "config.net.units")
        case SelfOrganizingMap(shape=(rows, columns)):
            check_distinct(dataset, rows * columns, "config.net.shape")
        case Dense(code=int()) if dataset.encoder.targets and ANSWERS.fullmatch(
            dataset.encoder.targets[0].name
        ):
            name = dataset.encoder.targets[0].name
            raise UserError(
                f"config.data.label: {name!r} is the name of a column of the answers; rename it"
            )
        case Perceptron():
            numbers = [head.columns for head in dataset.encoder.heads if head.kind == "regression"]
            if numbers:
                names = " and ".join(map(repr, numbers[0]))
                raise UserError(
                    f"config.net: a Perceptron tells classes, but {names} is a number; use Dense"
                )


def check_augment(config: Config, dataset: Dataset) -> None:
    """Raises UserError for an augmentation that does not fit the columns, or the targets."""
    if not isinstance(dataset, RowDataset):
        return
    augment = config.augment
    own = config.net.strengths()
    of_numbers = {"config.augment.noise": augment.noise}
    of_tokens = {}
    moving = {}
    if isinstance(dataset.encoder, SequenceEncoder):
        names = ("scaling", "warp", "time_mask", "channel_mask", "mixup")
        of_numbers = {f"config.augment.{name}": getattr(augment, name) for name in names}
        of_numbers |= {f"config.net.{name}": own[name] for name in ("noise", "offset")}
        of_tokens = {
            f"config.augment.{name}": getattr(augment, name)
            for name in ("token_drop", "token_swap")
        }
        moving = {
            f"config.augment.{name}": getattr(augment, name)
            for name in ("warp", "reverse", "mixup")
        }
        moving["config.net.crop"] = own["crop"]
    on = [
        field
        for field, strength in (of_numbers | of_tokens | moving).items()
        if strength not in (0, "auto")
    ]
    has_tokens = "tokens" in dataset.inputs
    for field in on:
        if field in of_numbers and "numbers" not in dataset.inputs:
            raise UserError(f"{field}: varies numbers, and the inputs have none; set it to 0")
        if field in of_tokens and not has_tokens:
            raise UserError(f"{field}: varies tokens, and the inputs have none; set it to 0")
        if field in ("config.augment.warp", "config.augment.mixup") and has_tokens:
            raise UserError(f"{field}: there is nothing between two tokens; set it to 0")
        if field in moving and getattr(dataset.encoder, "traits", {}).get("of_steps"):
            off = 1 if field == "config.net.crop" else 0
            raise UserError(
                f"{field}: moves steps, but the target has a value at each of them; set it to {off}"
            )
