"""A run is refused where its targets leave an option of the config nothing to act on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from train.config import LSTM, Config, Dense, Sequences, Table
from train.data.dataset import Encoder
from train.data.load import load_dataset
from train.errors import UserError
from train.run.prepare import check_targets, prepare


def test_labels_are_smoothed_where_there_are_any(tmp_path: Path) -> None:
    data = Table("builtin:iris", target="sepal_length", ignore=("species",))
    config = Config(data=data, net=Dense(()), label_smoothing=0.1)
    with pytest.raises(UserError, match=r"config\.label_smoothing: no target is a class"):
        prepare(config, load_dataset(config), tmp_path)


def test_the_score_that_counts_is_one_of_the_target_and_decides_what_it_is(tmp_path: Path) -> None:
    def encoder_of(metric: str | None) -> Encoder:
        data = Table("builtin:digits", target="digit", metric=metric)
        config = Config(data=data, net=Dense(()))
        dataset = load_dataset(config)
        check_targets(config, dataset.encoder)
        return dataset.encoder

    assert encoder_of(None).heads[0].kind == "multiclass"
    assert encoder_of("log_loss").heads[0].kind == "multiclass"
    assert encoder_of("mae").heads[0].kind == "regression"
    with pytest.raises(UserError) as caught:
        encoder_of("auc")
    expected = "config.data.metric: auc is no score here; there are accuracy, macro_f1, log_loss"
    assert str(caught.value) == expected


@pytest.mark.parametrize("loss", ["huber", "binary_crossentropy"])
def test_a_loss_must_be_one_of_some_target(loss: str, tmp_path: Path) -> None:
    lines = [json.dumps({"x": ["a", "b"], "tag": ["A", "B"]})] * 20
    (tmp_path / "words.jsonl").write_text("\n".join(lines))
    data = Sequences(str(tmp_path / "words.jsonl"), inputs="x", target="tag")
    config = Config(data=data, net=LSTM((4,)), loss=loss)
    with pytest.raises(UserError, match=r"config\.loss: .*; leave it at auto"):
        prepare(config, load_dataset(config), tmp_path / "run")
