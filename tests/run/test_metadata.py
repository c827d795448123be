"""What a run's folder says it is a run of, and which runs may go on in it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from train.config import Config, Population, Train
from train.errors import UserError
from train.run.metadata import check_or_write_metadata

DATASET = SimpleNamespace(encoder=SimpleNamespace(to_json=dict), fingerprint="f")


@pytest.mark.parametrize("epochs", [5, "auto"])
def test_the_same_config_goes_on(epochs, tmp_path: Path):
    config = Config(train=Train(epochs=epochs), population=Population(seeds=2))
    check_or_write_metadata(tmp_path, config, DATASET)
    check_or_write_metadata(tmp_path, config, DATASET)


def test_what_follows_the_training_may_have_more_time(tmp_path: Path):
    check_or_write_metadata(tmp_path, Config(train=Train(epochs=5)), DATASET)
    longer = Config(train=Train(epochs=5, importance_seconds=60.0, linear_seconds=0.0))
    check_or_write_metadata(tmp_path, longer, DATASET)


@pytest.mark.parametrize("epochs", [4, "auto"])
def test_fewer_or_unknown_epochs_are_refused(epochs, tmp_path: Path):
    check_or_write_metadata(tmp_path, Config(train=Train(epochs=5)), DATASET)
    shorter = Config(train=Train(epochs=epochs, linear_seconds=0.0))
    with pytest.raises(UserError, match=r"\(config\.train\.epochs: 5 -> [^;]*\); name another"):
        check_or_write_metadata(tmp_path, shorter, DATASET)  # and nothing that may change is named
