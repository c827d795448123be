"""A schema that is fitted on a text file, and what it makes of another one."""

from __future__ import annotations

import json

import pytest

from train.config.data_options import Table
from train.data.files.read import read_table
from train.data.load import read_encoder
from train.data.table.load import load_table


@pytest.fixture
def train(tmp_path):
    """Writes a training file, returns its encoder (through JSON) and its notes."""

    def trained(content: str, name: str = "train.csv", target: str = "y", **options):
        path = tmp_path / name
        path.write_bytes(content.encode())
        dataset = load_table(Table(path=str(path), target=target, valid=0, **options), "auto")
        plain = json.loads(json.dumps(dataset.encoder.to_json()))
        encoder = read_encoder(plain)
        assert encoder == dataset.encoder
        return encoder, dataset.notes

    return trained


@pytest.fixture
def ask(tmp_path):
    """What an encoder makes of a file: its rows."""

    def asked(encoder, content: str, name: str = "new.csv"):
        (tmp_path / name).write_bytes(content.encode())
        return encoder.read(read_table(tmp_path / name, may_be_empty=True, may_repeat=True), name)

    return asked
