"""A run's configuration: declared, loaded from a file, overridden, checked, written and read back.

Imports nothing heavy, so that a command line is answered at once.
"""

from train.config.data_options import Sequences, Series, Table
from train.config.files import load, override, read, validate
from train.config.net_options import LSTM, Competitive, Dense, Perceptron, SelfOrganizingMap
from train.config.options import Augment, Config, Devices, Optim, Population, Processes, Train
from train.config.own import named
from train.config.serialize import differences, digest, from_json, to_json
from train.config.unread import unread_notes

__all__ = [
    "LSTM",
    "Augment",
    "Competitive",
    "Config",
    "Dense",
    "Devices",
    "Optim",
    "Perceptron",
    "Population",
    "Processes",
    "SelfOrganizingMap",
    "Sequences",
    "Series",
    "Table",
    "Train",
    "differences",
    "digest",
    "from_json",
    "load",
    "named",
    "override",
    "read",
    "to_json",
    "unread_notes",
    "validate",
]
