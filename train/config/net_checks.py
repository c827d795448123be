"""What a net, its data and its loss must agree on; an LSTM and its data in `lstm_checks`."""

from __future__ import annotations

import dataclasses

from train.config.data_options import Table
from train.config.net_options import LSTM, Competitive, Dense, Net, Perceptron, SelfOrganizingMap
from train.config.options import COUNT_DENSITIES, Config, Optim
from train.config.unread import Unread, refuse
from train.errors import UserError

# Losses of nets that start from no line.
NOT_LINEAR = ("poisson", *COUNT_DENSITIES, "reconstruction")


def check_perceptron(config: Config, net: Perceptron) -> None:
    """Raises UserError if an option contradicts threshold neurons, or would not be used."""
    if config.loss not in ("auto", "binary_crossentropy", "categorical_crossentropy"):
        raise UserError(
            f"config.loss: {config.loss} is not for a Perceptron, which tells classes; "
            "leave it at auto"
        )
    if config.label_smoothing not in (0, "auto"):
        raise UserError("config.label_smoothing: a threshold answers yes or no; set it to 0")
    if net.rule not in ("straight_through", "surrogate"):
        _check_no_descent(config, f"config.net.rule={net.rule}")


def check_clusters(config: Config, net: Competitive | SelfOrganizingMap, data: Table) -> None:
    """Raises UserError if an option contradicts units that learn clusters, or would not be used."""
    name = type(net).__name__
    if any(data.target):
        raise UserError(
            f"config.data.target: a {name} learns without; "
            "a column to judge by is config.data.label"
        )
    if config.loss != "auto":
        raise UserError(
            f"config.loss: a {name} has its own, the squared distance; leave it at auto"
        )
    _check_no_classes(config, f"a {name}")
    if isinstance(net, SelfOrganizingMap):
        _check_map(net)
    _check_no_descent(config, f"a {name}")


def _check_no_classes(config: Config, learner: str) -> None:
    """What only classes are learned by must be at its default."""
    if config.class_weight is not None or config.label_smoothing not in (0, "auto"):
        field = "label_smoothing" if config.class_weight is None else "class_weight"
        raise UserError(f"config.{field}: {learner} learns from no class; leave it at its default")


def _check_map(net: SelfOrganizingMap) -> None:
    if len(net.shape) != 2:
        raise UserError(
            f"config.net.shape: {net.shape} is no map; give rows and columns, such as (8, 8)"
        )
    if net.shape[0] * net.shape[1] < 2:
        raise UserError(
            "config.net.shape: a map of one unit tells nothing apart; give it two at the least"
        )


def _check_no_descent(config: Config, rule: str) -> None:
    """What only a gradient reads must be as it was."""
    no_gradient = f"{rule} takes no gradient"
    found = []
    for field in dataclasses.fields(Optim):
        default = getattr(Optim(), field.name)
        if field.name == "beta2" and config.optim.has_own_beta2():
            continue
        if getattr(config.optim, field.name) != default:
            found.append(Unread(f"optim.{field.name}", no_gradient, default))
    for name in ("gradient_norms", "skip_spikes"):
        if getattr(config.train, name):
            found.append(Unread(f"train.{name}", no_gradient, False))
    for name in ("mixup", "cutmix"):
        if getattr(config.augment, name) not in (0, "auto"):
            found.append(Unread(f"augment.{name}", f"{rule} learns from whole rows", 0))
    refuse(found)


def check_linear_start(net: Dense, loss: str) -> None:
    """Raises UserError if the loss is of a net that starts from no line."""
    if net.linear_start is True and loss in NOT_LINEAR:
        raise UserError(
            f"config.net.linear_start: no line is fitted for config.loss={loss}; set it to false"
        )


def check_members(net: Dense) -> None:
    """Raises UserError if an option contradicts members that share weights."""
    if net.members == 1:
        return
    if net.norm == "batch":
        raise UserError(
            "config.net.norm: batch takes its mean over rows, which members vary each in its way; "
            "set config.net.norm=layer, or config.net.members=1"
        )
    if net.code is not None:
        raise UserError("config.net.members: an autoencoder has no members; set it to 1")


def check_reconstruction(config: Config) -> None:
    """Raises UserError if an option contradicts an autoencoder, or would not be used."""
    if not (isinstance(config.net, Dense) and isinstance(config.data, Table)):
        net = type(config.net).__name__
        raise UserError(
            f"config.loss: reconstruction is for config.net=Dense(code=...), not {net}; "
            "leave it at auto"
        )
    if config.net.code is None:
        raise UserError(
            "config.net.code: an autoencoder needs one; "
            "set how many numbers a row is told by, such as 2"
        )
    if any(config.data.target):
        raise UserError(
            "config.data.target: not used by config.loss=reconstruction; "
            "name it in config.data.label"
        )
    _check_no_classes(config, "config.loss=reconstruction")
    if config.net.clip_outputs:
        raise UserError("config.net.clip_outputs: is for numbers to predict; set it to false")
    for name in ("mixup", "cutmix"):
        if getattr(config.augment, name) not in (0, "auto"):
            raise UserError(
                f"config.augment.{name}: is for nets with a target; "
                "set it to 0, and noise or drop above"
            )


def check_parts(net: Net, n_parts: int) -> None:
    """Raises UserError for a net whose batch norm needs a batch in one piece."""
    over = f"takes its mean over a whole batch, not over {n_parts} parts of it"
    if isinstance(net, Dense) and net.norm == "batch":
        raise UserError(
            f"config.devices.exact: config.net.norm=batch {over}; set config.net.norm=layer"
        )
    if isinstance(net, LSTM) and net.convolutions not in ((), "auto"):
        raise UserError(
            f"config.devices.exact: the batch norm of config.net.convolutions {over}; "
            "set config.net.convolutions=()"
        )
