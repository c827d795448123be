"""config.json and encoder.json of a run's folder: what it is a run of, and of which data."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from train import config as configs
from train.config.data_options import Sequences, Series, Table
from train.config.members import is_population
from train.config.options import DECILES, UNREAD_LEVELS, Config, Population
from train.data.dataset import Dataset
from train.data.files.pandas_kinds import is_index
from train.data.load import read_encoder
from train.data.resolve import as_read, resolve_config
from train.data.sequences.encoder import SequenceEncoder
from train.data.series.encoder import SeriesEncoder
from train.data.table.encoder import TableEncoder
from train.errors import UserError
from train.run.folder import write_json
from train.run.manifest import read_listed, read_manifest, record_files, rewriting
from train.run.versions import what_computes

# Fields of `train` that change nothing that is saved: a run may go on with others.
CHANGEABLE = ("temperature", "linear_seconds", "tree_seconds", "importance_seconds", "report")


def check_or_write_metadata(folder: Path, config: Config, dataset: Dataset) -> None:
    """Writes config.json and encoder.json, or raises UserError if the folder's run is another one.

    A run may be made longer, have other devices, and give what follows the training more time: then
    config.json says so from now on.
    """
    manifest = read_manifest(folder)
    if not (folder / "config.json").exists() and not (manifest and manifest.steps):
        encoder = dataset.encoder.to_json() | {"fingerprint": dataset.fingerprint}
        with rewriting(folder, "encoder.json", "config.json"):
            write_json(folder / "encoder.json", encoder)
            _write_config(folder / "config.json", config)
        return
    before = read_config(folder)
    if differing := _differences(_with_changeable_fields(before, config, dataset), config, dataset):
        raise UserError(
            f"--workdir: {folder} holds a run of another config ({'; '.join(differing)}); "
            "name another folder, or give the values that it began with"
        )
    encoder = read_listed(folder, "encoder.json", "a run's folder")
    if not isinstance(encoder, dict) or encoder.get("fingerprint") != dataset.fingerprint:
        raise UserError(
            f"--workdir: the data changed since the run in {folder} began, "
            "or a later version reads them otherwise; name another folder"
        )
    if config != before:
        with rewriting(folder, "config.json"):
            _write_config(folder / "config.json", config)
    if manifest is None:
        record_files(folder, ["config.json", "encoder.json"])


def _differences(before: Config, config: Config, dataset: Dataset) -> list[str]:
    """The fields that differ; of one net and of a population those that do once both are resolved.

    For a net's config has every "auto" replaced, a population's has not.
    """
    found = configs.differences(before, config)
    if not found or is_population(before) == is_population(config):
        return found
    resolved = [resolve_config(each, dataset) for each in (before, config)]
    return configs.differences(*resolved) or found


def read_config(folder: Path) -> Config:
    """The config of a run's folder. Raises UserError."""
    plain = read_listed(folder, "config.json", "a run's folder")
    if not isinstance(plain, dict) or "config" not in plain:
        raise UserError(f"{folder / 'config.json'}: expected an object with the field 'config'")
    try:
        return configs.from_json(plain["config"])
    except UserError as error:
        raise UserError(f"{folder / 'config.json'}: {error}") from None


def as_begun(config: Config, folder: Path | None) -> Config:
    """The config by which a run that began in a folder reads its data as it did then.

    0.1.0 took other targets of few whole numbers for classes than later versions do, numbers of
    units for amounts, and all targets of steps for tags: what the folder has as a number stays one,
    and tags stay tags. In its series all groups share a scale, and an index of pandas is a column.
    """
    is_read_by_guess = isinstance(config.data, Sequences) and config.loss == "auto"
    is_read_by_guess |= isinstance(config.data, Table)
    is_read_by_guess |= isinstance(config.data, Series) and _goes_by_rows(config.data)
    if folder is None or not is_read_by_guess or not (folder / "encoder.json").exists():
        return config
    encoder = read_encoder(read_listed(folder, "encoder.json", "a run's folder"))
    if isinstance(encoder, SequenceEncoder) and encoder.tags and not encoder.labels.targets:
        return dataclasses.replace(config, loss="categorical_crossentropy")
    if isinstance(encoder, SeriesEncoder) and isinstance(config.data, Series):
        return dataclasses.replace(config, data=_read_as_begun(config.data, encoder))
    if not isinstance(encoder, TableEncoder) or not isinstance(config.data, Table):
        return config
    columns = [c for c in encoder.columns if c.notation is None or c.notation.is_plain]
    columns += encoder.targets if config.loss == "auto" else ()
    names = [column.name for column in columns if column.kind == "number"]
    named = (*config.data.numeric, *(name for name in names if name not in config.data.numeric))
    return dataclasses.replace(config, data=dataclasses.replace(config.data, numeric=named))


def _goes_by_rows(data: Series) -> bool:
    """Whether an option means what the rows say."""
    autos = (data.scaling, data.asinh, data.lookback, data.horizon)
    return "auto" in autos or data.observed is None


def _read_as_begun(data: Series, encoder: SeriesEncoder) -> Series:
    """The options with what a run's encoder has where these go by the rows."""
    data = as_read(data, encoder)
    if data.observed is None and any(is_index(column.name) for column in encoder.columns):
        data = dataclasses.replace(data, observed=encoder.observed)
    if data.scaling != "auto" or encoder.has_group_scales:
        return data
    return dataclasses.replace(data, scaling="shared")


def levels_as_begun(config: Config, folder: Path | None) -> Config:
    """The config with the quantiles of the run that a folder holds, where none are asked for.

    The default of 0.1.0 was another one than today's.
    """
    if folder is None or config.quantiles != DECILES or not (folder / "config.json").exists():
        return config
    before = read_config(folder)
    is_as_then = before.loss == config.loss == "quantile" and before.quantiles in UNREAD_LEVELS
    return dataclasses.replace(config, quantiles=before.quantiles) if is_as_then else config


def _write_config(path: Path, config: Config) -> None:
    write_json(path, {"config": configs.to_json(config), "versions": what_computes(config)})


def _with_changeable_fields(before: Config, config: Config, dataset: Dataset) -> Config:
    """The first config with all fields of the second that may change while a run goes on.

    The number of epochs may grow, and what follows the training may be another; "auto", which
    members of folds and settings resolve, must stay.
    """
    following = {name: getattr(config.train, name) for name in CHANGEABLE}
    changed = dataclasses.replace(
        before, devices=config.devices, train=dataclasses.replace(before.train, **following)
    )
    if before.loss != "quantile":  # then levels are what a finished net is judged at
        changed.quantiles = config.quantiles
    epochs = config.train.epochs
    begun = before.train.epochs
    differ_by_seed = before.population == Population(seeds=before.population.n_seeds)
    if epochs != "auto" and begun == "auto" and differ_by_seed:
        begun = resolve_config(before, dataset).train.epochs
    if epochs != "auto" and begun != "auto" and epochs >= begun:
        changed.train = dataclasses.replace(changed.train, epochs=epochs)
    return changed
