"""Competing units against textbook loops in float64: distances, starts, and each rule's updates."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from marks import slow
from small_nets import applied, drawn, initial

from nets.competitive import Competitive, Decay
from nets.inputs import Inputs
from nets.maps import map_distances, neighbourhood
from nets.units import (
    kmeans_plus_plus,
    squared_distances,
    start_units,
    two_nearest,
    winner_sums,
)

N = 60
D = 3
ROWS = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)
STATISTICS = {"inputs": {"fill": np.zeros(D, np.float32)}}


def make(begun: bool = False, **fields: Any) -> tuple[Competitive, dict[str, Any]]:
    """A new net; its units are rows, or, where `begun`, those that it begins with."""
    network = Competitive(Inputs(), **{"units": 4, "scaling": "none"} | fields)
    given = {"statistics": STATISTICS}
    if begun:
        return network, initial(network, {"numbers": ROWS}, given=given, train=False)
    variables = drawn(network, {"numbers": ROWS}, given=given, train=False)
    counts = jax.tree.map(np.zeros_like, variables["batch_stats"])
    units = ROWS[None, 7 : 7 + network.units].copy()
    return network, {**variables, "params": {"units": units}, "batch_stats": counts}


def learn(
    network: Competitive, variables: dict, epochs: int, batch: int, weight: np.ndarray | None = None
) -> dict:
    """Epochs in the rows' own order, in batches of this size."""
    weight = np.ones(N, np.float32) if weight is None else weight
    steps = -(-N // batch)
    call = jax.jit(
        lambda variables, x, w, step: network.apply(
            variables,
            {"numbers": x},
            {},
            w,
            step=step,
            steps_per_epoch=steps,
            total_steps=epochs * steps,
            method="learn",
            mutable=["params", "batch_stats"],
        )
    )
    losses = []
    for step in range(epochs * steps):
        rows = slice(step % steps * batch, (step % steps + 1) * batch)
        given = (variables, ROWS[rows], weight[rows], np.int32(step))
        loss_b, moved = jax.device_get(call(*given))
        losses.append(loss_b)
        variables = {**moved, "statistics": STATISTICS}
    return variables | {"losses": np.concatenate(losses)}


def distances(x: np.ndarray, units: np.ndarray) -> np.ndarray:
    return ((x[:, None].astype(np.float64) - units[None]) ** 2).sum(-1)


apart = jax.jit(squared_distances)
nearest_two = jax.jit(two_nearest)


def test_distances_are_those_of_a_loop() -> None:
    units = np.random.default_rng(1).normal(size=(5, D)).astype(np.float32)
    np.testing.assert_allclose(apart(ROWS, units), distances(ROWS, units), rtol=1e-5, atol=1e-5)
    assert np.min(apart(ROWS[:5] * 1000, ROWS[:5] * 1000)) >= 0


def test_kmeans_plus_plus_starts_far_apart() -> None:
    """Each of three far clusters gets a unit at every seed; rows at random often miss one."""
    rows = np.repeat([[0.0, 0], [100, 0], [0, 100]], 20, 0) + np.random.default_rng(0).normal(
        size=(60, 2)
    )
    rows = rows.astype(np.float32)

    @jax.jit
    def starts(seeds: jax.Array, rows: jax.Array) -> tuple[jax.Array, jax.Array]:
        keys = jax.vmap(jax.random.key)(seeds)
        far = jax.vmap(lambda key: kmeans_plus_plus(key, rows, 3))(keys)
        return far, jax.vmap(lambda key: start_units(key, rows, 3, "rows"))(keys)

    units_skd, picked = jax.device_get(starts(np.arange(50), rows))
    for units in units_skd:
        assert len({tuple(np.round(unit / 100)) for unit in units}) == 3
        assert np.abs(distances(units, rows)).min(1).max() < 1e-6  # a unit is a row
    assert np.mean([len({tuple(np.round(unit / 100)) for unit in units}) for units in picked]) < 2.7


def test_a_map_starts_on_the_plane_of_the_two_main_components() -> None:
    rows = ROWS * [1.0, 10.0, 3.0] + 5
    start = jax.jit(lambda key, rows: start_units(key, rows, 12, "plane", (2, 6)))
    units = np.asarray(start(jax.random.key(0), np.float32(rows)))
    np.testing.assert_allclose(units.mean(0), rows.mean(0), rtol=1e-4)
    grid = units.reshape(2, 6, D)
    along = grid[0, 1] - grid[0, 0]
    across = grid[1, 0] - grid[0, 0]
    value, axis = np.linalg.eigh(np.cov(rows.T))
    for step, j in ((along, 2), (across, 1)):
        assert abs(step @ axis[:, j]) == pytest.approx(np.linalg.norm(step), rel=1e-3)
    np.testing.assert_allclose(units.var(0).sum(), value[1] + value[2], rtol=0.05)


def test_neighbours_of_a_hexagonal_map_are_six() -> None:
    near = map_distances((5, 5), "hexagonal") < 1.1
    assert near[12].sum() == 7 and near[0].sum() == 3  # with itself
    rectangular = map_distances((5, 5), "rectangular")
    assert (rectangular < 1.1)[12].sum() == 5 and (rectangular < 1.5)[12].sum() == 9
    np.testing.assert_allclose(
        neighbourhood(jnp.array([0.0, 2.0]), 2.0, "gaussian"), [1, np.exp(-0.5)], rtol=1e-6
    )
    np.testing.assert_array_equal(
        neighbourhood(jnp.array([0.0, 2.0, 2.1]), 2.0, "bubble"), [1, 1, 0]
    )


@pytest.mark.parametrize("batch", [7, *slow(N)])
def test_kmeans_is_lloyds_whatever_the_batches(batch: int) -> None:
    network, variables = make(rule="kmeans")
    after = learn(network, variables, 3, batch)
    units = np.asarray(variables["params"]["units"][0], np.float64)
    for _ in range(3):
        error = distances(ROWS, units).min(1)
        nearest = distances(ROWS, units).argmin(1)
        units = np.stack([ROWS[nearest == k].mean(0) for k in range(4)])
    np.testing.assert_allclose(after["params"]["units"][0], units, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(after["losses"][-N:], error, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(after["batch_stats"]["error"], error.sum(), rtol=1e-4)


@pytest.mark.parametrize("away", [0.0, 1000.0])
def test_columns_far_from_zero_do_not_cancel(away: float) -> None:
    random = np.random.default_rng(0)
    rows = (away + random.normal(size=(2000, 8))).astype(np.float32)
    units = (away + random.normal(size=(20, 8))).astype(np.float32)
    wanted = np.square(rows[:, None].astype(np.float64) - units[None]).sum(-1)
    np.testing.assert_allclose(apart(rows, units), wanted, rtol=1e-4, atol=1e-5)
    nearest, distance = nearest_two(rows, units)
    np.testing.assert_array_equal(nearest, wanted.argsort(1)[:, :2])
    np.testing.assert_allclose(distance, wanted.min(1), rtol=1e-5)


def test_of_units_far_apart_the_nearest_answers() -> None:
    """Half of the units, and of the rows, are a thousand deviations from the others."""
    random = np.random.default_rng(1)
    places = 1000.0 * np.arange(2)[:, None, None]
    rows = (places + random.normal(size=(2, 1000, 4))).reshape(-1, 4).astype(np.float32)
    units = (places + random.normal(size=(2, 5, 4))).reshape(-1, 4).astype(np.float32)
    wanted = np.square(rows[:, None].astype(np.float64) - units[None]).sum(-1)
    nearest, distance = jax.device_get(nearest_two(rows, units))
    np.testing.assert_array_equal(nearest[:, 0], wanted.argmin(1))
    np.testing.assert_allclose(distance, wanted.min(1), rtol=1e-5)


def test_no_product_is_left_to_the_precision_of_a_gpu() -> None:
    def clusters(rows: jax.Array, units: jax.Array) -> jax.Array:
        won = winner_sums(rows, jnp.ones(N), squared_distances(rows, units).argmin(1), 4)
        return won.sum() + start_units(jax.random.key(0), rows, 4, "plane", (2, 2)).sum()

    program = str(jax.make_jaxpr(clusters)(jnp.asarray(ROWS), jnp.asarray(ROWS[:4])))
    products = program.count("dot_general")
    assert products == 4 == program.count("precision=(Precision.HIGHEST, Precision.HIGHEST)")


def test_a_unit_without_rows_stays() -> None:
    network, variables = make(rule="kmeans")
    far = np.full(D, 1e3)
    variables["params"]["units"] = variables["params"]["units"].copy()
    variables["params"]["units"][0, 2] = far
    np.testing.assert_array_equal(learn(network, variables, 2, N)["params"]["units"][0, 2], far)


def test_mini_batches_average_all_that_a_unit_won() -> None:
    network, variables = make(rule="mini_batch")
    after = learn(network, variables, 2, 8)
    units = np.asarray(variables["params"]["units"][0], np.float64)
    wins = np.zeros(4)
    for _ in range(2):
        for i in range(0, N, 8):
            rows = ROWS[i : i + 8]
            nearest = distances(rows, units).argmin(1)
            for k in range(4):  # Sculley's rule, each row at the rate 1 / wins, is this mean
                won = rows[nearest == k]
                wins[k] += len(won)
                units[k] += (won - units[k]).sum(0) / max(wins[k], 1)
    np.testing.assert_allclose(after["params"]["units"][0], units, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(after["batch_stats"]["wins"][0], wins)


@pytest.mark.parametrize("rule", ["winner", "neural_gas", "map"])
def test_rules_by_row_are_the_textbooks_loops(rule: str) -> None:
    """With a conscience, with ranks, and with a map; rows of weight 0 do not exist."""
    shape = (2, 2) if rule == "map" else None
    network, variables = make(
        rule=rule, conscience=1.5, rate=Decay(0.4, 0.02), reach=Decay(2.0, 0.3), shape=shape
    )
    weight = (np.arange(N) % 5 > 0).astype(np.float32)
    after = learn(network, variables, 2, 12, weight)
    units = np.asarray(variables["params"]["units"][0], np.float64)
    wins = np.ones(4)
    apart = map_distances((2, 2), "rectangular")
    for t in range(2 * N):
        share = t / (2 * N)
        x = ROWS[t % N].astype(np.float64)
        rate = 0.4 * (0.02 / 0.4) ** share
        reach = 2.0 * (0.3 / 2.0) ** share
        if not weight[t % N]:
            continue
        distance = ((units - x) ** 2).sum(1)
        if rule == "neural_gas":
            pull = np.exp(-distance.argsort().argsort() / reach)
        elif rule == "map":
            pull = np.exp(-(apart[distance.argmin()] ** 2) / (2 * reach**2))
        else:
            pull = np.eye(4)[(distance * (wins / wins.sum()) ** (1.5 * (1 - share))).argmin()]
            wins += pull
        units += rate * pull[:, None] * (x - units)
    np.testing.assert_allclose(after["params"]["units"][0], units, rtol=1e-4, atol=1e-5)
    if rule == "winner":
        np.testing.assert_allclose(after["batch_stats"]["wins"][0] + 1, wins)


@pytest.mark.parametrize(
    ("grid", "kind"),
    [
        ("rectangular", "gaussian"),
        ("hexagonal", "bubble"),
        *slow(("rectangular", "bubble"), ("hexagonal", "gaussian")),
    ],
)
def test_the_batch_map_takes_means_of_neighbourhoods(grid: str, kind: str) -> None:
    network, variables = make(
        begun=True,
        rule="batch_map",
        units=6,
        shape=(2, 3),
        grid=grid,
        kind=kind,
        start="plane",
        reach=Decay(1.5, 0.5),
    )
    after = learn(network, variables, 3, 9)
    units = np.asarray(variables["params"]["units"][0], np.float64)
    apart = map_distances((2, 3), grid)
    for epoch in range(3):
        radius = 1.5 * (0.5 / 1.5) ** (epoch / 2)
        pull = (
            np.exp(-(apart**2) / (2 * radius**2))
            if kind == "gaussian"
            else (apart <= radius).astype(float)
        )
        weight = pull[distances(ROWS, units).argmin(1)]  # [n, k]
        total = weight.sum(0)[:, None]
        units = np.where(total > 0, weight.T @ ROWS / np.where(total > 0, total, 1), units)
    np.testing.assert_allclose(after["params"]["units"][0], units, rtol=1e-4, atol=1e-5)


def test_the_best_of_restarts_answers() -> None:
    network, variables = make(True, rule="kmeans", restarts=6, start="rows", units=5)
    after = learn(network, variables, 4, 20)
    units_rkd = np.asarray(after["params"]["units"])
    assert len({tuple(np.round(units.sum(0), 4)) for units in units_rkd}) > 1
    error_r = np.asarray(after["batch_stats"]["error"])
    assert error_r.std() > 0
    given = {name: after[name] for name in ("params", "batch_stats", "statistics")}
    answers = applied(network, given, {"numbers": ROWS}, method="predict")
    best = distances(ROWS, units_rkd[error_r.argmin()])
    np.testing.assert_array_equal(answers["cluster"], best.argmin(1))
    np.testing.assert_allclose(answers["distance"], np.sqrt(best.min(1)), rtol=1e-4)
    np.testing.assert_array_equal(answers["row"], ROWS)
    assert "adjacent" not in answers  # without a map nobody has neighbours


def test_adjacent_is_whether_the_two_nearest_are_neighbours() -> None:
    network, variables = make(rule="map", units=9, shape=(3, 3))
    units = np.random.default_rng(2).normal(size=(1, 9, D)).astype(np.float32)
    variables["params"]["units"] = units
    answers = applied(network, variables, {"numbers": ROWS}, method="predict")
    two = distances(ROWS, units[0]).argsort(1)[:, :2]
    row = np.abs(two[:, 0] // 3 - two[:, 1] // 3)
    column = np.abs(two[:, 0] % 3 - two[:, 1] % 3)
    np.testing.assert_array_equal(answers["adjacent"], (row <= 1) & (column <= 1))
    assert 0 < np.mean(answers["adjacent"]) < 1


@pytest.mark.parametrize("rule", ["winner", "neural_gas", "map"])
def test_a_row_of_weight_three_moves_units_as_three_rows_do(rule: str) -> None:
    shape = (2, 2) if rule == "map" else None
    network, variables = make(
        rule=rule, rate=Decay(0.4, 0.4), reach=Decay(1.0, 1.0), shape=shape, conscience=0.0
    )
    times = np.random.default_rng(2).integers(0, 4, 12)

    def after(rows: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _, moved = network.apply(
            variables, {"numbers": jnp.asarray(rows)}, {}, jnp.asarray(weight, jnp.float32),
            step=0, steps_per_epoch=1, total_steps=1, method="learn",
            mutable=["params", "batch_stats"],
        )  # fmt: skip
        return moved["params"]["units"], moved["batch_stats"]["wins"]

    repeated = after(ROWS[:12].repeat(times, 0), np.ones(times.sum()))
    for ours, wanted in zip(after(ROWS[:12], times), repeated, strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("start", ["normal", "plane"])
def test_units_start_among_rows_as_often_as_these_weigh(start: Any) -> None:
    times = np.arange(N) % 4
    draw = partial(start_units, jax.random.key(3), n_units=6, start=start, shape=(3, 2))
    ours = draw(jnp.asarray(ROWS), weight_n=jnp.asarray(times, jnp.float32))
    wanted = draw(jnp.asarray(ROWS.repeat(times, 0)))
    np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("start", ["kmeans++", "rows"])
def test_rows_are_drawn_by_their_weights(start: Any) -> None:
    rows = jnp.array([[0.0], [1.0], [2.0], [1000.0]])
    weight = jnp.array([1.0, 1.0, 6.0, 0.0])
    draw = jax.vmap(lambda key: start_units(key, rows, 2, start, weight_n=weight))
    units_s2 = np.asarray(draw(jax.random.split(jax.random.key(0), 2000)))[..., 0]
    assert units_s2.max() == 2
    # Of 2,000 draws the share has a deviation of .0097.
    assert abs((units_s2[:, 0] == 2).mean() - 0.75) < 0.04
