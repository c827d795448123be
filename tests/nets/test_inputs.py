"""What a net sees of raw columns, against numpy in float64 and scikit-learn."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from marks import slow
from sklearn.preprocessing import QuantileTransformer
from small_nets import applied, drawn, initial

from nets.inputs import CategoryEmbedding, Inputs, NumberEmbedding, scale_numbers, scaled_columns

scaled_numbers = jax.jit(scale_numbers, static_argnums=2)
RANDOM = np.random.default_rng(11)
X_BF = RANDOM.normal(2, 3, size=(200, 3)).astype(np.float32)
FITTED = {
    "fill": np.median(X_BF, 0).astype(np.float32),
    "center": np.array([2.0, 1.0, -1.0], np.float32),
    "scale": np.array([3.0, 0.5, 10.0], np.float32),
}


def with_gaps(x_bf: np.ndarray) -> np.ndarray:
    x_bf = x_bf.copy()
    x_bf[::7, 0] = np.nan
    x_bf[3::11, 2] = np.nan
    return x_bf


def filled(x_bf: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(x_bf), FITTED["fill"], x_bf).astype(np.float64)


def test_standard_scaling_is_numpys() -> None:
    x_bf = with_gaps(X_BF)
    wanted = (filled(x_bf) - FITTED["center"]) / FITTED["scale"]
    np.testing.assert_allclose(
        scaled_numbers(x_bf, FITTED, "standard"), wanted, rtol=1e-5, atol=1e-6
    )


def test_robust_scaling_bends_at_three() -> None:
    x_bf = with_gaps(X_BF)
    z_bf = (filled(x_bf) - FITTED["center"]) / FITTED["scale"]
    scaled = scaled_numbers(x_bf, FITTED, "robust")
    np.testing.assert_allclose(scaled, z_bf / np.sqrt(1 + (z_bf / 3) ** 2), rtol=1e-5, atol=1e-6)
    assert np.abs(z_bf).max() > 5 > 3 > np.abs(scaled).max()


def test_robust_scaling_holds_for_numbers_whose_square_overflows() -> None:
    x_bf = np.float32(
        [[1e25, 1e30, -3e38]]
    )  # 1e20 and 1e30 stand for "missing" in many an old file
    np.testing.assert_allclose(scaled_numbers(x_bf, FITTED, "robust"), [[3, 3, -3]], rtol=1e-6)


def test_no_scaling_fills_and_leaves_the_rest() -> None:
    x_bf = with_gaps(X_BF)
    np.testing.assert_array_equal(
        scaled_numbers(x_bf, FITTED, "none"), filled(x_bf).astype(np.float32)
    )


@pytest.mark.parametrize("n_knots", [101, *slow(10, 1000)])
def test_quantile_scaling_is_scikit_learns(n_knots: int) -> None:
    train = np.stack(
        [RANDOM.normal(size=4000), RANDOM.exponential(size=4000), RANDOM.uniform(-5, 9, 4000)], 1
    )
    train = train.astype(np.float32).astype(np.float64)
    sklearns = QuantileTransformer(
        n_quantiles=n_knots, output_distribution="normal", subsample=None
    ).fit(train)
    knots_fk = sklearns.quantiles_.T.astype(np.float32)
    statistics = {"fill": np.zeros(3, np.float32), "knots": knots_fk}
    inside_bf = np.stack([RANDOM.uniform(k[0], k[-1], 500) for k in knots_fk], 1).astype(np.float32)
    ours = scaled_numbers(inside_bf, statistics, "quantile")
    theirs = sklearns.transform(inside_bf.astype(np.float64))
    # Float32 knows shares near 1 to 6e-8, which is coarse in the outermost tail alone.
    middle = np.abs(theirs) < 4
    assert middle.mean() > 0.98
    np.testing.assert_allclose(np.asarray(ours)[middle], theirs[middle], atol=1e-3)


def test_quantile_scaling_makes_training_rows_normal() -> None:
    train = RANDOM.exponential(size=(5000, 1)).astype(np.float32)
    knots_fk = np.quantile(train, np.linspace(0, 1, 1000), axis=0).T.astype(np.float32)
    z = np.asarray(
        scaled_numbers(train, {"fill": np.zeros(1, np.float32), "knots": knots_fk}, "quantile")
    )[:, 0]
    shares = [(z < limit).mean() for limit in (-2, -1, 0, 1, 2)]
    np.testing.assert_allclose(shares, [0.0228, 0.1587, 0.5, 0.8413, 0.9772], atol=2e-3)


def test_quantile_scaling_bounds_what_lies_outside_the_training_range() -> None:
    statistics = {
        "fill": np.zeros(1, np.float32),
        "knots": np.linspace(0, 1, 50, dtype=np.float32)[None],
    }
    x_bf = np.float32([[-1e9], [0.0], [0.5], [1.0], [1e9]])
    z = np.asarray(scaled_numbers(x_bf, statistics, "quantile"))[:, 0]
    assert z[0] == z[1] and z[3] == z[4]
    np.testing.assert_allclose(z, [-5.199, -5.199, 0, 5.199, 5.199], atol=0.04)


def test_a_missing_number_takes_the_fill_of_its_column() -> None:
    x_bf = np.full((1, 3), np.nan, np.float32)
    wanted = (FITTED["fill"] - FITTED["center"]) / FITTED["scale"]
    np.testing.assert_allclose(scaled_numbers(x_bf, FITTED, "standard")[0], wanted, rtol=1e-6)


def test_flags_are_of_the_named_columns_in_their_order() -> None:
    x_bf = with_gaps(X_BF)
    columns = scaled_columns({"numbers": x_bf}, FITTED, "standard", (2, 0))
    np.testing.assert_array_equal(columns["missing"], np.isnan(x_bf[:, [2, 0]]).astype(np.float32))
    assert columns["missing"].dtype == np.float32
    assert "missing" not in scaled_columns({"numbers": x_bf}, FITTED, "standard", ())


def test_only_the_columns_there_are_come_out() -> None:
    codes = np.array([[1], [0]], np.int32)
    assert set(scaled_columns({"codes": codes}, {}, "standard", ())) == {"codes"}
    both = scaled_columns(
        {"codes": codes, "numbers": np.zeros((2, 3), np.float32)}, FITTED, "standard", ()
    )
    assert set(both) == {"codes", "numbers"}


def embed(
    sizes: tuple[int, ...], seen_cv: list[list[float]], codes_bc: list[list[int]], one_hot: int = 64
):
    module = CategoryEmbedding(sizes, one_hot)
    statistics = {"seen": np.float32(seen_cv)}
    variables = drawn(module, np.array(codes_bc), statistics)
    return applied(module, variables, np.array(codes_bc), statistics), variables.get("params", {})


def test_two_categories_become_minus_and_plus_one() -> None:
    features, params = embed((2,), [[0.0, 1.0, 1.0]], [[0], [1], [2]])
    np.testing.assert_array_equal(features, [[0, 0], [-1, 0], [1, 0]])
    assert not params


def test_a_missing_value_that_training_showed_has_a_feature_of_its_own() -> None:
    features, _ = embed((2,), [[1.0, 1.0, 1.0]], [[0], [1], [2]])
    np.testing.assert_array_equal(features, [[0, 1], [-1, 0], [1, 0]])


def test_one_hot_with_zeros_for_the_unseen() -> None:
    features, params = embed((3,), [[0.0, 1.0, 0.0, 1.0]], [[0], [1], [2], [3]])
    np.testing.assert_array_equal(
        features, [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    )
    assert not params


def test_more_categories_than_one_hot_takes_get_vectors() -> None:
    seen = [1.0] * 9
    seen[4] = 0.0
    features, params = embed((8,), [seen], [[i] for i in range(9)], one_hot=7)
    table = np.asarray(params["table_0"])
    assert table.shape == (9, 5)  # min(50, 8 // 2 + 1)
    np.testing.assert_array_equal(features, table * np.array(seen)[:, None])
    assert embed((8,), [seen], [[1]], one_hot=8)[0].shape == (1, 9)


def test_vectors_are_of_length_one_at_start_and_have_fifty_features_at_most() -> None:
    statistics = {"seen": np.ones((1, 501), np.float32)}
    variables = initial(CategoryEmbedding((500,), 64), np.array([[1]]), statistics)
    table = variables["params"]["table_0"]
    assert table.shape == (501, 50)
    lengths = np.linalg.norm(table, axis=1)
    assert abs(lengths.mean() - 1) < 0.05


def test_columns_of_different_sizes_stand_side_by_side() -> None:
    seen = np.ones((3, 11), np.float32)
    seen[:, 0] = 0
    features, params = embed((2, 3, 10), seen.tolist(), [[1, 3, 10], [2, 0, 1]], one_hot=5)
    assert features.shape == (2, 2 + 4 + 6)
    np.testing.assert_array_equal(features[:, :6], [[-1, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(features[:, 6:], params["table_2"][[10, 1]])


def number_embedding(
    kind: str, x_bf: np.ndarray, statistics: dict, size: int = 4, scale: float = 0.5
):
    module = NumberEmbedding(kind, size, scale)
    variables = drawn(module, x_bf, statistics)
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), variables["params"])
    return applied(module, variables, x_bf, statistics), params


def mapped(parts_bfe: np.ndarray, params: dict) -> np.ndarray:
    """Each column's own linear map, column by column."""
    kernel = params["embedding_kernel"]
    bias = params["embedding_bias"]
    return np.stack([parts_bfe[:, f] @ kernel[f] + bias[f] for f in range(parts_bfe.shape[1])], 1)


def test_piecewise_linear_is_the_formula_of_its_paper() -> None:
    x_bf = np.array([[-9.0, 0.1], [0.25, 0.5], [1.5, 2.0], [3.0, 99.0]], np.float32)
    # A bin of no width: a step.
    edges_fe = np.array([[0.0, 1.0, 2.0, 4.0], [0.0, 0.2, 0.2, 3.0]], np.float32)
    features, params = number_embedding("piecewise_linear", x_bf, {"edges": edges_fe})
    parts_bfe = np.array([
        [[0, 0, 0], [0.5, 0, 0]],
        [[0.25, 0, 0], [1, 1, 0.3 / 2.8]],
        [[1, 0.5, 0], [1, 1, 1.8 / 2.8]],
        [[1, 1, 0.5], [1, 1, 1]],
    ])  # fmt: skip
    assert params["embedding_kernel"].shape == (2, 3, 4)
    np.testing.assert_allclose(
        features, mapped(parts_bfe, params).reshape(4, -1), rtol=1e-5, atol=1e-6
    )


def test_version_b_is_a_linear_embedding_beside_bins_that_start_at_zero() -> None:
    x_bf = np.array([[-9.0, 0.1, 5], [0.25, 0.5, 7], [1.5, 2.0, 7], [3.0, 99.0, 1e9]], np.float32)
    # The second column has fewer edges, the third is one point.
    edges_fe = np.array([[0, 1, 2, 4], [0, 0.5, 3, 3], [7, 7, 7, 7]], np.float32)
    features, params = number_embedding("piecewise_linear_b", x_bf, {"edges": edges_fe})
    parts_bfe = np.array([
        [[0, 0, 0], [0.2, 0, 0]],
        [[0.25, 0, 0], [1, 0, 0]],
        [[1, 0.5, 0], [1, 1.5 / 2.5, 0]],
        [[1, 1, 0.5], [1, 1, 0]],
    ])  # fmt: skip
    kernel_fk = np.asarray(params["embedding_kernel"], np.float64)[:2]
    bias_fk = np.asarray(params["embedding_bias"], np.float64)[:2]
    bins_fek = np.asarray(params["bins_kernel"], np.float64)[:2]
    of_bins = np.einsum("bfe,fek->bfk", parts_bfe, bins_fek)
    wanted = x_bf[:, :2, None] * kernel_fk + bias_fk + of_bins
    features = np.asarray(features).reshape(4, 3, -1)
    np.testing.assert_allclose(features[:, :2], wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(features[:, 2], 0)

    start = NumberEmbedding("piecewise_linear_b", 400, 1.0)
    fresh = initial(start, x_bf, {"edges": edges_fe})["params"]
    assert not fresh["bins_kernel"].any()
    for name in ("embedding_kernel", "embedding_bias"):
        # Uniform within 1 / sqrt(size), as torch's and the authors' linear layers start.
        assert 0.045 < np.abs(fresh[name]).max() <= 0.05
        assert abs(np.std(fresh[name]) - 0.05 / np.sqrt(3)) < 0.002


def test_periodic_is_the_formula_of_its_paper() -> None:
    features, params = number_embedding("periodic", X_BF, {})
    angle_bfe = 2 * np.pi * X_BF[:, :, None].astype(np.float64) * params["frequency"]
    parts_bfe = np.concatenate([np.cos(angle_bfe), np.sin(angle_bfe)], -1)
    wanted = np.maximum(mapped(parts_bfe, params), 0).reshape(len(X_BF), -1)
    assert features.shape == (200, 3 * 4)
    np.testing.assert_allclose(features, wanted, rtol=1e-4, atol=1e-4)


def test_densely_periodic_is_the_formula_of_its_paper() -> None:
    features, params = number_embedding("densely_periodic", X_BF, {}, size=6)
    angle_bfe = (
        2 * np.pi * X_BF[:, :, None].astype(np.float64) * params["frequency"] + params["phase"]
    )
    wanted = np.concatenate([mapped(np.cos(angle_bfe), params), X_BF[:, :, None]], -1)
    assert features.shape == (200, 3 * 4)  # 3 of the map and x itself
    np.testing.assert_allclose(features, wanted.reshape(len(X_BF), -1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("scale", [0.1, *slow(3.0)])
def test_frequencies_and_phases_start_as_their_paper_says(scale: float) -> None:
    module = NumberEmbedding("densely_periodic", 64, scale)
    params = initial(module, np.zeros((1, 40), np.float32), {})["params"]
    assert abs(np.std(params["frequency"]) / scale - 1) < 0.05
    assert np.abs(params["phase"]).max() <= np.pi
    assert abs(np.std(params["phase"]) / (np.pi / np.sqrt(3)) - 1) < 0.05


def inputs_of(module: Inputs, columns: dict, statistics: dict) -> tuple[np.ndarray, dict]:
    variables = drawn(module, columns, statistics)
    return applied(module, variables, columns, statistics), variables.get("params", {})


def test_inputs_stand_in_the_order_numbers_flags_categories() -> None:
    columns = {
        "codes": np.array([[1, 3], [2, 1]]),
        "missing": np.float32([[1.0], [0.0]]),
        "numbers": np.float32([[0.5, -2.0], [0.25, 7.0]]),
    }
    seen_cv = np.float32([[0.0, 1, 1, 0], [0, 1, 1, 1]])
    x_bd, params = inputs_of(Inputs((2, 3)), columns, {"seen": seen_cv})
    wanted = [[0.5, -2, 1, -1, 0, 0, 0, 0, 1], [0.25, 7, 0, 1, 0, 0, 1, 0, 0]]
    np.testing.assert_array_equal(x_bd, wanted)
    assert not params


@pytest.mark.parametrize("part", ["numbers", "codes"])
def test_inputs_of_one_kind_alone(part: str) -> None:
    columns = {"numbers": np.ones((2, 3), np.float32), "codes": np.ones((2, 1), np.int32)}
    seen_cv = np.ones((1, 6), np.float32)
    x_bd, _ = inputs_of(Inputs((5,)), {part: columns[part]}, {"seen": seen_cv})
    assert x_bd.shape == (2, 3 if part == "numbers" else 6)


def test_input_scale_is_one_at_start_and_multiplies_each_feature() -> None:
    module = Inputs(input_scale=True)
    columns = {"numbers": X_BF}
    variables = initial(module, columns, {})
    np.testing.assert_array_equal(variables["params"]["input_scale"], np.ones(3))
    variables = {"params": {"input_scale": np.float32([2.0, 0.0, -1.0])}}
    scaled = applied(module, variables, columns, {})
    np.testing.assert_allclose(scaled, X_BF * np.array([2, 0, -1]), rtol=1e-6)


def test_only_numbers_are_embedded() -> None:
    columns = {
        "numbers": X_BF[:2],
        "missing": np.ones((2, 1), np.float32),
        "codes": np.array([[1], [2]]),
    }
    module = Inputs((2,), embedding="periodic", embedding_size=5)
    x_bd, params = inputs_of(module, columns, {"seen": np.float32([[0.0, 1, 1]])})
    assert x_bd.shape == (2, 3 * 5 + 1 + 2)
    np.testing.assert_array_equal(x_bd[:, 15:], [[1, -1, 0], [1, 1, 0]])
    assert set(params) == {"numbers"}


@pytest.mark.parametrize(
    "kind", ["piecewise_linear", "piecewise_linear_b", "periodic", "densely_periodic"]
)
def test_embeddings_learn_in_every_parameter(kind: str) -> None:
    edges_fe = np.quantile(X_BF, np.linspace(0, 1, 5), axis=0).T.astype(np.float32)
    module = NumberEmbedding(kind, 4, 0.5)
    params = drawn(module, X_BF, {"edges": edges_fe})["params"]

    def loss(params: dict, x_bf: jax.Array) -> jax.Array:
        return ((module.apply({"params": params}, x_bf, {"edges": edges_fe}) - 1) ** 2).sum()

    gradient = jax.device_get(jax.jit(jax.grad(loss))(params, X_BF))
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))
