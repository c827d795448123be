"""What is refused once the rows are read: nets and augmentations that do not fit them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from train.config.net_options import LSTM, Competitive, Dense, Perceptron, SelfOrganizingMap
from train.config.options import Config
from train.data.dataset import Dataset, Head
from train.data.resolve import window_of
from train.data.row_dataset import RowDataset
from train.data.sequences.encoder import SequenceEncoder
from train.data.table.codes import ANSWERS
from train.data.table.column import Column
from train.data.table.dataset import TableDataset
from train.errors import UserError

CHECKED_ROWS = 10_000  # of which distinct ones are counted before all are
# Fields that augment sequences.
VARY_NUMBERS = (
    "augment.scaling",
    "augment.warp",
    "augment.time_mask",
    "augment.channel_mask",
    "augment.mixup",
    "net.noise",
    "net.offset",
)
VARY_TOKENS = ("augment.token_drop", "augment.token_swap")
ONLY_MOVE_STEPS = ("augment.reverse", "net.crop")
MOVE_STEPS = ("augment.warp", "augment.reverse", "augment.mixup", "net.crop")


def check_distinct(dataset: TableDataset, units: int, field: str) -> None:
    """Raises UserError if there are more units than different training rows to begin from."""
    rows = dataset.splits["train"]
    distinct = 0
    for some in (rows[:CHECKED_ROWS], rows):
        # Missing is one value here: nan is not equal to itself.
        parts = []
        for array in dataset.inputs.values():
            parts.append(np.nan_to_num(array[some].astype(np.float64), nan=1e300))
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
        case Dense(code=int()):
            _check_label(dataset.encoder.targets)
        case Perceptron():
            _check_classes(dataset.encoder.heads)


def _check_label(targets: Sequence[Column]) -> None:
    """Raises UserError if the label of an autoencoder is called like one of its answers."""
    for column in targets:
        if ANSWERS.fullmatch(column.name):
            raise UserError(
                f"config.data.label: {column.name!r} is the name of a column of the answers; "
                "rename it"
            )


def _check_classes(heads: Sequence[Head]) -> None:
    """Raises UserError if a target is a number."""
    for head in heads:
        if head.kind == "regression":
            names = " and ".join(map(repr, head.columns))
            raise UserError(
                f"config.net: a Perceptron tells classes, but {names} is a number; use Dense"
                ", or name it in config.data.categorical"
            )


def check_steps(config: Config, dataset: Dataset) -> None:
    """Raises UserError for an LSTM that reads steps in another way than its targets need."""
    encoder = dataset.encoder
    if not isinstance(encoder, SequenceEncoder) or not isinstance(config.net, LSTM):
        return
    if config.net.crf and not encoder.tags:
        raise UserError("config.net.crf: decodes tags, and no target is one; set it to false")
    if config.net.own_scale is True and not encoder.numbers:
        raise UserError(
            "config.net.own_scale: scales numbers, and the inputs have none; set it to false"
        )
    if window_of(config, dataset) and encoder.labels.targets:
        _check_readout(config.net, encoder)
    if not encoder.traits.of_steps:
        return
    for field in ("patch", "stride", "pool"):
        size = getattr(config.net, field)
        if size not in (1, "auto"):
            raise UserError(
                f"config.net.{field}: {size} steps as one, but the target has a value at each of "
                "them; set it to 1"
            )


def _check_readout(net: LSTM, encoder: SequenceEncoder) -> None:
    """Raises UserError if an answer of a sequence is read of more than its last window."""
    if net.readout not in ("last", "auto"):
        raise UserError(
            f"config.net.readout: {net.readout} reads all {encoder.longest} steps, of which "
            "config.train.truncate leaves a window; set it to last"
        )


def check_augment(config: Config, dataset: Dataset) -> None:
    """Raises UserError for an augmentation that does not fit the columns, or the targets."""
    if not isinstance(dataset, RowDataset):
        return
    fields = ("augment.noise",)
    every_step = False
    if isinstance(dataset.encoder, SequenceEncoder):
        fields = dict.fromkeys((*VARY_NUMBERS, *VARY_TOKENS, *MOVE_STEPS))
        every_step = dataset.encoder.traits.of_steps
    for field in fields:
        if _strength(config, field) not in (0, "auto"):
            _check_fits(field, dataset.inputs, every_step)


def _strength(config: Config, field: str) -> float | str:
    """How much an augmentation does, 0 for nothing."""
    group, _, name = field.partition(".")
    return config.net.strengths().get(name, 0) if group == "net" else getattr(config.augment, name)


def _check_fits(field: str, inputs: Mapping[str, np.ndarray], every_step: bool) -> None:
    """Raises UserError if a field varies what the inputs lack, or what the target goes by."""
    where = f"config.{field}"
    has_tokens = "tokens" in inputs
    if field not in (*VARY_TOKENS, *ONLY_MOVE_STEPS) and "numbers" not in inputs:
        raise UserError(f"{where}: varies numbers, and the inputs have none; set it to 0")
    if field in VARY_TOKENS and not has_tokens:
        raise UserError(f"{where}: varies tokens, and the inputs have none; set it to 0")
    if field in ("augment.warp", "augment.mixup") and has_tokens:
        raise UserError(f"{where}: there is nothing between two tokens; set it to 0")
    if field in MOVE_STEPS and every_step:
        off = 1 if field == "net.crop" else 0
        raise UserError(
            f"{where}: moves steps, but the target has a value at each of them; set it to {off}"
        )
