"""A forecast by segments or steps against loops in float64; shortcut of periods, learned cycle."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from small_nets import applied, drawn

import nets
from nets.base import Arrays, Tree, Variables
from nets.batch_axis import part_of_batch

LOOKBACK = 11
HORIZON = 7
PATCH = 3
TARGETS = 2
AHEAD = 5  # a column known ahead, and the sines and cosines of day and week
DAY = 4  # steps of a day
WEEK = 7


def make(**changes) -> nets.Forecaster:
    options = {
        "body": nets.LSTM(hidden=(6, 5)),
        "horizon": HORIZON,
        "n_targets": TARGETS,
        "patch": PATCH,
        "patch_units": 4,
        "decoder": "segments",
        "tells_columns": True,
        "columns": "independent",
        "window": "last",
    }
    return nets.Forecaster(**options | changes)


def batch(n: int = 3) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    steps = np.arange(LOOKBACK + HORIZON) + random.integers(0, 50, n)[:, None]
    angles = 2 * np.pi * np.stack([steps % DAY / DAY, steps // DAY % WEEK / WEEK], 2)
    waves = np.stack([np.sin(angles), np.cos(angles)], 3).reshape(n, -1, 4)
    known = np.concatenate([random.normal(size=(*steps.shape, 1)), waves], 2)
    targets = random.normal(size=(n, LOOKBACK, TARGETS)).cumsum(1)
    past = np.concatenate([targets, known[:, :LOOKBACK]], 2).astype(np.float32)
    return {"past": past, "future": known[:, LOOKBACK:].astype(np.float32)}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def cell(layer: dict, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    weights = layer["forward"]
    gates = x @ weights["kernel"] + h @ weights["recurrent_kernel"] + weights["bias"]
    i, f, g, o = np.split(gates, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def step(params: dict, x: np.ndarray, state: list) -> tuple[np.ndarray, list]:
    after = []
    for layer, (h, c) in zip(params["lstm"].values(), state, strict=True):
        x, c = cell(layer, x, h, c)
        after.append((x, c))
    return x, after


def linear(layer: dict, x: np.ndarray) -> np.ndarray:
    return x @ layer["kernel"] + layer["bias"]


def forecast_of(params: dict, past: np.ndarray, future: np.ndarray, column: int) -> np.ndarray:
    """One window [l, c] and one column of it, segment by segment."""
    last = past[-1, column]
    rows = [np.append(row[column] - last, row[TARGETS:]) for row in past]
    while len(rows) % PATCH:
        rows.insert(0, rows[0])
    state = [(np.zeros(6), np.zeros(6)), (np.zeros(5), np.zeros(5))]
    for begin in range(0, len(rows), PATCH):
        read = np.maximum(linear(params["patch"], np.concatenate(rows[begin : begin + PATCH])), 0)
        _, state = step(params, read, state)
    ahead = list(future)
    while len(ahead) % PATCH:
        ahead.append(ahead[-1])
    answer = []
    inputs = params["segment"]
    for j in range(len(ahead) // PATCH):
        known = np.concatenate(ahead[j * PATCH : (j + 1) * PATCH])
        where = np.concatenate([inputs["place"][j], inputs["column"][column]])
        hidden, _ = step(params, where + linear(inputs["ahead"], known), state)
        answer += linear(params["output"], hidden).tolist()
    return np.array(answer[:HORIZON]) + last


def in_float64(tree: dict) -> dict:
    return {
        name: in_float64(part) if isinstance(part, dict) else np.asarray(part, np.float64)
        for name, part in tree.items()
    }


def test_each_segment_is_one_step_from_the_last_state():
    inputs = batch()
    net = make()
    variables = drawn(net, inputs, train=False)
    params = in_float64(variables["params"])
    found = applied(net, variables, inputs, train=False)["value"].reshape(3, HORIZON, TARGETS)
    past = np.asarray(inputs["past"], np.float64)
    future = np.asarray(inputs["future"], np.float64)
    for b in range(3):
        for column in range(TARGETS):
            wanted = forecast_of(params, past[b], future[b], column)
            np.testing.assert_allclose(found[b, :, column], wanted, rtol=1e-4, atol=1e-5)


def stepped(params: dict, past: np.ndarray, future: np.ndarray, own: list[int]) -> np.ndarray:
    """One window [l, 2 * o + 1 + k], its targets `own` read together: their forecasts [h, w]."""
    last = past[-1, own]
    marks = [TARGETS + column for column in own]
    rows = [np.concatenate([row[own] - last, row[marks], row[2 * TARGETS :]]) for row in past]
    lookback = np.array([row[: len(own)] for row in rows])
    kernels = np.broadcast_to(params["shortcut_kernel"], (len(own), LOOKBACK, HORIZON))
    line = [[lookback[:, w] @ kernels[w][:, h] for w in range(len(own))] for h in range(HORIZON)]
    rows = [rows[0]] * (-LOOKBACK % PATCH) + rows
    state = [(np.zeros(6), np.zeros(6)), (np.zeros(5), np.zeros(5))]
    hidden = np.zeros(5)
    for begin in range(0, len(rows), PATCH):
        read = linear(params["patch"], np.concatenate(rows[begin : begin + PATCH]))
        hidden, state = step(params, np.maximum(read, 0), state)
    patch = rows[-PATCH:]
    ahead = [*future, *[future[-1]] * (-HORIZON % PATCH)]
    line += [line[-1]] * (-HORIZON % PATCH)
    answer = []
    for begin in range(0, len(ahead), PATCH):
        known = ahead[begin : begin + PATCH]
        dense = np.maximum(linear(params["head_0"], np.concatenate([hidden, *known])), 0)
        values = linear(params["output"], dense).reshape(PATCH, -1) + line[begin : begin + PATCH]
        answer += values.tolist()
        none = np.zeros_like(values)
        seen = np.array(patch)[:, 2 * len(own), None]  # of the patch before: not known ahead
        patch = np.concatenate([values, none, seen, known], axis=1)
        read = linear(params["patch"], np.concatenate(patch))
        hidden, state = step(params, np.maximum(read, 0), state)
    return np.array(answer[:HORIZON]) + last


@pytest.mark.parametrize("columns", ["independent", "joint"])
def test_each_step_reads_the_forecast_before_it_and_what_is_known_ahead(columns):
    given = batch()
    targets, known = np.split(given["past"], [TARGETS], axis=2)
    random = np.random.default_rng(2)
    marks = (random.random(targets.shape) < 0.3).astype(np.float32)
    observed = random.normal(size=(*targets.shape[:2], 1)).astype(np.float32)
    past = np.concatenate([targets, marks, observed, known], axis=2)
    inputs = {"past": past, "future": given["future"]}
    net = make(
        columns=columns, decoder="steps", tells_columns=False, head=(4,), shortcut=True, marked=True
    )
    variables = drawn(net, inputs, train=False)
    params = in_float64(variables["params"])
    found = applied(net, variables, inputs, train=False)["value"].reshape(3, HORIZON, TARGETS)
    together = [[0], [1]] if columns == "independent" else [[0, 1]]
    for b in range(3):
        for own in together:
            wanted = stepped(params, past[b].astype(float), inputs["future"][b].astype(float), own)
            np.testing.assert_allclose(found[b][:, own], wanted, rtol=1e-4, atol=1e-5)


def test_steps_of_the_whole_horizon_are_the_direct_answer():
    inputs = batch()
    options = {"body": nets.LSTM(hidden=(3,), bidirectional=True), "patch": HORIZON}
    net = make(decoder="direct", **options)
    variables = drawn(net, inputs, train=False)
    direct = applied(net, variables, inputs, train=False)["value"]
    stepwise = make(decoder="steps", **options)
    steps = applied(stepwise, variables, inputs, train=False)["value"]
    np.testing.assert_allclose(steps, direct, rtol=1e-6, atol=1e-6)


def test_a_column_alone_is_not_told():
    alone = make(columns="joint", body=nets.LSTM(hidden=(2,)))
    variables = drawn(alone, batch(1), train=False)
    assert "column" not in variables["params"]["segment"]


def test_a_part_of_a_batch_drops_what_the_whole_does():
    inputs = batch(4)
    net = make(body=nets.LSTM(hidden=(3, 3), dropout=0.3, recurrent_dropout=0.4), dropout=0.5)
    variables = drawn(net, inputs, train=False)
    rngs = {"dropout": jax.random.key(3)}
    others = {"dropout": jax.random.key(4)}
    whole = applied(net, variables, inputs, train=True, rngs=rngs)["value"]
    drawn_anew = applied(net, variables, inputs, train=True, rngs=others)["value"]
    assert np.abs(whole - drawn_anew).max() > 1e-3

    @jax.jit
    def of_part(variables: Variables, rows: Arrays, index: int) -> jax.Array:
        with part_of_batch(index, None):
            answers: Tree = net.apply(variables, rows, train=True, rngs=rngs)
            return answers["value"]

    for index in range(2):
        rows = {name: x[2 * index : 2 * index + 2] for name, x in inputs.items()}
        found = of_part(variables, rows, index)
        np.testing.assert_allclose(found, whole[2 * index : 2 * index + 2], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("columns", ["joint", "independent"])
def test_a_shortcut_of_a_period_reads_the_same_place_of_each_period(columns):
    period = 4
    cycle = nets.Cycle((nets.Circle(1, WEEK), nets.Circle(2, DAY)), TARGETS)
    net = make(
        decoder="direct", columns=columns, shortcut=True, shortcut_period=period, cycle=cycle
    )
    inputs = batch()
    variables = drawn(net, inputs, train=False)
    params = in_float64(variables["params"])
    variables["params"]["output"] = {
        name: 0 * part for name, part in variables["params"]["output"].items()
    }
    found = applied(net, variables, inputs, train=False)["value"].reshape(3, HORIZON, TARGETS)
    past = np.asarray(inputs["past"], np.float64)
    all_waves = np.concatenate([past[:, :, -4:], np.asarray(inputs["future"])[:, :, -4:]], 1)
    day, week = (
        np.round(np.arctan2(all_waves[..., k], all_waves[..., k + 1]) / (2 * np.pi) * n) % n
        for k, n in ((0, DAY), (2, WEEK))
    )
    values = params["cycle"]["value"][(week * DAY + day).astype(int)]
    kernel = params["shortcut_kernel"]
    for b in range(3):
        last = past[b, -1, :TARGETS]
        read = past[b, :, :TARGETS] - last - values[b, :LOOKBACK]
        read = np.concatenate([read[:1], read])  # 12 rows are three periods
        for column in range(TARGETS):
            own = kernel if columns == "independent" else kernel[column]
            for h in range(HORIZON):
                answer = sum(read[4 * s + h % 4, column] * own[s, h // 4] for s in range(3))
                wanted = answer + values[b, LOOKBACK + h, column] + last[column]
                assert found[b, h, column] == pytest.approx(wanted, rel=1e-4, abs=1e-4)
