"""Samples of answers: their own distributions, and how outputs of a row move together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from train.data.dataset import Head
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.errors import UserError
from train.evaluation.paths import (
    Draws,
    quantile_columns,
    relative_errors,
    sample_columns,
)
from train.inference.answer_options import Asked, check_asked

HEAD = Head("value", "regression", ("y", "z"), (), 2)
RANDOM = np.random.default_rng(0)


def encoder(nonnegative: bool = False) -> TableEncoder:
    columns = tuple(Column(name, "number", 5.0, 2.0, nonnegative=nonnegative) for name in "yz")
    return TableEncoder((), columns, (HEAD,), (), "standard")


ANSWERS: dict[str, np.ndarray] = {
    "value": np.array([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]], np.float32),
    "value.deviation": np.array([[1.0, 2.0], [0.5, 1.0], [3.0, 0.1]], np.float32),
}


def samples(columns: dict[str, np.ndarray], name: str) -> np.ndarray:
    return np.stack([values for key, values in columns.items() if key.startswith(name)])


def test_samples_have_the_answers_own_distribution_and_move_as_errors_do():
    noise = RANDOM.normal(size=(400, 2))
    errors = np.stack([noise[:, 0], -(noise[:, 0] ** 3) + 0.1 * noise[:, 1]], axis=1)
    errors[:7, 0] = np.nan
    columns = sample_columns(encoder(), HEAD, ANSWERS, (0.5,), Draws(2000, 1, errors))
    assert list(columns)[:4] == ["y_sample_1", "z_sample_1", "y_sample_2", "z_sample_2"]
    y = samples(columns, "y_")
    z = samples(columns, "z_")
    for i in range(3):
        mean = ANSWERS["value"][i] * 2.0 + 5.0
        deviation = ANSWERS["value.deviation"][i] * 2.0
        for drawn, own in ((y, 0), (z, 1)):
            fit = stats.kstest(drawn[:, i], stats.norm(mean[own], deviation[own]).cdf)
            assert fit.pvalue > 1e-3
        assert stats.spearmanr(y[:, i], z[:, i]).statistic < -0.9
    apart = sample_columns(encoder(), HEAD, ANSWERS, (0.5,), Draws(2000, 1, None))
    drawn = samples(apart, "y_")[:, 0], samples(apart, "z_")[:, 0]
    assert abs(stats.spearmanr(*drawn).statistic) < 0.1


def test_a_rows_samples_depend_on_its_place_and_the_seed_alone():
    errors = RANDOM.normal(size=(20, 2)).astype(np.float32)
    whole = sample_columns(encoder(), HEAD, ANSWERS, (0.5,), Draws(5, 3, errors))
    last = {name: array[2:] for name, array in ANSWERS.items()}
    alone = sample_columns(encoder(), HEAD, last, (0.5,), Draws(5, 3, errors, first=2))
    other = sample_columns(encoder(), HEAD, last, (0.5,), Draws(5, 4, errors, first=2))
    for name, values in alone.items():
        np.testing.assert_array_equal(values, whole[name][2:])
        assert (values != other[name]).all()


def test_samples_of_a_net_without_spread_are_answers_and_errors_of_validation_rows():
    plain = {"value": ANSWERS["value"]}
    targets = {"value": RANDOM.normal(size=(600, 2)).astype(np.float32)}
    answers = {"value": RANDOM.normal(size=(600, 2)).astype(np.float32)}
    weight = np.ones(600)
    weight[:50] = 0
    errors = relative_errors(encoder(), HEAD, answers, targets, weight)
    assert errors.shape == (512, 2)
    true_errors = 2 * (targets["value"] - answers["value"])[50:]
    assert np.isin(errors.round(4), np.float32(true_errors).round(4)).all()
    drawn = samples(sample_columns(encoder(), HEAD, plain, (0.5,), Draws(50, 0, errors)), "z_")
    np.testing.assert_array_equal(
        np.isin((drawn[:, 1] - 3.0).round(3), errors[:, 1].astype(float).round(3)), True
    )
    known = errors[300:, 1].copy()
    errors[:300, 1] = np.nan
    drawn = Draws(50, 0, errors).errors((3, 2))[..., 1]
    assert np.isin(np.float32(drawn), known).all()  # in place of those of missing targets
    with pytest.raises(UserError, match=r"^--samples: this net answers a number alone, and no"):
        sample_columns(encoder(), HEAD, plain, (0.5,), Draws(50, 0, None))
    with pytest.raises(UserError, match=r"^--quantiles: this net answers a number alone; train"):
        quantile_columns(encoder(), HEAD, plain, (0.5,), (0.1,))


def test_what_never_was_below_0_is_not_sampled_below_it():
    columns = sample_columns(encoder(True), HEAD, ANSWERS, (0.5,), Draws(200, 0, None))
    drawn = np.stack(list(columns.values()))
    assert drawn.min() == 0 < drawn.max()
    at = quantile_columns(encoder(True), HEAD, ANSWERS, (0.5,), (0.001, 0.5))
    assert at["y_quantile_0.001"].min() == 0
    np.testing.assert_allclose(at["y_quantile_0.5"], [5.0, 9.0, 6.0])


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"quantiles": (0.1, 1.5)}, r"^--quantiles: expected numbers, above 0 .*, got 1.5$"),
        ({"quantiles": (0,)}, r"^--quantiles: expected numbers, above 0 and below 1, got 0$"),
        ({"quantiles": 0.1}, r"^--quantiles: expected a list, such as \(0.1, 0.9\), got 0.1$"),
        ({"quantiles": ("a",)}, r"^--quantiles: expected numbers, above 0 and below 1, got a$"),
        ({"samples": 0}, r"^--samples: expected an integer, at least 1, got 0$"),
        ({"samples": 2.5}, r"^--samples: expected an integer, at least 1, got 2.5$"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_from_python_too(asked: Asked, line: str):
    with pytest.raises(UserError, match=line):
        check_asked(asked)
    check_asked({"quantiles": (0.1,), "samples": np.int64(1)})


def test_a_name_that_nothing_reads_is_no_question():
    with pytest.raises(TypeError, match="argument 'intervall'; did you mean interval"):
        check_asked({"intervall": 0.9})  # type: ignore[typeddict-unknown-key]
