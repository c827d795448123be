"""What the fields of a config must agree on, beyond what each may hold alone."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

from train.config.data_checks import check_stream
from train.config.net_checks import check_clusters, check_perceptron
from train.config.options import (
    LSTM,
    Augment,
    Competitive,
    Config,
    Dense,
    Optim,
    Perceptron,
    SelfOrganizingMap,
    Sequences,
    Series,
    Table,
)
from train.errors import UserError

Columns = Sequence[str | None]


def check_together(config: Config) -> None:
    """Raise UserError at the first contradiction. Takes fields that are each right alone."""
    if not re.fullmatch(r"\w[\w.+-]*", config.name):
        raise UserError(f"config.name: {config.name!r} names the run's folder: letters, digits and . _ + - only")
    if not config.data.path:
        raise UserError("config.data.path: no data; name a CSV, Parquet or JSON lines file, or builtin:NAME")
    if isinstance(config.net, LSTM) and isinstance(config.data, Table):
        raise UserError("config.net: an LSTM reads config.data=Series(...) or Sequences(...); for a Table use Dense")
    if not isinstance(config.net, LSTM) and not isinstance(config.data, Table):
        net, kind = type(config.net).__name__, type(config.data).__name__
        raise UserError(f"config.net: {net} reads config.data=Table(...); for {kind} use an LSTM")
    if isinstance(config.net, Perceptron):
        check_perceptron(config, config.net)
    if isinstance(config.net, Competitive | SelfOrganizingMap) and isinstance(config.data, Table):
        check_clusters(config, config.net, config.data)
    elif config.loss == "reconstruction":
        _check_reconstruction(config)
    elif isinstance(config.data, Table):
        _check_target(_names(config.data.target))
        if getattr(config.net, "code", None) is not None:
            raise UserError("config.net.code: is for config.loss=reconstruction, which learns without a target")
        if config.data.label:
            raise UserError("config.data.label: judges clusters; a net with a target is judged by config.data.target")
    if isinstance(config.data, Sequences) and isinstance(config.net, LSTM):
        _check_steps(config.data, config.net)
    if isinstance(config.data, Series) and isinstance(config.net, LSTM):
        _check_forecast(config.data, config.net, config.loss)
    check_data = {Table: _check_table, Series: _check_series, Sequences: _check_sequences}
    check_data[type(config.data)](config.data)
    check_stream(config)
    _check_shares(config.data)
    _check_quantiles(config)
    _check_augment(config.data, config.augment)
    _check_optim(config.optim)
    _check_devices(config)
    if not (config.data.valid or getattr(config.data, "valid_path", None)):
        needs = "needs validation rows; set config.data.valid"
        if config.train.patience is not None:
            raise UserError(f"config.train.patience: early stopping {needs}")
        if config.optim.schedule == "plateau":
            raise UserError(f"config.optim.schedule: plateau {needs}")


def _check_table(data: Table) -> None:
    columns = {
        "target": _names(data.target),
        "features": data.features or (),
        "ignore": data.ignore,
        "categorical": data.categorical or (),
        "numeric": data.numeric,
        "weight": (data.weight,),
        "label": (data.label,),
        "group": (data.group,),
        "time": (data.time,),
    }
    _check_apart(columns, [("target", other) for other in ("features", "ignore", "weight", "group", "time")])
    _check_apart(columns, [("features", "ignore"), ("features", "weight"), ("categorical", "numeric")])
    _check_apart(columns, [("label", "features"), ("label", "ignore"), ("label", "weight")])
    if data.split == "group" and not data.group:
        raise UserError("config.data.group: config.data.split=group needs a column whose rows stay together")
    if data.group and data.split != "group":
        raise UserError(f"config.data.group: not used by config.data.split={data.split}; set config.data.split=group")


def _check_reconstruction(config: Config) -> None:
    if not (isinstance(config.net, Dense) and isinstance(config.data, Table)):
        net = type(config.net).__name__
        raise UserError(f"config.loss: reconstruction is for config.net=Dense(code=...), not {net}; leave it at auto")
    if config.net.code is None:
        raise UserError("config.net.code: an autoencoder needs one; set how many numbers a row is told by, such as 2")
    if any(config.data.target):
        raise UserError("config.data.target: not used by config.loss=reconstruction; name it in config.data.label")
    if config.class_weight is not None or config.label_smoothing not in (0, "auto"):
        field = "label_smoothing" if config.class_weight is None else "class_weight"
        raise UserError(f"config.{field}: config.loss=reconstruction learns from no class; leave it at its default")
    if config.net.clip_outputs:
        raise UserError("config.net.clip_outputs: is for numbers to predict; set it to false")
    for name in ("mixup", "cutmix"):
        if getattr(config.augment, name) != 0:
            raise UserError(f"config.augment.{name}: is for nets with a target; set it to 0, and noise or drop above")


def _check_forecast(data: Series, net: LSTM, loss: str) -> None:
    if loss in ("poisson", "binary_crossentropy", "categorical_crossentropy"):
        choices = "mse, mae, huber, log_cosh, quantile or gaussian"
        raise UserError(f"config.loss: {loss} is not for forecasts; choose {choices}")
    if net.patch != "auto" and net.patch > data.lookback:
        raise UserError(f"config.net.patch: {net.patch} rows at once, but config.data.lookback is {data.lookback}")
    for field, off in (("noise", 0), ("offset", 0), ("crop", 1)):
        if getattr(net, field) != off:
            raise UserError(f"config.net.{field}: varies config.data=Sequences(...); for Series set it to {off}")
    if net.cell != "lstm":
        raise UserError("config.net.cell: plain is for config.data=Sequences(...); for Series leave it at lstm")
    if net.crf:
        raise UserError("config.net.crf: it decodes tags; config.data=Series(...) has none; set it to false")


def _check_series(data: Series) -> None:
    columns = {
        "target": _names(data.target),
        "known": data.known,
        "observed": data.observed or (),
        "ignore": data.ignore,
        "time": (data.time,),
        "group": (data.group,),
    }
    _check_target(columns["target"])
    _check_apart(columns, [("target", other) for other in ("known", "ignore", "time", "group")])
    if data.calendar and not data.time:
        raise UserError("config.data.calendar: needs config.data.time, the column of time stamps")
    taken = next((name for name in columns["target"] if name in ("row", "step", "group", "time")), None)
    if taken:
        raise UserError(f"config.data.target: {taken!r} is the name of another column of the forecasts; rename it")
    _check_apart(columns, [("known", "observed"), ("known", "ignore"), ("observed", "ignore"), ("time", "group")])


def _check_sequences(data: Sequences) -> None:
    columns = {"inputs": _names(data.inputs), "target": _names(data.target), "id": (data.id,), "order": (data.order,)}
    if not any(columns["inputs"]):
        raise UserError("config.data.inputs: no inputs; name the column, or columns, of numbers or tokens per step")
    if not data.next_step:
        _check_target(columns["target"])
    elif any(columns["target"]):
        raise UserError("config.data.target: not used by config.data.next_step=true; set one of the two")
    _check_apart(columns, [("inputs", "target"), ("inputs", "id"), ("target", "id"), ("id", "order")])
    if (data.id is None) != (data.order is None):
        lacking = "id" if data.id is None else "order"
        raise UserError(f"config.data.{lacking}: a file with a row per step needs config.data.id and config.data.order")


def _check_steps(data: Sequences, net: LSTM) -> None:
    for field, off in (("bidirectional", False), ("recurrent_dropout", 0)):
        if net.cell == "plain" and getattr(net, field) != off:
            raise UserError(f"config.net.{field}: config.net.cell=plain has none; set it to {str(off).lower()}")
    if data.next_step and net.bidirectional:
        raise UserError("config.net.bidirectional: with config.data.next_step=true it would read what it predicts")
    if data.next_step and net.patch not in (1, "auto"):
        raise UserError(f"config.net.patch: {net.patch} steps at once have no next step each; set config.net.patch=1")
    for field, default in (("window", "none"), ("columns", "joint"), ("shortcut", False)):
        if getattr(net, field) != default:
            raise UserError(f"config.net.{field}: is for config.data=Series(...); leave it at {default}")


def _names(columns: str | tuple[str, ...]) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else columns


def _check_target(columns: Columns) -> None:
    if not columns or "" in columns:
        raise UserError("config.data.target: no target; name the column, or columns, to predict")


def _check_apart(columns: Mapping[str, Columns], pairs: Sequence[tuple[str, str]]) -> None:
    """Every field names a column once, and the fields of a pair name none in common."""
    for field, names in columns.items():
        twice = next((name for name in names if name and names.count(name) > 1), None)
        if twice:
            raise UserError(f"config.data.{field}: {twice!r} is named twice; name each column once")
    for one, other in pairs:
        shared = next((name for name in columns[one] if name and name in columns[other]), None)
        if shared:
            raise UserError(f"config.data.{other}: {shared!r} is in config.data.{one} too; leave it in one of them")


def _check_shares(data: Table | Series | Sequences) -> None:
    shares = {}
    for name in ("valid", "test"):
        share = getattr(data, name)
        if isinstance(share, float) and share >= 1:
            raise UserError(f"config.data.{name}: {share} is no fraction below 1; for rows write {share:.0f}")
        if isinstance(share, float) and not getattr(data, f"{name}_path", None):
            shares[f"config.data.{name}"] = share
    if sum(shares.values()) >= 1:
        sums = " + ".join(map(str, shares.values()))
        raise UserError(f"{' + '.join(shares)}: {sums} leaves no rows to train on; their sum must be below 1")


def _check_quantiles(config: Config) -> None:
    levels = config.quantiles
    if config.loss != "quantile":
        if levels != Config.quantiles:
            raise UserError(f"config.quantiles: not used by config.loss={config.loss}; set config.loss=quantile")
    elif list(levels) != sorted(set(levels)) or 0.5 not in levels or len(levels) < 2:
        expected = "expected two or more in increasing order, .5 (the prediction) among them, such as (0.05, 0.5, 0.95)"
        raise UserError(f"config.quantiles: {expected}, got {levels}")
    if config.loss in ("quantile", "gaussian") and getattr(config.data, "next_step", False):
        raise UserError(f"config.loss: {config.loss} is not for config.data.next_step=true; leave it at auto")


def _check_devices(config: Config) -> None:
    devices = config.devices
    if devices.parallel == "pmap" and devices.members not in (None, 1):
        raise UserError("config.devices.members: pmap shares out batches only; set config.devices.parallel=jit")
    if devices.exact and getattr(config.net, "norm", None) == "batch":
        raise UserError(
            f"config.devices.exact: config.net.norm=batch takes its mean over a whole batch, not over {devices.exact} "
            "parts of it; set config.net.norm=layer"
        )


OF_TABLES = ("noise", "drop", "swap", "cutmix")
OF_SEQUENCES = ("scaling", "warp", "time_mask", "channel_mask", "reverse", "token_drop", "token_swap")


def _check_augment(data: Table | Series | Sequences, augment: Augment) -> None:
    """An augmentation must be one for this kind of data."""
    on = [field.name for field in dataclasses.fields(augment) if getattr(augment, field.name) != 0]
    for name in on:
        kinds = ["Table"] * (name not in OF_SEQUENCES) + ["Sequences"] * (name not in OF_TABLES)
        if type(data).__name__ not in kinds:
            instead = "; of sequences it is config.net.noise" if name == "noise" and isinstance(data, Sequences) else ""
            fits = " or ".join(f"config.data={kind}(...)" for kind in kinds)
            raise UserError(f"config.augment.{name}: is for {fits}, not {type(data).__name__}; set it to 0{instead}")
    if "mixup" in on and "cutmix" in on:
        raise UserError("config.augment.cutmix: rows are mixed by config.augment.mixup already; set one of them to 0")


def _check_optim(optim: Optim) -> None:
    """An option that would be passed over in silence is refused."""
    if (optim.momentum or optim.nesterov) and optim.name not in ("sgd", "rmsprop"):
        field = "momentum" if optim.momentum else "nesterov"
        raise UserError(f"config.optim.{field}: sgd and rmsprop have it; {optim.name} has config.optim.beta1 instead")
    if optim.nesterov and not optim.momentum:
        raise UserError("config.optim.nesterov: needs config.optim.momentum above 0, such as 0.9")
    if optim.l1_step == "proximal" and not optim.l1:
        raise UserError("config.optim.l1_step: proximal is the step of config.optim.l1, which is 0; set it above 0")
    if optim.l1_step == "proximal" and optim.schedule == "plateau":
        raise UserError("config.optim.l1_step: proximal does not know the rate of config.optim.schedule=plateau")
    if isinstance(optim.warmup, float) and optim.warmup >= 1:
        warmup = optim.warmup
        raise UserError(f"config.optim.warmup: {warmup} is no fraction below 1; for steps write {warmup:.0f}")
