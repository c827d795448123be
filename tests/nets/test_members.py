"""Members that share weights against as many nets apart, in float64 by numpy."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, logsumexp, softmax

import nets
from nets.inputs import Inputs
from nets.linear import OwnLinear
from nets.members import Adapter, average_members, member_spread
from train.core.net_members import mean_losses
from train.core.tasks import Task

KEY = jax.random.key(0)
RANDOM = np.random.default_rng(3)
X_BF = RANDOM.normal(size=(6, 5)).astype(np.float32)
VALUE = nets.HeadShape("value", "regression", 2)
KIND = nets.HeadShape("kind", "multiclass", 3)
SEX = nets.HeadShape("sex", "binary", 1)
HEADS = (VALUE, KIND, SEX)


def network(
    members: int | None,
    *,
    layers: bool = False,
    heads: tuple[nets.HeadShape, ...] = HEADS,
    parametrization: str = "ntk",
) -> nets.TableNetwork:
    body = nets.Dense(
        (7, 4),
        "tanh",
        parametrization=parametrization,
        activation_slope=True,
        members=members if layers else None,
    )
    output = nets.Heads(heads, parametrization=parametrization, members=members)
    adapter = None if members is None else Adapter(members)
    return nets.TableNetwork(Inputs(), body, output, scaling="none", adapter=adapter)


def drawn(net: nets.TableNetwork) -> dict:
    """Parameters drawn by numpy: no zeros or ones to hide behind."""
    given = {"statistics": {"inputs": {}, "targets": {}}}
    init = partial(net.apply, train=False, rngs={"params": KEY}, mutable=["params"])
    _, shapes = jax.eval_shape(init, given, {"numbers": X_BF})
    noise = np.random.default_rng(5)
    return jax.tree.map(
        lambda s: jnp.asarray(0.5 * noise.normal(size=s.shape), s.dtype), shapes["params"]
    )


def outputs_of(net: nets.TableNetwork, params: dict, x: np.ndarray, train: bool = False) -> dict:
    variables = {"params": params, "statistics": {"inputs": {}, "targets": {}}}
    return jax.jit(partial(net.apply, train=train))(variables, {"numbers": x})


def member_alone(params: dict, x_bf: np.ndarray, k: int) -> dict[str, np.ndarray]:
    """The k-th member's outputs: a plain net of the kernels r W s, in float64."""

    def array(*path: str) -> np.ndarray:
        found = params
        for name in path:
            found = found[name]
        return np.asarray(found, np.float64)

    h_bh = x_bf.astype(np.float64)
    before = array("adapter", "adapter")[k]
    for i in range(2):
        layer = params["body"][f"layer_{i}"]
        kernel = before[:, None] * array("body", f"layer_{i}", "kernel") / np.sqrt(h_bh.shape[1])
        bias = array("body", f"layer_{i}", "bias")
        if "adapter_out" in layer:
            kernel = kernel * array("body", f"layer_{i}", "adapter_out")[k]
            bias = bias[k]
        z_bh = h_bh @ kernel + bias
        slope = array("body", f"slope_{i}")
        h_bh = z_bh + slope * (np.tanh(z_bh) - z_bh)
        following = params["body"].get(f"layer_{i + 1}", {})
        before = np.ones(h_bh.shape[1])
        if "adapter" in following:
            before = np.asarray(following["adapter"], np.float64)[k]
    found = {}
    for i, head in enumerate(HEADS):
        name = f"head_{i}_{head.name}"
        kernel = array("output", name, "kernel")[k]
        found[head.name] = h_bh @ kernel / np.sqrt(len(kernel)) + array("output", name, "bias")[k]
    return found


@pytest.mark.parametrize("layers", [False, True])
def test_members_are_as_many_nets_with_kernels_of_their_own(layers: bool) -> None:
    members = 3
    net = network(members, layers=layers)
    params = drawn(net)
    shared = outputs_of(net, params, X_BF)
    own_bkf = RANDOM.normal(size=(6, members, 5)).astype(np.float32)
    own = outputs_of(net, params, own_bkf, train=True)
    for k in range(members):
        of_shared = member_alone(params, X_BF, k)
        of_own = member_alone(params, own_bkf[:, k], k)
        for name in of_own:
            for ours, wanted in ((shared, of_shared), (own, of_own)):
                np.testing.assert_allclose(ours[name][k::members], wanted[name], 1e-5, 1e-5)


@pytest.mark.parametrize("layers", [False, True])
def test_one_member_whose_factors_are_one_is_the_plain_net_to_the_last_bit(layers: bool) -> None:
    plain = network(None)
    params = drawn(plain)
    net = network(1, layers=layers)
    own = drawn(net)
    own["adapter"]["adapter"] = jnp.ones((1, 5))
    own["output"] = jax.tree.map(lambda leaf: leaf[None], params["output"])
    for name, layer in params["body"].items():
        own["body"][name] = layer
        if layers and name.startswith("layer"):
            ones = {"adapter_out": jnp.ones_like(layer["bias"])[None], "bias": layer["bias"][None]}
            if name != "layer_0":
                ones["adapter"] = jnp.ones((1, len(layer["kernel"])))
            own["body"][name] = layer | ones
    # Op by op: compiled, a product over members is fused with what stands around it.
    with jax.disable_jit():
        one = outputs_of(net, own, X_BF)
        wanted = outputs_of(plain, params, X_BF)
    for name, outputs in one.items():
        np.testing.assert_array_equal(outputs, wanted[name])


def test_the_gradient_is_that_of_the_mean_of_the_members_losses() -> None:
    """Against jax on a loop over plain nets, each with its slice of what is each member's own."""
    members = 3
    net = network(members, layers=True, heads=(KIND,), parametrization="standard")
    params = drawn(net)
    target = {"kind": jnp.array([0, 2, 1, 1, 0, 2])}
    tasks = (Task(KIND, "categorical_crossentropy"),)

    def together(params: dict) -> jax.Array:
        outputs = outputs_of(net, params, X_BF, train=True)
        return mean_losses(tasks, outputs, target, 0.1, members).sum()

    def in_turns(params: dict) -> jax.Array:
        total = jnp.zeros(())
        for k in range(members):
            h_bh = X_BF * params["adapter"]["adapter"][k][None]
            for i in range(2):
                layer = params["body"][f"layer_{i}"]
                if "adapter" in layer:
                    h_bh = h_bh * layer["adapter"][k][None]
                z_bh = (h_bh @ layer["kernel"]) * layer["adapter_out"][k][None]
                z_bh += layer["bias"][k][None]
                h_bh = z_bh + params["body"][f"slope_{i}"][None] * (jnp.tanh(z_bh) - z_bh)
            head = params["output"]["head_0_kind"]
            logits_bo = h_bh @ head["kernel"][k] + head["bias"][k][None]
            wanted_bo = 0.9 * jax.nn.one_hot(target["kind"], 3) + 0.1 / 3
            total -= (wanted_bo * jax.nn.log_softmax(logits_bo)).sum()
        return total / members

    ours = jax.jit(jax.grad(together))(params)
    wanted = jax.jit(jax.grad(in_turns))(params)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), ours, wanted)


def test_answers_are_the_means_of_the_members() -> None:
    random = np.random.default_rng(1)
    b, k = 5, 4
    value = nets.HeadShape("value", "regression", 2, deviation=True)
    count = nets.HeadShape("count", "regression", 1)
    band = nets.HeadShape("band", "regression", 1, quantiles=(0.1, 0.5, 0.9))
    own = {
        "value": random.normal(size=(b, k, 2)),
        "value.deviation": random.uniform(0.5, 2, size=(b, k, 2)),
        "kind": 30 * random.normal(size=(b, k, 3)),
        "sex": 30 * random.normal(size=(b, k, 1)),
        "band": random.normal(size=(b, k, 1)),
        "band.quantiles": random.normal(size=(b, k, 1, 3)),
    }
    flat = {name: jnp.asarray(a, jnp.float32).reshape(-1, *a.shape[2:]) for name, a in own.items()}
    means = average_members(flat, (value, KIND, SEX, band), k, log_link=False)
    for name in ("value", "band", "band.quantiles"):
        np.testing.assert_allclose(means[name], own[name].mean(1), rtol=1e-5, atol=1e-6)
    mixture = np.sqrt((own["value.deviation"] ** 2).mean(1) + own["value"].var(1, ddof=1))
    np.testing.assert_allclose(means["value.deviation"], mixture, rtol=1e-5)
    kind = softmax(own["kind"], -1).mean(1)
    np.testing.assert_allclose(softmax(means["kind"], -1), kind, rtol=1e-4, atol=1e-7)
    sex = expit(own["sex"]).mean(1)
    np.testing.assert_allclose(expit(means["sex"]), sex, rtol=1e-4, atol=1e-7)
    counts = average_members({"count": flat["band"]}, (count,), k, log_link=True)["count"]
    np.testing.assert_allclose(counts, logsumexp(own["band"], 1) - np.log(k), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        member_spread(flat["value"], k), own["value"].std(1, ddof=1), rtol=1e-5
    )
    np.testing.assert_array_equal(member_spread(flat["value"], 1), 0)


def test_how_far_members_lie_apart_stands_beside_the_answer() -> None:
    net = network(3)
    params = drawn(net)
    scales = {"center": np.array([3.0, 1]), "scale": np.array([2.0, 5])}
    targets = {"value": scales, "kind": {}, "sex": {}}
    statistics = {"inputs": {"fill": np.zeros(5)}, "targets": targets}
    predict = jax.jit(partial(net.apply, method="predict"))
    answers = predict({"params": params, "statistics": statistics}, {"numbers": X_BF})
    by_member = [member_alone(params, X_BF, k) for k in range(3)]
    value_kbo = np.stack([own["value"] for own in by_member]) * scales["scale"] + scales["center"]
    kind_kbo = np.stack([softmax(own["kind"], -1) for own in by_member])
    sex_kb = np.stack([expit(own["sex"])[:, 0] for own in by_member])
    for name, own in (("value", value_kbo), ("kind", kind_kbo), ("sex", sex_kb)):
        np.testing.assert_allclose(answers[name], own.mean(0), rtol=1e-4, atol=1e-6)
        deviation = answers[f"{name}.deviation"]
        np.testing.assert_allclose(deviation, own.std(0, ddof=1), rtol=1e-3, atol=1e-6)


def test_factors_start_as_one_draw_for_all_features_of_a_column() -> None:
    x_b1d = np.ones((1, 1, 6), np.float32)
    widths = (1, 3, 2)
    for start in ("signs", "normal"):
        fresh = Adapter(2000, start).init(KEY, x_b1d, widths)["params"]["adapter"]
        np.testing.assert_array_equal(fresh[:, 1:4], np.repeat(fresh[:, 1:2], 3, axis=1))
        np.testing.assert_array_equal(fresh[:, 4], fresh[:, 5])
        columns = np.asarray(fresh)[:, [0, 1, 4]]
        assert np.abs(columns.mean(0)).max() < 0.08
        np.testing.assert_allclose(np.cov(columns.T), np.eye(3), atol=0.1)
        assert (set(np.unique(columns)) == {-1.0, 1.0}) is (start == "signs")


def test_own_heads_start_as_heads_of_a_plain_net_each() -> None:
    """Glorot's limit is that of one head's inputs and outputs, however many members there are."""
    kernel = OwnLinear(80, 4).init(KEY, np.ones((4, 60), np.float32))["params"]["kernel"]
    assert kernel.shape == (4, 60, 80)
    np.testing.assert_allclose(np.std(kernel, (1, 2)), np.sqrt(2 / 140), rtol=0.04)
    assert abs(np.corrcoef(np.reshape(kernel, (4, -1)))[0, 1]) < 0.05


@pytest.mark.parametrize(
    "embedding", ["none", "piecewise_linear", "piecewise_linear_b", "periodic", "densely_periodic"]
)
def test_the_widths_of_columns_are_those_of_their_features(embedding: str) -> None:
    inputs = Inputs((2, 5, 90), 10, embedding, 6)
    columns = {
        "numbers": jnp.zeros((1, 2)),
        "missing": jnp.zeros((1, 1)),
        "codes": jnp.zeros((1, 3), jnp.int32),
    }
    statistics = {"edges": jnp.tile(jnp.arange(7.0), (2, 1)), "seen": jnp.ones((3, 91))}
    shape = jax.eval_shape(inputs.init_with_output, KEY, columns, statistics)[0].shape
    widths = inputs.widths(columns)
    assert sum(widths) == shape[1] and len(widths) == 6
