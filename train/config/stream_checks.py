"""What contradicts training on data larger than memory."""

from __future__ import annotations

import os
from dataclasses import replace

from train.config.data_options import Sequences, Series, Table
from train.config.net_options import LSTM, Dense
from train.config.options import Config, Population
from train.config.own_net import Own
from train.errors import UserError

TEXT = (".csv", ".tsv", ".txt")
LINES = (".jsonl", ".ndjson", ".json")
PACKED = (".gz", ".bz2", ".xz", ".zip")


def check_stream(config: Config) -> None:
    """Raises UserError if something contradicts training on data larger than memory."""
    data = config.data
    if not data.stream:
        if data.shuffle_window != Table.shuffle_window:
            raise UserError(
                "config.data.shuffle_window: is for config.data.stream=true, which is not set"
            )
        return
    _check_path(data)
    if isinstance(data, Series):
        _check_series(data)
    elif data.split != "random":
        raise UserError(
            f"config.data.split: {data.split} needs all rows in memory; with config.data.stream "
            "leave it at random, and name files of your own "
            "in config.data.valid_path and config.data.test_path"
        )
    if isinstance(data, Sequences):
        _check_sequences(data)
    if not isinstance(config.net, Dense | LSTM | Own):
        net = type(config.net).__name__
        raise UserError(
            f"config.data.stream: a {net} learns from rows in memory; set it to false, or use Dense"
        )
    population = config.population
    if replace(population, folds=population.n_folds, seeds=population.n_seeds) != Population():
        raise UserError(
            "config.population: trains on rows in memory; leave it out with config.data.stream=true"
        )
    if config.devices.parallel == "pmap":
        raise UserError(
            "config.devices.parallel: a stream is compiled by jit; set config.devices.parallel=jit"
        )


def _check_sequences(data: Sequences) -> None:
    """Raises UserError where a row is not a sequence, or counts more than another."""
    if data.id is not None:
        raise UserError(
            "config.data.id: a stream has a row a sequence; write the steps of each as lists "
            "(group_by of polars, groupby of pandas), or leave config.data.stream at false"
        )
    if data.weight is not None:
        raise UserError(
            "config.data.weight: sequences in a stream count once each; leave it out, or leave "
            "config.data.stream at false"
        )


def _check_series(data: Series) -> None:
    """Raises UserError where series of a stream are not told apart."""
    if data.group is None:
        raise UserError(
            "config.data.group: a stream reads series after series, each as a whole; name the "
            "column that tells them apart, or leave config.data.stream at false"
        )


def _check_path(data: Table | Series | Sequences) -> None:
    """Raises UserError if the file is of a kind that is only read as a whole."""
    unread = TEXT if isinstance(data, Sequences) else (*TEXT, *LINES)
    kinds = "Parquet and JSON lines" if isinstance(data, Sequences) else "Parquet"
    ending = os.path.splitext(data.path)[1].lower()
    if ending in PACKED:
        raise UserError(
            f"config.data.stream: reads parts of a file in random order, but {data.path} is "
            "packed as a whole; unpack it, or leave config.data.stream at false"
        )
    if data.path.startswith("builtin:") or ending in unread:
        raise UserError(
            f"config.data.stream: reads {kinds}, but config.data.path is {data.path}; "
            f"convert it to Parquet, or leave config.data.stream at false"
        )
