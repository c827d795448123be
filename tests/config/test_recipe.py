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
    net=Dense(
        hidden="auto",
        activation="auto",
        embedding="auto",
        linear_start="auto",
        dropout="auto",
        dropout_schedule="auto",
    ),
    optim=Optim(
        learning_rate="auto",
        weight_decay_schedule="auto",
        rates={"bias": 0.1, "bins_kernel": 0.1, "frequency": 0.1},
    ),
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
    assert resolve(AUTO, rows, classes=0).train.batch_size == batch_size


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
    assert resolve(AUTO, rows, classes=0).train.epochs == epochs


@pytest.mark.parametrize(("rows", "epochs"), [(20_000, 38), (20_001, 12), (76_800, 10)])
def test_classes_of_large_tables_are_passed_over_few_times(rows: int, epochs: int) -> None:
    assert resolve(AUTO, rows, classes=2).train.epochs == epochs


def test_epochs_follow_a_batch_size_that_is_given() -> None:
    given = dataclasses.replace(AUTO, train=Train(epochs="auto", batch_size=10))
    resolved = resolve(given, 1000, classes=0).train
    assert (resolved.batch_size, resolved.epochs) == (10, 30)


@pytest.mark.parametrize(("rows", "schedule"), [(2499, "flat_cosine"), (2500, "constant")])
def test_regularisation_fades_on_small_tables(rows: int, schedule: str) -> None:
    resolved = resolve(AUTO, rows, classes=0)
    assert resolved.net.dropout_schedule == schedule
    assert resolved.optim.weight_decay_schedule == schedule


@pytest.mark.parametrize(
    ("rows", "scaling", "embedding", "lacking"),
    [
        (9999, "robust", "densely_periodic", "bins_kernel"),
        (10_000, "quantile", "piecewise_linear_b", "frequency"),
    ],
)
def test_many_rows_are_read_by_quantiles(
    rows: int, scaling: str, embedding: str, lacking: str
) -> None:
    resolved = resolve(AUTO, rows, classes=0)
    assert (resolved.data.scaling, resolved.net.embedding) == (scaling, embedding)
    assert resolved.net.linear_start is (rows < 10_000)
    assert set(resolved.optim.rates) == {"bias", "bins_kernel", "frequency"} - {lacking}
    counts = dataclasses.replace(AUTO, loss="poisson")
    assert resolve(counts, rows, classes=0).net.linear_start is False
    amounts = dataclasses.replace(AUTO, loss="gamma")
    assert resolve(amounts, rows, classes=0).net.linear_start is (rows < 10_000)
    given = dataclasses.replace(AUTO, net=dataclasses.replace(AUTO.net, embedding="periodic"))
    assert resolve(given, rows, classes=0).optim.rates == AUTO.optim.rates


@pytest.mark.parametrize(
    ("rows", "classes", "dropout"),
    [(20_000, 0, 0.15), (20_001, 0, 0.05), (20_000, 2, 0.15), (20_001, 2, 0.3)],
)
def test_dropout_of_large_tables_is_much_for_classes(
    rows: int, classes: int, dropout: float
) -> None:
    assert resolve(AUTO, rows, classes=classes).net.dropout == dropout


@pytest.mark.parametrize(
    ("metric", "classes", "monitor", "loss", "smoothing"),
    [
        (None, 0, "error", "auto", 0.0),
        ("rmse", 0, "error", "auto", 0.0),
        ("mae", 0, "loss", "mae", 0.0),
        (None, 2, "loss", "auto", 0.0),
        ("auc", 2, "loss", "auto", 0.0),
        ("log_loss", 3, "loss", "auto", 0.0),
        ("accuracy", 3, "loss", "auto", 0.1),
        (None, 3, "loss", "auto", 0.1),
    ],
)
def test_the_score_that_counts_is_followed(
    metric: str | None, classes: int, monitor: str, loss: str, smoothing: float
) -> None:
    data = dataclasses.replace(AUTO.data, metric=metric)
    resolved = resolve(dataclasses.replace(AUTO, data=data), 1000, classes=classes)
    assert (resolved.train.monitor, resolved.train.restore) == (monitor, "best")
    assert (resolved.loss, resolved.label_smoothing) == (loss, smoothing)


def test_classes_and_numbers_have_their_own_activation_and_rate() -> None:
    numbers = resolve(AUTO, 1000, classes=0)
    classes = resolve(AUTO, 1000, classes=2)
    assert (numbers.net.activation, numbers.optim.learning_rate) == ("mish", 0.1)
    assert (classes.net.activation, classes.optim.learning_rate) == ("selu", 0.04)
    assert numbers.net.hidden == classes.net.hidden == (256, 256, 256)


@pytest.mark.parametrize("rows", [1, 2499, 5000, 50_000])
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_nothing_is_left_to_auto(rows: int, classes: int) -> None:
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
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_explicit_values_are_untouched(rows: int, classes: int) -> None:
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
    resolve(AUTO, 1000, classes=2)
    assert dataclasses.asdict(AUTO) == before
