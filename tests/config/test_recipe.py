"""What "auto" stands for, on both sides of every boundary."""

from __future__ import annotations

import dataclasses

import pytest

from train.config.data_options import Table
from train.config.net_options import Dense
from train.config.options import Config, Optim, Train
from train.config.recipe import resolve

AUTO = Config(
    label_smoothing="auto",
    data=Table(path="x.csv", target="y", scaling="auto"),
    net=Dense(hidden="auto", activation="auto", dropout="auto", dropout_schedule="auto"),
    optim=Optim(learning_rate="auto", weight_decay_schedule="auto"),
    train=Train(epochs="auto", batch_size="auto", monitor="auto", restore="auto"),
)


@pytest.mark.parametrize(
    ("rows", "batch_size"),
    [
        (1, 32),
        (1499, 32),
        (1500, 64),
        (4499, 64),
        (4500, 128),
        (11_999, 128),
        (12_000, 256),
        (10**7, 256),
    ],
)
def test_batch_size_by_rows(rows: int, batch_size: int) -> None:
    assert resolve(AUTO, rows, classes=False).train.batch_size == batch_size


@pytest.mark.parametrize(
    ("rows", "epochs"),
    [
        (1, 3000),
        (320, 300),  # 10 steps of 32
        (1499, 64),  # 47 steps
        (12_000, 64),  # 47 steps of 256
        (20_000, 38),  # 79 steps
        (20_001, 38),
        (30_000, 30),  # 118 steps: no fewer than 30
        (76_800, 30),  # 300 steps
        (400_000, 8),  # 1,563 steps: no more than 12,000
        (10**7, 1),
    ],
)
def test_epochs_make_about_three_thousand_steps(rows: int, epochs: int) -> None:
    assert resolve(AUTO, rows, classes=False).train.epochs == epochs


@pytest.mark.parametrize(("rows", "epochs"), [(20_000, 38), (20_001, 12), (76_800, 10)])
def test_classes_of_large_tables_are_passed_over_few_times(rows: int, epochs: int) -> None:
    assert resolve(AUTO, rows, classes=True).train.epochs == epochs


def test_epochs_follow_a_batch_size_that_is_given() -> None:
    given = dataclasses.replace(AUTO, train=Train(epochs="auto", batch_size=10))
    resolved = resolve(given, 1000, classes=False).train
    assert (resolved.batch_size, resolved.epochs) == (10, 30)


@pytest.mark.parametrize(("rows", "schedule"), [(2499, "flat_cosine"), (2500, "constant")])
def test_regularisation_fades_on_small_tables(rows: int, schedule: str) -> None:
    resolved = resolve(AUTO, rows, classes=False)
    assert resolved.net.dropout_schedule == schedule
    assert resolved.optim.weight_decay_schedule == schedule


@pytest.mark.parametrize(("rows", "scaling"), [(9999, "robust"), (10_000, "quantile")])
def test_scaling_by_rows(rows: int, scaling: str) -> None:
    assert resolve(AUTO, rows, classes=False).data.scaling == scaling


@pytest.mark.parametrize(
    ("rows", "classes", "dropout"),
    [(20_000, False, 0.15), (20_001, False, 0.05), (20_000, True, 0.15), (20_001, True, 0.3)],
)
def test_dropout_of_large_tables_is_much_for_classes(
    rows: int, classes: bool, dropout: float
) -> None:
    assert resolve(AUTO, rows, classes=classes).net.dropout == dropout


@pytest.mark.parametrize(
    ("metric", "classes", "monitor", "loss"),
    [
        (None, False, "error", "auto"),
        ("rmse", False, "error", "auto"),
        ("mae", False, "loss", "mae"),
        ("auc", True, "loss", "auto"),
        ("accuracy", True, "loss", "auto"),
    ],
)
def test_the_score_that_counts_is_followed(
    metric: str | None, classes: bool, monitor: str, loss: str
) -> None:
    data = dataclasses.replace(AUTO.data, metric=metric)
    resolved = resolve(dataclasses.replace(AUTO, data=data), 1000, classes=classes)
    assert (resolved.train.monitor, resolved.train.restore) == (monitor, "best")
    assert resolved.loss == loss


def test_classes_and_numbers_have_their_own_activation_rate_and_smoothing() -> None:
    numbers = resolve(AUTO, 1000, classes=False)
    classes = resolve(AUTO, 1000, classes=True)
    assert (numbers.net.activation, numbers.optim.learning_rate, numbers.label_smoothing) == (
        "mish",
        0.1,
        0.0,
    )
    assert (classes.net.activation, classes.optim.learning_rate, classes.label_smoothing) == (
        "selu",
        0.04,
        0.1,
    )
    assert numbers.net.hidden == classes.net.hidden == (256, 256, 256)
    assert (numbers.train.monitor, classes.train.monitor) == ("error", "loss")


@pytest.mark.parametrize("rows", [1, 2499, 5000, 50_000])
@pytest.mark.parametrize("classes", [False, True])
def test_nothing_is_left_to_auto(rows: int, classes: bool) -> None:
    resolved = resolve(AUTO, rows, classes=classes)
    parts = (resolved, resolved.data, resolved.net, resolved.optim, resolved.train)
    left = [
        f.name
        for part in parts
        for f in dataclasses.fields(part)
        if getattr(part, f.name) == "auto"
    ]
    assert left == ["loss"]  # which follows each head, not the rows


@pytest.mark.parametrize("rows", [10, 3000, 50_000])
@pytest.mark.parametrize("classes", [False, True])
def test_explicit_values_are_untouched(rows: int, classes: bool) -> None:
    config = Config(
        label_smoothing=0.03,
        data=Table(path="x.csv", target="y", scaling="standard"),
        net=Dense(hidden=(), activation="tanh", dropout=0.0, dropout_schedule="constant"),
        optim=Optim(learning_rate=0.5, beta2=0.9, weight_decay_schedule="constant"),
        train=Train(epochs=7, batch_size=3, restore="last"),
    )
    before = dataclasses.asdict(config)
    assert resolve(config, rows, classes=classes) == config
    assert dataclasses.asdict(config) == before


def test_the_config_given_is_not_changed() -> None:
    before = dataclasses.asdict(AUTO)
    resolve(AUTO, 1000, classes=True)
    assert dataclasses.asdict(AUTO) == before
