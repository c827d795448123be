"""A run's configuration: declared, loaded from a file, overridden, checked, written and read back. Nothing heavy."""

from train.config.files import differences, digest, from_json, load, override, to_json, validate
from train.config.options import (
    LSTM,
    Augment,
    Competitive,
    Config,
    Dense,
    Devices,
    Optim,
    Perceptron,
    Population,
    SelfOrganizingMap,
    Sequences,
    Series,
    Table,
    Train,
)

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
    "SelfOrganizingMap",
    "Sequences",
    "Series",
    "Table",
    "Train",
    "differences",
    "digest",
    "from_json",
    "load",
    "override",
    "to_json",
    "validate",
]
