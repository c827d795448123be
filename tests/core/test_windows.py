"""Updates on windows of steps, against an LSTM and a loop over its windows written out."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from core_runs import assert_trees_close

from train.config import validate
from train.config.data_options import Sequences, Series, Table
from train.config.net_options import LSTM, Dense
from train.config.options import Config, Optim, Train
from train.core.batch_losses import Window
from train.core.batch_parts import Parts
from train.core.batching import epoch_rows
from train.core.program import Data, Program
from train.core.state import State, Sums, init_state
from train.core.step import train_epoch
from train.core.weights import Weights
from train.core.windows import update_in_windows
from train.data.dataset import Batch
from train.data.load import load_dataset
from train.data.resolve import resolve_config
from train.errors import UserError
from train.run.device_data import to_device
from train.run.in_memory import InMemory
from train.run.prepare import make_program
from train.run.run import Run

T = 4
LENGTHS = (1, 11, 4, 9, 5, 12, 8)
MEAN = sum(LENGTHS) / len(LENGTHS)
L2 = 0.01


def config_of(path: Path, truncate: int | None = T, **data: Any) -> Config:
    return Config(
        data=Sequences(path=str(path), inputs="x", valid=0, test=0, **data),
        net=LSTM(hidden=(3,), readout="last"),
        optim=Optim("sgd", learning_rate=0.5, schedule="cosine", l2=L2),
        train=Train(epochs=3, batch_size=4, truncate=truncate),
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tag at each step, told by the sum so far, and a label by that of all steps."""
    random = np.random.default_rng(0)
    lines = []
    for length in LENGTHS:
        x = random.normal(size=(length, 2))
        tags = ["up" if total > 0 else "down" for total in x.sum(1).cumsum()]
        lines.append(json.dumps({"x": x.tolist(), "tags": tags, "label": tags[-1]}) + "\n")
    path = tmp_path_factory.mktemp("windows") / "steps.jsonl"
    path.write_text("".join(lines))
    return path


def made(config: Config) -> tuple[Program, Data, State]:
    dataset = load_dataset(config)
    config = resolve_config(config, dataset)
    program = make_program(config, dataset)
    fitted = dataset.statistics(dataset.splits["train"], config.data)
    data = to_device(program, dataset, fitted)
    return program, data, InMemory().init(Run(Path(), config, dataset, program, data))


def window_loss(params: Any, batch: Batch, first: int, carry: Any) -> tuple[Any, Any]:
    """The loss of the steps from `first` on; the state they end with, and the loss as a sum."""
    (layer,) = params["lstm"].values()
    weights = layer["forward"]
    tags = params["head_1_tags"]
    steps = (batch.inputs["numbers"], batch.target["tags"])
    h, c = jax.tree.map(jax.lax.stop_gradient, carry)
    total = 0.0
    for t in range(T):
        x, y = (jax.lax.dynamic_index_in_dim(array, first + t, 1, False) for array in steps)
        is_on = (first + t < batch.inputs["length"])[:, None]
        z = x @ weights["kernel"] + h @ weights["recurrent_kernel"] + weights["bias"][None]
        i, f, n, o = jnp.split(z, 4, -1)
        new_c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(n)
        h = jnp.where(is_on, jax.nn.sigmoid(o) * jnp.tanh(new_c), h)
        c = jnp.where(is_on, new_c, c)
        logits = h @ tags["kernel"] + tags["bias"][None]
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None] % 2, 1)
        total -= jnp.where(is_on, chosen, 0).sum() / MEAN
    logit = h @ params["head_0_label"]["kernel"] + params["head_0_label"]["bias"][None]
    costs = jnp.logaddexp(0.0, jnp.where(batch.target["label"][:, None] == 1, -logit, logit))
    ends = (batch.inputs["length"] > first) & (batch.inputs["length"] <= first + T)
    total += jnp.where(ends[:, None], costs, 0).sum()
    leaves = jax.tree_util.tree_leaves_with_path(params)
    squares = [jnp.square(w).sum() for path, w in leaves if "kernel" in str(path[-1])]
    return total / len(batch.weight) * MEAN / T + L2 * sum(squares), ((h, c), total)


@pytest.mark.slow
def test_an_epoch_in_windows_is_a_loop_that_stops_gradients_between_them(path: Path) -> None:
    program, data, state = made(config_of(path, target=("tags", "label")))
    after, sums = jax.jit(partial(train_epoch, program))(data, state)
    gradient = jax.jit(jax.grad(window_loss, has_aux=True))
    params = state.weights.params
    rows_sb, mask_sb = epoch_rows(program, data, jnp.int32(0))
    loss = 0.0
    for step, (rows_b, mask_b) in enumerate(zip(rows_sb, mask_sb, strict=True)):
        batch = program.take(data.arrays, rows_b[mask_b > 0])
        rate = 0.5 * (1 + np.cos(np.pi * step / program.total_steps)) / 2
        carry = (jnp.zeros((len(batch.weight), 3)),) * 2
        for first in range(0, int(batch.inputs["length"].max()), T):
            grads, (carry, total) = gradient(params, batch, first, carry)
            params = jax.tree.map(lambda w, g: w - rate * g, params, grads)  # noqa: B023
            loss += float(total)
    assert_trees_close(after.weights.params, params, rtol=1e-5, atol=1e-5)
    assert int(after.step) == program.steps_per_epoch == 2
    np.testing.assert_allclose([sums["loss"], sums["weight"]], [loss, len(LENGTHS)], rtol=1e-5)
    in_parts = dataclasses.replace(program, parts=Parts(2, 1, exact=True))
    in_parts, _ = jax.jit(partial(train_epoch, in_parts))(data, state)
    assert_trees_close(in_parts.weights.params, params, rtol=1e-5, atol=1e-5)


def test_a_window_in_which_nothing_is_asked_for_changes_no_weight() -> None:
    """A label is asked for where a row ends: here in the first, third and fourth of windows."""
    head = SimpleNamespace(name="label", kind="binary")
    body = SimpleNamespace(initial_carry=lambda n_rows: jnp.zeros((1, n_rows)))
    program: Any = SimpleNamespace(
        window=2,
        tasks=(SimpleNamespace(head=head),),
        network=SimpleNamespace(body=body),
        config=Config(),
    )
    optimizer = optax.sgd(optax.constant_schedule(1.0))
    state = init_state(Weights({"w": jnp.zeros(())}, {}), optimizer, average=False)
    inputs = {"length": jnp.array([0, 7, 6, 8]), "numbers": jnp.arange(36.0).reshape(4, 9, 1)}
    batch = Batch(inputs, {"label": jnp.zeros(4, jnp.int32)}, jnp.ones(4), inputs["length"])
    seen = []

    def descend(data: Any, state: State, batches: Any, window: Window) -> tuple[State, Sums, Any]:
        """Adds 1 to the weight; the carry counts the windows."""
        jax.debug.callback(seen.append, (batches[0].inputs, window))
        weights = Weights({"w": state.weights.params["w"] + 1}, {})
        schedules = jax.tree.map(lambda count: count + 1, state.opt_state)
        after = state.replace(step=state.step + 1, weights=weights, opt_state=schedules)
        sums = Sums(loss=window.ends_b.sum(), weight=jnp.float32(4), penalty=jnp.float32(2))
        return after, sums, window.carry + 1

    data: Any = SimpleNamespace(key=jax.random.key(0), replace=lambda key: key)
    after, sums = update_in_windows(program, data, state, (batch,), descend)
    jax.effects_barrier()
    assert float(after.weights.params["w"]) == 3
    assert int(after.step) == 1 and jax.tree.leaves(after.opt_state) == [1]
    np.testing.assert_allclose([sums["loss"], sums["weight"], sums["penalty"]], [4, 4, 2])
    assert [window.carry[0, 0] for _, window in seen] == [0, 1, 2, 3]
    lengths = [inputs["length"].tolist() for inputs, _ in seen]
    assert lengths == [[0, 2, 2, 2], [0, 2, 2, 2], [0, 2, 2, 2], [0, 1, 0, 2]]
    assert seen[2][0]["numbers"][1, :, 0].tolist() == [13, 14]


def test_rows_within_one_window_are_whole(path: Path) -> None:
    """The same program as without: the same bits."""
    dataset = load_dataset(config_of(path, 12, target="label"))
    assert (
        "config.train.truncate: not used, for the longest training sequence has 12 steps"
        in dataset.notes
    )
    config = resolve_config(config_of(path, 12, target="label"), dataset)
    assert make_program(config, dataset).window is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bidirectional": True}, "config.net.bidirectional: .* of 4 steps; set it to false"),
        ({"convolutions": (6,)}, r"config.net.convolutions: looks ahead.* set it to \(\)"),
        ({"crf": True}, "config.net.crf"),
        ({"own_scale": True}, "config.net.own_scale"),
        ({"fixed_filters": 84}, "config.net.fixed_filters"),
        ({"patch": 2}, "config.net.patch: .* set it to 1"),
        ({"readout": "mean"}, "config.net.readout: mean reads all 12 steps"),
    ],
)
def test_what_reads_beyond_a_window_is_refused(
    path: Path, fields: dict[str, object], message: str
) -> None:
    config = config_of(path, target="label")
    config = dataclasses.replace(config, net=dataclasses.replace(config.net, **fields))
    with pytest.raises(UserError, match=message):
        validate(config)
        load_dataset(config)


def test_windows_are_of_the_steps_of_sequences() -> None:
    train = Train(truncate=4)
    table = Config(data=Table(path="x.csv", target="y"), net=Dense(), train=train)
    series = Config(data=Series(path="x.csv", target="y"), net=LSTM(), train=train)
    for config in (table, series):
        with pytest.raises(UserError, match=r"config.train.truncate: is for .*Sequences"):
            validate(config)


def test_auto_stands_for_nets_that_carry_on(path: Path) -> None:
    def net_of(truncate: int) -> LSTM:
        config = config_of(path, truncate, target="label")
        net = LSTM(bidirectional="auto", readout="auto", patch="auto", convolutions="auto")
        config = dataclasses.replace(config, net=net)
        resolved = resolve_config(config, load_dataset(config)).net
        assert isinstance(resolved, LSTM)
        return resolved

    cut = net_of(4)
    assert (cut.bidirectional, cut.readout, cut.patch, cut.convolutions) == (False, "last", 1, ())
    assert net_of(12).bidirectional and net_of(12).readout == "mean_max_last"
