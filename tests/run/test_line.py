"""A net of numbers that begins as a line: ridge regression, on rows and at the net's first step."""

from __future__ import annotations

from types import SimpleNamespace

import jax
import numpy as np
import pytest
from marks import slow
from sklearn.linear_model import LogisticRegression, Ridge

import nets
from nets.line import apply_line
from train.data.dataset import Head
from train.run.line import MAX_LOGIT, fit_line

PRICES = Head("value", "regression", ("low", "high"), (), 2)
HEADS = nets.Heads((nets.HeadShape("value", "regression", 2),), "zeros")


def pool(n: int = 400) -> SimpleNamespace:
    random = np.random.default_rng(0)
    inputs = {
        "numbers": random.normal(size=(n, 3)).astype(np.float32),
        "missing": random.integers(0, 2, (n, 1)).astype(np.float32),
        "codes": random.integers(0, (2, 4), (n, 2)).astype(np.int32),
    }
    target = inputs["numbers"] @ random.normal(size=(3, 2)) + inputs["codes"][:, 1:] % 3
    target += random.normal(size=(n, 2))
    weight = random.choice([0.0, 1.0, 2.0], n).astype(np.float32)
    return SimpleNamespace(inputs=inputs, target={"value": target}, weight=weight)


def features(inputs: dict[str, np.ndarray]) -> np.ndarray:
    codes = [inputs["codes"][:, i : i + 1] == np.arange(size) for i, size in enumerate((2, 4))]
    return np.concatenate([inputs["numbers"], inputs["missing"], *codes], 1)


def test_the_line_is_ridge_regression_on_numbers_flags_and_categories() -> None:
    rows = pool()
    train = np.arange(300)
    line = fit_line(rows, train, [PRICES])
    weight = rows.weight[train] / rows.weight[train][rows.weight[train] > 0].mean()
    ridge = Ridge().fit(features(rows.inputs)[train], rows.target["value"][train], weight)
    found = apply_line(rows.inputs, line)
    np.testing.assert_allclose(found, ridge.predict(features(rows.inputs)), atol=1e-4)
    by_member = {name: np.stack([x[:50], x[50:100]], 1) for name, x in rows.inputs.items()}
    np.testing.assert_allclose(apply_line(by_member, line)[:, 1], found[50:100], atol=1e-6)


def test_of_amounts_the_line_is_that_of_logarithms_counted_from_the_mean() -> None:
    rows = pool()
    rows.target["value"] = np.exp(rows.target["value"])
    rows.target["kind"] = np.arange(400) % 2
    kind = Head("kind", "binary", ("kind",), ("a", "b"), 1)
    train = np.arange(300)[rows.weight[:300] > 0]
    line = fit_line(rows, np.arange(300), [PRICES, kind], by_logs=True)
    amounts = rows.target["value"][train]
    weight = rows.weight[train] / rows.weight[train].mean()
    x = features(rows.inputs)
    ridge = Ridge().fit(x[train], np.log(amounts), weight)
    found = apply_line(rows.inputs, line)
    wanted = ridge.predict(x) - np.log(amounts.mean(0))
    np.testing.assert_allclose(found[:, :2], wanted, atol=1e-4)
    np.testing.assert_allclose(
        found[:, 2:], apply_line(rows.inputs, fit_line(rows, np.arange(300), [kind])), atol=1e-6
    )


def test_of_few_rows_for_their_features_the_line_is_level() -> None:
    line = fit_line(pool(), np.arange(90), [PRICES])
    assert not any(part.any() for part in line.values())


def test_of_classes_the_line_is_logistic_regression_beside_that_of_numbers() -> None:
    rows = pool()
    kind = (rows.target["value"][:, 0] > 0).astype(np.int32)
    rows.target["kind"] = kind
    head = Head("kind", "binary", ("kind",), ("a", "b"), 1)
    line = fit_line(rows, np.arange(400), [PRICES, head])
    model = LogisticRegression(tol=1e-8, max_iter=1000)
    x = features(rows.inputs)
    counted = rows.weight > 0
    model.fit(x[counted], kind[counted], rows.weight[counted] / rows.weight[counted].mean())
    expected = model.decision_function(x)
    shrink = min(1, MAX_LOGIT / np.abs(expected[counted]).max())
    found = apply_line(rows.inputs, line)[:, 2]
    np.testing.assert_allclose(found, shrink * expected, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("amounts", [False, True])
@pytest.mark.parametrize("members", [*slow(None), 3])
def test_a_net_begins_on_its_line(members: int | None, amounts: bool) -> None:
    rows = pool()
    line = fit_line(rows, np.arange(300), [PRICES])
    adapter = None if members is None else nets.Adapter(members)
    heads = (HEADS.heads[0]._replace(amounts=amounts),)
    network = nets.TableNetwork(
        nets.Inputs((1, 3)),
        nets.Dense((4,)),
        nets.Heads(heads, "zeros", members=members),
        scaling="none",
        missing_columns=(0,),
        adapter=adapter,
        log_link=amounts,
        linear_start=True,
    )
    fitted = {"fill": np.zeros(3, np.float32), "seen": np.ones((2, 4), np.float32), "line": line}
    ones = np.ones(2, np.float32)
    scale = {"center": 3 * ones, "scale": 2 * ones, "low": -99 * ones, "high": 99 * ones}
    raw = {name: rows.inputs[name] for name in ("numbers", "codes")}
    raw["numbers"] = np.where(rows.inputs["missing"] > 0, np.nan, raw["numbers"])
    statistics = {"inputs": fitted, "targets": {"value": scale}}
    variables = nets.init_variables(network, jax.random.key(0), raw, statistics)
    answers = network.apply(variables, raw, method="predict")["value"]
    columns = network.apply(variables, raw, method="preprocess")
    of_line = apply_line(columns, line)
    expected = 3 * np.exp(of_line) if amounts else 2 * of_line + 3
    np.testing.assert_allclose(answers, expected, rtol=1e-5, atol=1e-5)
