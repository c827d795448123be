"""Intervals: the share of new rows that they hold, their units and names, and what is refused."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from train.config import Config, Table
from train.data.dataset import Batch, Head
from train.data.series.columns import SeriesColumn
from train.data.series.encoder import SeriesEncoder
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.errors import UserError
from train.evaluation.conformal import (
    LEVEL,
    Scores,
    base_of,
    bounds,
    conformal_scores,
    interval_columns,
    min_rows,
    needed_score,
    sorted_scores,
)
from train.evaluation.interval_scores import conformal_metrics, score_intervals
from train.evaluation.spread import spread_columns
from train.run.calibration import NAME, read_scores, write_scores
from train.run.errors import NAME as ERRORS
from train.run.errors import read_errors, write_errors
from train.run.manifest import record_files

ONE = Head("value", "regression", ("y",), (), 1)
TWO = Head("value", "regression", ("a", "b"), (), 2)
Arrays = dict[str, np.ndarray]


def encoder_of(head: Head, *classes: Head) -> TableEncoder:
    """Targets about 100 in steps of 10."""
    numbers = tuple(Column(name, "number", shift=100.0, unit=10.0) for name in head.columns)
    named = tuple(Column(other.name, "category", vocabulary=other.classes) for other in classes)
    return TableEncoder((), (*numbers, *named), (head, *classes))


def equal(score_no: np.ndarray, weight: float = 1.0) -> Scores:
    """Scores of rows that all weigh the same."""
    return sorted_scores(score_no, np.full(len(score_no), weight))


def test_the_score_has_the_rank_that_covers_one_row_more():
    scores = equal(np.arange(1.0, 10.0)[:, None])
    assert needed_score(scores, 0.9) == 9  # 9 of the 10 places that a tenth row may take
    assert needed_score(scores, 0.7) == 7  # though 10 * .7 is 7.000000000000001
    assert needed_score(scores, 0.71) == 8
    assert needed_score(scores, 0.01) == 1
    assert [min_rows(level) for level in (0.5, 0.9, 0.95, 0.99)] == [1, 9, 19, 99]


def test_equal_weights_change_no_score():
    score_no = np.random.default_rng(0).normal(size=(37, 2))
    for level in (0.05, 0.3, 0.5, 0.7, 0.9, 0.97):
        rank = int(np.ceil(38 * level - 1e-9))
        wanted = np.sort(score_no, axis=0)[rank - 1]
        for weight in (1.0, 3.0, 0.1, 1e-20, 1e20):
            np.testing.assert_array_equal(needed_score(equal(score_no, weight), level), wanted)


def test_weighted_scores_by_hand():
    """Rows 1 to 4 weigh 1, 1, 1 and 3; drawn by weight, a row weighs (1 + 1 + 1 + 9) / 6 = 2."""
    weight_n = np.array([1.0, 1.0, 1.0, 3.0])
    scores = sorted_scores(np.array([[1.0, 4.0], [2.0, 3.0], [3.0, 2.0], [4.0, 1.0]]), weight_n)
    np.testing.assert_allclose(scores.effective_rows, 3)  # 6^2 / 12
    for level, wanted in (
        (0.375, [3, 1]),  # of 8 the first 3: three rows, or the heavy one alone
        (0.376, [4, 2]),
        (0.75, [4, 4]),  # of 8 the first 6: all
    ):
        np.testing.assert_array_equal(needed_score(scores, level), wanted)
    with pytest.raises(
        UserError, match=r"4 validation rows \(.* as good as 3 of .*too few for 0\.76; .* with 6 "
    ):
        needed_score(scores, 0.76)


def test_weight_is_held_to_the_level():
    """Heavy rows are the noisy ones: counted as one each, 70 % of the weight would be held."""
    random = np.random.default_rng(3)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        weight_n = np.where(random.random(n) < 0.1, 20.0, 1.0)
        return np.abs(random.normal(size=(n, 1))) * np.where(weight_n > 1, 3, 1)[:, None], weight_n

    held = []
    for _ in range(300):
        needed = needed_score(sorted_scores(*draw(200)), 0.9)
        score_no, weight_n = draw(500)
        held.append(np.average(score_no[:, 0] <= needed, weights=weight_n))
    assert np.mean(held) == pytest.approx(0.9, abs=0.015)


def test_too_few_rows_for_a_level_are_refused():
    for level, n in ((0.9, 9), (0.95, 19), (0.99, 99)):
        assert needed_score(equal(np.ones((n, 1))), level) == 1
        with pytest.raises(
            UserError, match=rf"--interval: {n - 1} .* too few for {level:g}; .* with {n} \(config"
        ):
            needed_score(equal(np.ones((n - 1, 1))), level)
    for level in (0.0, 1.0, 90.0, "a"):
        with pytest.raises(
            UserError, match=rf"--interval: expected a number, above 0 and below 1, got {level}"
        ):
            needed_score(equal(np.ones((99, 1))), level)


def test_uniform_scores_are_covered_as_often_as_the_rank_says():
    """The k-th of n uniform numbers is k / (n + 1) in the mean, here the 19th of 20.

    The 18th, which is 90 % of 20, would be .857.
    """
    random = np.random.default_rng(0)
    needed = [needed_score(equal(random.random((20, 1))), 0.9)[0] for _ in range(4000)]
    assert np.mean(needed) == pytest.approx(19 / 21, abs=0.004)


def test_scores_by_hand():
    encoder = encoder_of(ONE)
    targets = {"value": np.array([[1.0], [4.0], [9.0]])}
    weight = np.array([1.0, 2.0, 0.0])
    answers: Arrays = {"value": np.array([[2.0], [1.0], [0.0]])}
    plain = conformal_scores(encoder, ONE, answers, targets, weight)
    # In raw units; the row of weight 0 does not count.
    np.testing.assert_allclose(plain.score, [[10], [30]])
    np.testing.assert_allclose(plain.weight, [[1], [2]])
    deviation = answers | {"value.deviation": np.array([[0.5], [2.0], [1.0]])}
    np.testing.assert_allclose(
        conformal_scores(encoder, ONE, deviation, targets, weight).score, [[1.5], [2]]
    )
    quantiles = answers | {
        "value.quantiles": np.array([[[0.0, 2.0, 3.0]], [[0.0, 1.0, 2.5]], [[0.0, 0.0, 0.0]]])
    }
    np.testing.assert_allclose(
        conformal_scores(encoder, ONE, quantiles, targets, weight).score, [[-10], [15]]
    )


def test_ends_by_hand():
    encoder = encoder_of(ONE)
    answers: Arrays = {"value": np.array([[2.0]])}
    for beside, score, wanted in (
        ({}, 7.0, (113, 127)),
        ({"value.deviation": np.array([[0.5]])}, 2.0, (110, 130)),
        ({"value.quantiles": np.array([[[0.0, 2.0, 3.0]]])}, 5.0, (95, 135)),
        ({"value.quantiles": np.array([[[0.0, 2.0, 3.0]]])}, -5.0, (105, 125)),
        # Not beyond the prediction.
        ({"value.quantiles": np.array([[[0.0, 2.0, 3.0]]])}, -15.0, (115, 120)),
        ({"value.quantiles": np.array([[[0.0, 2.0, 3.0]]])}, -25.0, (120, 120)),
    ):
        lower, upper = bounds(base_of(encoder, ONE, answers | beside), np.array([score]))
        np.testing.assert_allclose((lower.item(), upper.item()), wanted)


def drawn(random: np.random.Generator, n: int, kind: str) -> tuple[Arrays, Arrays]:
    """Answers and targets of n rows whose noise grows with x, by a net wrong in mean and spread."""
    x = random.uniform(0.2, 2, (n, 1))
    answers: Arrays = {"value": 0.8 * x}
    if kind == "gaussian":
        answers["value.deviation"] = 0.3 * x
    elif kind == "quantile":
        answers["value.quantiles"] = np.stack([-1.5 * x, 0.8 * x, 2.5 * x], axis=-1)
    return answers, {"value": x + x * random.standard_t(4, (n, 1))}


@pytest.mark.parametrize("kind", ["mse", "quantile", "gaussian"])
@pytest.mark.parametrize("level", [0.5, 0.9])
def test_intervals_hold_their_share_of_fresh_rows(kind: str, level: float):
    """Mean of 20 draws of 200 validation rows and 500 fresh ones."""
    encoder = encoder_of(ONE)
    random = np.random.default_rng(5)
    covered = []
    steady = []
    for _ in range(20):
        validation, fresh = (drawn(random, n, kind) for n in (200, 500))
        needed = needed_score(conformal_scores(encoder, ONE, *validation, np.ones(200)), level)
        covered.append(conformal_metrics(encoder, ONE, needed, *fresh)["coverage"])
        noisy = fresh[0]["value"][:, 0] > 1.2
        halves = [
            {name: array[rows] for name, array in fresh[i].items()}
            for rows in (noisy, ~noisy)
            for i in (0, 1)
        ]
        parts = [
            conformal_metrics(encoder, ONE, needed, *halves[i : i + 2])["coverage"] for i in (0, 2)
        ]
        steady.append(parts[0] - parts[1])
    assert np.mean(covered) == pytest.approx(level, abs=0.03)
    # Rows of much noise are covered as often as the others only by intervals that grow with it.
    if kind == "mse":
        assert np.mean(steady) < -0.1
    elif kind == "gaussian" or level == 0.9:  # which is about what the quantiles were made for
        assert abs(np.mean(steady)) < 0.05


def test_each_target_has_a_score_and_columns_of_its_own():
    kind = Head("kind", "binary", ("kind",), ("x", "y"), 1)
    encoder = encoder_of(TWO, kind)
    random = np.random.default_rng(1)
    answers = {"value": random.normal(size=(50, 2)), "kind": random.random(50)}
    targets = {
        "value": answers["value"] + random.normal(size=(50, 2)) * [1, 100],
        "kind": np.zeros(50, np.int32),
    }
    scores = conformal_scores(encoder, TWO, answers, targets, np.ones(50))
    columns = interval_columns(encoder, TWO, needed_score(scores, 0.8), answers)
    assert list(columns) == ["a_lower", "b_lower", "a_upper", "b_upper"]
    raw = 100 + 10 * answers["value"]
    for i, name in enumerate("ab"):
        # 41 of 51 places.
        needed = np.sort(np.abs(targets["value"] - answers["value"])[:, i])[41 - 1] * 10
        np.testing.assert_allclose(columns[f"{name}_upper"], raw[:, i] + needed)
        np.testing.assert_allclose(columns[f"{name}_lower"], raw[:, i] - needed)
    batch = Batch({}, targets, np.ones(50))
    judged = score_intervals(encoder, scores, answers, batch)
    assert (judged["level"], judged["rows"]) == (LEVEL, 50)
    assert {"a.coverage", "a.width", "b.coverage", "b.width"} <= set(judged)
    assert judged["a.coverage"] == np.mean(
        np.abs(targets["value"] - answers["value"])[:, 0] * 10 <= scores.score[45, 0]
    )
    few = Scores(scores.score[:8], scores.weight[:8])
    assert score_intervals(encoder, few, answers, batch) == {}
    assert score_intervals(encoder, None, answers, batch) == {}


def test_each_step_of_a_forecast_has_a_score_of_its_own():
    columns = tuple(
        SeriesColumn(name, 0.0, unit, 0.0, 1.0) for name, unit in (("load", 2.0), ("heat", 1.0))
    )
    encoder = SeriesEncoder(columns, 2, 0, lookback=4, horizon=3)
    random = np.random.default_rng(2)
    # That grow along the horizon.
    error = random.normal(size=(60, 3, 2)) * np.array([1, 5, 25])[:, None]
    answers = {"value": np.zeros((60, 6))}
    targets = {"value": error.reshape(60, 6)}
    scores = conformal_scores(encoder, encoder.heads[0], answers, targets, np.ones(60))
    made = interval_columns(
        encoder, encoder.heads[0], needed_score(scores, 0.9), {"value": np.zeros((2, 6))}
    )
    assert list(made) == ["load_lower", "heat_lower", "load_upper", "heat_upper"]
    for i, (name, unit) in enumerate((("load", 2), ("heat", 1))):
        needed = np.sort(np.abs(error[:, :, i]), axis=0)[55 - 1] * unit  # ceil(61 * .9)
        np.testing.assert_allclose(made[f"{name}_upper"], np.tile(needed, 2))
    metrics = conformal_metrics(
        encoder, encoder.heads[0], needed_score(scores, 0.9), answers, targets
    )
    assert metrics["load.coverage"] == pytest.approx(55 / 60)
    assert metrics["heat.width"] == pytest.approx(made["heat_upper"].mean() * 2)
    # A window's weight is that of each of its steps.
    weight_n = np.arange(60.0)
    metrics = conformal_metrics(
        encoder, encoder.heads[0], needed_score(scores, 0.7), answers, targets, weight_n
    )
    within = np.abs(error) <= needed_score(scores, 0.7).reshape(3, 2) / [2, 1]
    for i, name in enumerate(("load", "heat")):
        held = np.average(within[:, :, i].mean(1), weights=weight_n)
        assert metrics[f"{name}.coverage"] == pytest.approx(held)


def test_missing_targets_have_no_score_and_are_not_covered():
    columns = (SeriesColumn("load", 0.0, 2.0, 0.0, 1.0),)
    encoder = SeriesEncoder(columns, 1, 0, lookback=4, horizon=2)
    random = np.random.default_rng(5)
    targets = random.normal(size=(60, 2)).astype(np.float32)
    targets[random.random((60, 2)) < 0.3] = np.nan
    targets[:20, 1] = np.nan
    answers = {"value": np.zeros((60, 2))}
    head = encoder.heads[0]
    scores = conformal_scores(encoder, head, answers, {"value": targets}, np.ones(60))
    needed = needed_score(scores, 0.8)
    for h in range(2):
        known = np.sort(np.abs(targets[~np.isnan(targets[:, h]), h].astype(np.float64)) * 2)
        assert needed[h] == pytest.approx(known[int(np.ceil((len(known) + 1) * 0.8)) - 1])
    metrics = conformal_metrics(encoder, head, needed, answers, {"value": targets})
    held = np.abs(targets * 2) <= needed.astype(np.float32) * (1 + 1e-6)
    assert metrics["coverage"] == pytest.approx(held[~np.isnan(targets)].mean())
    few = (~np.isnan(targets[:, 1])).sum()
    with pytest.raises(UserError, match=f"{few} validation rows are too few for 0.99"):
        needed_score(scores, 0.99)


def test_what_a_net_says_by_itself_has_columns():
    kind = Head("kind", "multiclass", ("kind",), ("x", "y", "z"), 3)
    encoder = encoder_of(ONE, kind)
    random = np.random.default_rng(3)
    quantiles = np.sort(random.normal(size=(4, 1, 3)), axis=-1)
    deviation = random.random((4, 1))
    answers = {"value": quantiles[..., 1], "kind": random.random((4, 3))}
    made = spread_columns(encoder, answers | {"value.quantiles": quantiles}, (0.05, 0.5, 0.9))
    assert list(made) == ["y_quantile_0.05", "y_quantile_0.9"]
    np.testing.assert_allclose(made["y_quantile_0.9"], 100 + 10 * quantiles[:, 0, 2])
    made = spread_columns(
        encoder, answers | {"value.deviation": deviation, "kind.deviation": answers["kind"]}, ()
    )
    assert list(made) == ["y_deviation", "kind_deviation_x", "kind_deviation_y", "kind_deviation_z"]
    np.testing.assert_allclose(made["y_deviation"], 10 * deviation[:, 0])
    np.testing.assert_allclose(made["kind_deviation_z"], answers["kind"][:, 2])
    assert spread_columns(encoder, answers, (0.05, 0.5, 0.9)) == {}


def test_scores_are_read_back_with_the_state_they_belong_to(tmp_path):
    config = Config(data=Table(valid=0.1))
    score_no = np.random.default_rng(0).normal(size=(20, 2))
    weighted = sorted_scores(score_no, np.arange(20.0))
    for scores, names in (
        (weighted, ["a", "b", "weight of a", "weight of b"]),
        (equal(score_no), ["a", "b"]),  # as runs of 0.1.0 have them
    ):
        write_scores(tmp_path, TWO, scores, 7)
        np.testing.assert_array_equal(read_scores(tmp_path, config, 7), scores)
        assert pq.read_table(tmp_path / NAME).column_names == names
    with pytest.raises(
        UserError, match=r"went on after calibration\.parquet was written; let it finish"
    ):
        read_scores(tmp_path, config, 8)
    with pytest.raises(
        UserError, match=r"holds no calibration\.parquet, which a run writes when it finishes"
    ):
        read_scores(tmp_path / "elsewhere", config, 7)
    with pytest.raises(
        UserError, match=r"no validation rows .* train with config\.data\.valid above 0"
    ):
        read_scores(tmp_path, Config(data=Table(valid=0)), 7)


def test_errors_of_validation_rows_are_read_back_with_the_state_they_belong_to(tmp_path):
    assert read_errors(tmp_path, 7) is None
    errors_mo = np.array([[1.0, np.nan], [3.0, 4.0]], np.float32)
    write_errors(tmp_path, errors_mo, 7)
    record_files(tmp_path, [ERRORS])
    np.testing.assert_array_equal(read_errors(tmp_path, 7), errors_mo)
    with pytest.raises(UserError, match=r"--samples: .*went on after errors.parquet was written"):
        read_errors(tmp_path, 8)
    write_errors(tmp_path, errors_mo[:0], 7)
    with pytest.raises(UserError, match=r"errors.parquet"):  # another than the one that is listed
        read_errors(tmp_path, 7)
    record_files(tmp_path, [ERRORS])
    assert read_errors(tmp_path, 7) is None
