"""`model.apply`: the net as a pure function of its variables and of encoded rows."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from train import config as configs
from train import loop, predict

pytestmark = pytest.mark.slow
ROWS = {"a": [0.1, 0.7, None, 2.0], "b": [1.0, -1.0, 0.5, 0.0]}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    data = {"a": x[:, 0], "b": x[:, 1], "y": 1e6 + 300 * x[:, 0] - 100 * x[:, 1]}
    data["a"][::9] = np.nan
    run = configs.Config(
        data=configs.Table(target="y", test=0),
        net=configs.Dense(hidden=(8,), activation="tanh"),
        train=configs.Train(epochs=2, report=False, linear_seconds=0, importance_seconds=0),
    )
    folder = tmp_path_factory.mktemp("applied")
    loop.fit(run, folder, data=data, verbose=False)
    return predict.load(folder)


def test_what_it_gives_is_what_the_model_answers(model):
    batch = model.encode(ROWS)
    answers = jax.jit(model.apply)(model.variables, batch)
    columns = model.encoder.decode(answers)
    np.testing.assert_allclose(columns["prediction"], model(ROWS), rtol=1e-9)


def test_saliency_is_the_slope_of_the_answer(model):
    batch = model.encode(ROWS)

    def answer(numbers_nf):
        return model.apply(model.variables, {"numbers": numbers_nf})["value"].sum()

    slope_nf = jax.grad(answer)(batch["numbers"])
    step = np.zeros_like(batch["numbers"])
    step[1, 1] = 1e-2
    rise = answer(batch["numbers"] + step) - answer(batch["numbers"] - step)
    assert slope_nf[1, 1] == pytest.approx(float(rise) / 2e-2, rel=0.02)


def test_an_ensemble_is_a_vmap_over_variables(model):
    both = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), model.variables)
    answers = jax.vmap(model.apply, in_axes=(0, None))(both, model.encode(ROWS))["value"]
    assert answers.shape == (2, 4, 1)
    np.testing.assert_allclose(answers[0], answers[1])


def test_a_loop_of_ones_own_needs_nothing_else(model):
    batch = model.encode(ROWS)
    wanted = np.array([[0.5], [-0.5], [0.0], [1.0]], np.float32)
    fixed = {name: tree for name, tree in model.variables.items() if name != "params"}
    optimizer = optax.adam(0.05)

    def loss(params):
        answers = model.apply({"params": params, **fixed}, batch)["value"]
        return jnp.square(answers - wanted).mean()

    @jax.jit
    def update(params, state):
        updates, state = optimizer.update(jax.grad(loss)(params), state)
        return optax.apply_updates(params, updates), state

    params = model.variables["params"]
    state = optimizer.init(params)
    before = loss(params)
    for _ in range(30):
        params, state = update(params, state)
    assert loss(params) < before / 2
