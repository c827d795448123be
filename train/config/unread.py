"""Options that the others of a config leave nobody to read: refused, not passed over in silence.

A row of IDLE: the fields that nothing reads where another one holds one of these values. A field
at its default, or at "auto", is never meant.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from train.config import values
from train.config.data_options import has_valid_rows
from train.config.imported import Imported
from train.config.members import settings_of, with_values
from train.config.options import SPREAD_LOSSES, Config, GridValue
from train.config.own_net import Own
from train.errors import UserError

CONSTANT_RATES = ("constant", "flat_cosine", "one_cycle")  # or they end where they end


class Unread(NamedTuple):
    """A field that is set and not read: its path, why, and what it is to be left at."""

    path: str
    why: str
    left_at: object

    @property
    def line(self) -> str:
        """What is wrong, and what to do."""
        return f"{self.why}; leave it at {self.left_at}"

    @property
    def flag(self) -> str:
        """What leaves it there on a command line."""
        return shlex.quote(f"--config.{self.path}={values.to_text(self.left_at)}")


def refuse(found: Sequence[Unread]) -> None:
    """Raises UserError if there are fields that nothing reads: all of them in one line."""
    if not found:
        return
    if len(found) == 1:
        raise UserError(f"config.{found[0].path}: {found[0].line}")
    paths: dict[str, list[str]] = {}
    for each in found:
        paths.setdefault(each.why, []).append(f"config.{each.path}")
    wrong = "; ".join(f"{', '.join(own)}: {why}" for why, own in paths.items())
    raise UserError(f"{wrong}; leave them at {' '.join(each.flag for each in found)}")


class Idle(NamedTuple):
    """Fields that are not read where the field `decider` holds one of `at`; as `but` they are."""

    decider: str
    at: tuple[object, ...]
    fields: tuple[str, ...]
    but: object = None


OWN_CODE = "own code"  # at an import path, whatever it is
IDLE = (
    Idle(
        "optim.name",
        (OWN_CODE,),
        (
            *("optim.learning_rate", "optim.decay", "optim.momentum", "optim.nesterov"),
            *("optim.beta1", "optim.beta2", "optim.epsilon", "optim.schedule", "optim.final"),
            *("optim.plateau_factor", "optim.plateau_patience", "optim.warmup", "optim.l1_step"),
            *("optim.weight_decay", "optim.weight_decay_schedule"),
        ),
    ),
    Idle("optim.name", ("adam", "adamw", "nadam", "sgd", "lion"), ("optim.decay",)),
    Idle("optim.name", ("rmsprop", "sgd"), ("optim.beta1", "optim.beta2")),
    Idle("optim.name", ("sgd", "lion"), ("optim.epsilon",)),
    Idle("optim.schedule", (*CONSTANT_RATES, "plateau"), ("optim.final",)),
    Idle(
        "optim.schedule",
        (*CONSTANT_RATES, "cosine", "exponential"),
        ("optim.plateau_factor", "optim.plateau_patience"),
    ),
    Idle("augment.mixup", (0,), ("augment.mixup_until",)),
    Idle("net.embedding", ("none",), ("net.embedding_size", "net.embedding_scale")),
    Idle("net.embedding", ("piecewise_linear", "piecewise_linear_b"), ("net.embedding_scale",)),
    Idle(
        "net.embedding",
        ("none", "piecewise_linear", "periodic", "densely_periodic"),
        ("net.embedding_bins",),
    ),
    Idle("net.members", (1,), ("net.adapters", "net.member_rows")),
    # Weights of this form start as N(0, 1), or as zeros.
    Idle("net.parametrization", ("ntk",), ("net.kernel_init", "net.output_init"), but="zeros"),
    Idle("net.bidirectional", (False,), ("net.merge",)),
    Idle(
        "net.convolutions",
        ((),),
        (
            "net.widths",
            "net.later_width",
            "net.dilation",
            "net.stride",
            "net.pool",
            "net.convolution_readout",
            "net.convolution_dropout",
        ),
    ),
    Idle("net.head", ((),), ("net.head_activation",)),
    Idle("net.decoder", ("segments", "steps"), ("net.readout",), but="last"),
    Idle("net.shortcut", (False,), ("net.shortcut_period", "net.linear_fallback")),
    Idle("loss", SPREAD_LOSSES, ("net.linear_fallback",)),
    Idle("train.restore", ("last",), ("net.linear_fallback",)),
    Idle("net.decoder", ("direct", "steps"), ("net.tells_columns",)),
    Idle("net.columns", ("joint",), ("net.tells_columns",)),
    Idle("net.rule", ("kmeans", "mini_batch", "batch"), ("net.rate", "net.final_rate")),
    Idle("net.rule", ("kmeans", "mini_batch", "neural_gas"), ("net.conscience",)),
    Idle("net.rule", ("kmeans", "mini_batch", "winner"), ("net.neighbours",)),
    Idle("data.split", ("time",), ("data.split_seed",)),
    Idle("data.characters", (False,), ("net.character_size",)),
)
# Of recipes that are right for most nets of their kind: what a smaller one leaves out is only said.
HIDDEN_LAYERS = Idle(
    "net.hidden",
    ((),),
    ("net.activation", "net.activation_slope", "net.dropout", "net.norm", "net.residual"),
)


def check_read(config: Config) -> None:
    """Raises UserError if a field is set that nothing reads.

    Of settings of a population, each value of the grid must be read in its own, and every other
    field in one of them.
    """
    if not config.population.grid:
        refuse(list(_unread(config, IDLE)))
        return
    everywhere: dict[str, Unread] | None = None
    for chosen in settings_of(config):
        unread = {each.path: each for each in _unread(with_values(config, chosen), IDLE)}
        for path in chosen:
            if path in unread:
                words = values.in_words(chosen)
                line = f"config.{path}: {unread[path].line}"
                raise UserError(f"config.population.grid: the setting {words}: {line}")
        if everywhere is None:
            everywhere = unread
        everywhere = {path: each for path, each in unread.items() if path in everywhere}
    refuse(list((everywhere or {}).values()))


def is_idle(path: str, decider: str, value: str) -> bool:
    """Whether nothing reads a field where the field `decider` holds a value."""
    return any(row.decider == decider and value in row.at and path in row.fields for row in IDLE)


def without_unread(config: Config, chosen: Mapping[str, GridValue]) -> Config:
    """The config with what nothing reads at its defaults; the fields that were chosen stay."""
    for path, _, default in list(_unread(config, IDLE)):
        if path not in chosen:
            config = with_values(config, {path: default})
    return config


def idle_by_auto(asked: Config, resolved: Config) -> dict[str, str]:
    """{field: what is wrong} of fields that nothing reads because of what "auto" stands for."""
    found = {}
    for row in IDLE:
        stands_for = _value(resolved, row.decider)
        if _value(asked, row.decider) != "auto" or stands_for not in row.at:
            continue
        of_row = row._replace(at=("auto",))
        for each in _unread(asked, (of_row,)):
            shown = values.to_text(stands_for) or stands_for
            found[each.path] = f"config.{row.decider}=auto stands for {shown}"
    return found


def unread_notes(config: Config) -> list[str]:
    """A line for each part of a recipe, or share of rows, that is set and not read."""
    notes = []
    paths = [f"config.{each.path}" for each in _unread(config, (HIDDEN_LAYERS,))]
    if paths:
        notes.append(f"not used, for config.net.hidden=() has no layer: {', '.join(paths)}")
    time = _value(config, "data.time")
    split = _value(config, "data.split")
    if time is not None and split not in (None, "time"):
        notes.append(
            f"config.data.time: {time!r} is left out of the inputs, and config.data.split={split} "
            "does not read it; set config.data.split=time, or leave config.data.time at None"
        )
    train = config.train
    every = train.checkpoint_every
    if every and every % train.eval_every and not _value(config, "data.stream"):
        notes.append(
            f"config.train.checkpoint_every: an epoch without an evaluation is not saved: with "
            f"config.train.eval_every={train.eval_every} every {math.lcm(every, train.eval_every)} "
            f"epochs are, not every {every}"
        )
    if train.monitor == "error" and not (
        has_valid_rows(config.data) or config.population.n_folds > 1
    ):
        notes.append("config.train.monitor: not used, for there are no validation rows")
    valid = _value(config, "data.valid")
    folds = config.population.n_folds
    if folds > 1 and valid not in (0, "auto", _default(config, "data.valid")):
        notes.append(
            f"config.data.valid: not used, for of config.population.folds={folds} each validates "
            "a net; set config.population.folds=1"
        )
    for part in ("valid", "test"):
        file = _value(config, f"data.{part}_path")
        if file and _value(config, f"data.{part}") not in (0, _default(config, f"data.{part}")):
            notes.append(f"config.data.{part}: not used, for config.data.{part}_path is {file}")
    return notes


def _unread(config: Config, rows: tuple[Idle, ...]) -> Iterator[Unread]:
    """Each field that is set and not read."""
    for row in rows:
        decides = _value(config, row.decider)
        if decides not in row.at and not (isinstance(decides, Imported) and OWN_CODE in row.at):
            continue
        for path in row.fields:
            value = _value(config, path)
            default = _default(config, path)
            if value in (None, "auto", default, row.but):
                continue
            if path == "optim.beta2" and config.optim.has_own_beta2():
                continue
            by = f"config.{row.decider}={values.to_text(decides) or decides}"
            yield Unread(path, f"not used by {by}", default)


def _value(config: Config, path: str) -> object:
    """What a field holds; None where the kind of net or data has no such field."""
    group, _, name = path.partition(".")
    found = getattr(config, group)
    if not name:
        return found
    return None if isinstance(found, Own) else getattr(found, name, None)


def _default(config: Config, path: str) -> object:
    group, _, name = path.partition(".")
    return getattr(type(getattr(config, group))(), name, None)
