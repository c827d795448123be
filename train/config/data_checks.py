"""What a config must agree on to train on data larger than memory."""

from __future__ import annotations

import os

from train.config.options import Config, Dense, Population, Table
from train.errors import UserError

IN_MEMORY = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json")  # kinds of files that are only read as a whole


def check_stream(config: Config) -> None:
    """Raises UserError at the first contradiction."""
    data = config.data
    if not isinstance(data, Table):
        return
    if not data.stream:
        if data.shuffle_window != Table.shuffle_window:
            raise UserError("config.data.shuffle_window: is for config.data.stream=true, which is not set")
        return
    ending = os.path.splitext(data.path)[1].lower()
    if data.path.startswith("builtin:") or ending in IN_MEMORY:
        advice = "convert it to Parquet, or leave config.data.stream at false"
        raise UserError(f"config.data.stream: reads Parquet, but config.data.path is {data.path}; {advice}")
    if data.split != "random":
        advice = "leave it at random, and name files of your own in config.data.valid_path and config.data.test_path"
        raise UserError(f"config.data.split: {data.split} needs all rows in memory; with config.data.stream {advice}")
    if not isinstance(config.net, Dense):
        net = type(config.net).__name__
        raise UserError(f"config.data.stream: a {net} learns from rows in memory; set it to false, or use Dense")
    if config.population != Population():
        raise UserError("config.population: trains on rows in memory; leave it out with config.data.stream=true")
    if config.devices.parallel == "pmap":
        raise UserError("config.devices.parallel: a stream is compiled by jit; set config.devices.parallel=jit")
