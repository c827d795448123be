"""Statistics against scikit-learn and float64 arithmetic on the training rows alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import RobustScaler, StandardScaler

from train.config.data_options import Table
from train.data.dataset import Head
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.data.table.statistics import fit_statistics
from train.data.units import rounded_together, shift_and_unit

N = 400
VALUE = Head("value", "regression", ("low", "high"), (), 2)
KIND = Head("kind", "multiclass", ("kind",), ("a", "b", "c"), 3)


def encoder(heads=(VALUE, KIND), sizes=(2, 4), target_scaling="standard") -> TableEncoder:
    columns = tuple(
        Column(f"c{i}", "category", vocabulary=tuple("abcd"[:size])) for i, size in enumerate(sizes)
    )
    return TableEncoder(columns, (), heads, target_scaling=target_scaling)


@pytest.fixture
def data():
    """Inputs with missing, constant, tied and empty columns; targets; the training rows."""
    random = np.random.default_rng(0)
    numbers = random.normal(3, 2, (N, 6)).astype(np.float32)
    numbers[random.random(N) < 0.2, 1] = np.nan
    numbers[:, 2] = np.float32(0.1)
    numbers[:, 3] = np.where(random.random(N) < 0.9, 0, random.exponential(5, N))
    numbers[:, 4] = random.integers(0, 3, N)
    numbers[:, 5] = np.nan
    codes = np.stack([random.integers(0, 3, N), random.integers(1, 4, N)], axis=1).astype(np.int32)
    values = random.normal(5, 3, (N, 2)).astype(np.float32)
    targets = {"value": values, "kind": random.integers(0, 3, N).astype(np.int32)}
    return {"numbers": numbers, "codes": codes}, targets, np.arange(0, N, 2)


def fit_for(inputs, targets, rows, encoder, options):
    return fit_statistics(
        inputs,
        targets,
        rows,
        encoder.heads,
        encoder.category_sizes,
        options.scaling,
        encoder.target_scaling,
    )


def fit(data, scaling, **options):
    inputs, targets, rows = data
    return fit_for(inputs, targets, rows, encoder(), Table(scaling=scaling, **options))


def test_standard_is_that_of_scikit_learn(data):
    inputs, _, rows = data
    truth = StandardScaler().fit(inputs["numbers"][rows, :5].astype(np.float64))
    fitted = fit(data, "standard")["inputs"]
    np.testing.assert_allclose(fitted["center"], [*truth.mean_, 0], rtol=1e-6)
    np.testing.assert_allclose(fitted["scale"], [*truth.scale_, 1], rtol=1e-6)
    # A mean of equal numbers is not quite that number: no spread must stay none.
    assert fitted["scale"][2] == 1


def test_robust_is_that_of_scikit_learn_and_half_the_range_where_quartiles_agree(data):
    inputs, _, rows = data
    numbers = inputs["numbers"][rows].astype(np.float64)
    truth = RobustScaler().fit(numbers[:, :5])
    fitted = fit(data, "robust")["inputs"]
    np.testing.assert_allclose(fitted["center"], [*truth.center_, 0], rtol=1e-6)
    np.testing.assert_allclose(fitted["scale"][[0, 1, 4]], truth.scale_[[0, 1, 4]], rtol=1e-6)
    assert fitted["scale"][3] == pytest.approx(numbers[:, 3].max() / 2, rel=1e-6)
    assert list(fitted["scale"][[2, 5]]) == [1, 1]


def test_fill_is_the_training_median(data):
    inputs, _, rows = data
    for scaling in ("none", "standard", "robust", "quantile"):
        fitted = fit(data, scaling)["inputs"]
        np.testing.assert_allclose(
            fitted["fill"][:5], np.nanmedian(inputs["numbers"][rows, :5], axis=0), rtol=1e-6
        )
        assert fitted["fill"][5] == 0
    assert set(fit(data, "none")["inputs"]) == {"fill", "seen"}


def test_knots_are_training_quantiles(data):
    inputs, _, rows = data
    knots = fit(data, "quantile")["inputs"]["knots"]
    assert knots.shape == (6, 10)  # 200 rows / 30 is below the least
    truth = np.quantile(inputs["numbers"][rows, 0].astype(np.float64), np.linspace(0, 1, 10))
    np.testing.assert_allclose(knots[0], truth, atol=0.02)
    assert np.all(np.diff(knots, axis=1) > 0)  # ties, constants and no values spread all the same


def test_the_number_of_knots_follows_the_rows():
    numbers = np.random.default_rng(0).normal(size=(40_000, 1)).astype(np.float32)
    for rows, expected in ((3_000, 100), (40_000, 1000)):
        fitted = fit_for(
            {"numbers": numbers}, {}, np.arange(rows), encoder((), ()), Table(scaling="quantile")
        )
        assert fitted["inputs"]["knots"].shape == (1, expected)


def test_quantiles_of_many_rows_come_from_a_sample():
    numbers = np.random.default_rng(0).normal(size=(250_000, 1)).astype(np.float32)
    fitted = fit_for(
        {"numbers": numbers}, {}, np.arange(250_000), encoder((), ()), Table(scaling="robust")
    )
    assert fitted["inputs"]["fill"][0] == pytest.approx(0, abs=0.02)
    # The normal's quartiles stand 1.349 apart.
    assert fitted["inputs"]["scale"][0] == pytest.approx(1.349, abs=0.02)
    assert fitted["inputs"]["fill"][0] != np.median(numbers)


def test_seen_marks_the_codes_of_training_rows(data):
    inputs, targets, _ = data
    inputs["codes"][:4] = [[0, 3], [2, 1], [1, 4], [2, 1]]
    fitted = fit_for(inputs, targets, np.array([0, 1, 3]), encoder(), Table(scaling="none"))
    np.testing.assert_array_equal(fitted["inputs"]["seen"], [[1, 0, 1, 0, 0], [0, 1, 0, 1, 0]])


def test_targets_have_mean_spread_and_range(data):
    _, targets, rows = data
    fitted = fit(data, "standard")["targets"]
    values = targets["value"][rows].astype(np.float64)
    for name, truth in zip(
        ("center", "scale", "low", "high"),
        (values.mean(0), values.std(0), values.min(0), values.max(0)),
        strict=True,
    ):
        np.testing.assert_allclose(fitted["value"][name], truth, rtol=1e-6)
    counts = [np.sum(targets["kind"][rows] == k) for k in range(3)]
    np.testing.assert_allclose(fitted["kind"]["rate"], np.array(counts) / len(rows), rtol=1e-6)


def test_target_scaling_none_keeps_the_target(data):
    inputs, targets, rows = data
    fitted = fit_for(inputs, targets, rows, encoder(target_scaling="none"), Table(scaling="none"))
    assert list(fitted["targets"]["value"]["center"]) == [0, 0] and list(
        fitted["targets"]["value"]["scale"]
    ) == [1, 1]
    assert list(fitted["targets"]["value"]["low"]) == list(targets["value"][rows].min(0))


@pytest.mark.parametrize("scaling", ["none", "standard", "robust", "quantile"])
def test_other_rows_change_nothing(data, scaling):
    inputs, targets, rows = data
    before = fit(data, scaling)
    others = np.setdiff1d(np.arange(N), rows)
    for array in (*inputs.values(), *targets.values()):
        array[others] = 2
    assert json.dumps(before, default=np.ndarray.tolist) == json.dumps(
        fit(data, scaling), default=np.ndarray.tolist
    )


def test_all_arrays_are_float32_and_absent_inputs_have_no_keys(data):
    inputs, targets, rows = data
    for scaling in ("none", "standard", "robust", "quantile"):
        fitted = fit(data, scaling)
        arrays = [
            *fitted["inputs"].values(),
            *fitted["targets"]["value"].values(),
            *fitted["targets"]["kind"].values(),
        ]
        assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    codes_only = fit_for(
        {"codes": inputs["codes"]}, targets, rows, encoder(), Table(scaling="standard")
    )
    assert set(codes_only["inputs"]) == {"seen"}


def test_auto_must_be_resolved(data):
    with pytest.raises(ValueError, match="auto"):
        fit(data, "auto")


@given(
    center=st.floats(-1e9, 1e9),
    spread=st.floats(1e-3, 1e6),
    n=st.integers(2, 300),
    seed=st.integers(0, 9),
)
def test_shift_and_unit_bring_any_column_to_the_order_of_one(center, spread, n, seed):
    values = np.random.default_rng(seed).normal(center, spread, n)
    shift, unit = shift_and_unit(values)
    assert np.log2(unit) == round(np.log2(unit)) and shift / unit == round(shift / unit)
    assert abs(np.median((values - shift) / unit)) <= 0.51
    low, high = np.percentile(values, (25, 75))
    assert 0.7 < (high - low) / unit < 1.42


def test_shift_and_unit_of_tied_and_constant_columns():
    # Quartiles agree: sd is 99.5.
    assert shift_and_unit(np.array([0.0] * 99 + [1000.0])) == (0.0, 128.0)
    assert shift_and_unit(np.full(5, 7.25)) == (7.0, 1.0)


def test_rounded_together_finds_the_pairs():
    integers = np.array([8, 2**25 + 1, 4, 2**25])
    assert rounded_together(integers, 0.0, 1.0).tolist() == [[3, 1]]
    # 4 - 2**25 is a float32, as all even numbers there are.
    assert not len(rounded_together(integers, 2.0**25, 1.0))
    assert not len(rounded_together(np.array([2**60, 2**60 + 1]), 2.0**60, 1.0))
