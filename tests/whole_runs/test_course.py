"""What each config of the course says, shown to be so."""

from __future__ import annotations

import ast
import time
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import nets
from train import config as configs
from train import loop, predict
from train.core.penalties import kernel_weights
from train.data.files.builtin import read_builtin
from train.report.weights import by_depth
from train.run.log import read_history

FOLDER = Path(__file__).parents[2] / "configs" / "course"
FILES = sorted(FOLDER.glob("*.py"))
LIMIT = 60  # seconds that a run may take


def run(name: str, folder: Path, **overrides: str) -> dict[str, Any]:
    """What a run comes to, without what stands beside its scores but constants and the report."""
    changes = {"train.importance_seconds": "0", "train.linear_seconds": "0"}
    changes |= {field.replace("__", "."): text for field, text in overrides.items()}
    started = time.time()
    result: Any = loop.fit(configs.load(FOLDER / f"{name}.py", changes), folder)
    assert time.time() - started < LIMIT
    return result


def page(folder: Path) -> str:
    return (folder / "report.html").read_text()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_config_survives_json_and_states_its_command(path):
    config = configs.load(path)
    assert configs.from_json(configs.to_json(config)) == config
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert (
        docstring is not None
        and f"python -m train.main --config=configs/course/{path.name}" in docstring
    )


def test_a_neuron_decides_by_a_line(tmp_path):
    result = run("neuron", tmp_path / "run")
    assert (
        result["metrics"]["test"]["accuracy"]
        > result["baselines"]["test"]["majority"]["accuracy"] + 0.2
    )
    model = predict.load(tmp_path / "run")
    # Along any straight way through the plane the logit changes evenly.
    way = np.linspace(0, 1, 11)
    columns = model.columns(_table(mean_radius=10 + 5 * way, mean_texture=15 + 8 * way))
    probability = columns["probability_malignant"].astype(np.float64)
    steps = np.diff(np.log(probability) - np.log1p(-probability))
    np.testing.assert_allclose(steps, steps.mean(), rtol=0.01)
    assert "Decisions" in page(tmp_path / "run")


def _table(**columns: Any) -> Any:
    import pyarrow as pa

    return pa.table(columns)


def test_a_perceptron_learns_and_and_or_but_not_xor(tmp_path):
    scores = run("logic", tmp_path / "run")["metrics"]["train"]
    assert scores["and.accuracy"] == scores["or.accuracy"] == 1
    assert scores["xor.accuracy"] <= 0.75  # of four rows a line gets three at the most
    assert page(tmp_path / "run").count("Decisions on") == 3


def test_a_hidden_layer_learns_xor(tmp_path):
    assert run("xor", tmp_path / "run")["metrics"]["train"]["accuracy"] == 1
    answers = predict.load(tmp_path / "run")({"a": [0.0, 0.0, 1.0, 1.0], "b": [0.0, 1.0, 0.0, 1.0]})
    np.testing.assert_array_equal(answers, [0, 1, 1, 0])


@pytest.mark.slow
def test_gradients_of_sigmoids_vanish_where_those_of_relus_do_not(tmp_path):
    ratios = {}
    accuracy = {}
    for activation in ("sigmoid", "relu"):
        folder = tmp_path / activation
        result = run("vanishing", folder, net__activation=activation)
        accuracy[activation] = result["metrics"]["test"]["accuracy"]
        first = read_history(folder)[0]
        norms = [
            first[name]
            for name in by_depth([name for name in first if name.startswith("gradient_norm.")])
        ]
        assert len(norms) == 9
        ratios[activation] = norms[0] / norms[-1]
        assert "Gradients by layer" in page(folder)
    assert ratios["sigmoid"] < 1e-3 and 0.3 < ratios["relu"] < 30
    assert accuracy["relu"] > 0.9 > 0.3 > accuracy["sigmoid"]


@pytest.mark.slow
def test_l1_leaves_exact_zeros_and_l2_small_weights(tmp_path):
    none = {"optim__l1": "0", "optim__l1_step": "gradient"}
    weights = {}
    for name, changes in (("l1", {}), ("l2", {**none, "optim__l2": "0.03"}), ("none", none)):
        result = run("penalty", tmp_path / name, **changes)
        assert result["metrics"]["test"]["accuracy"] > 0.9
        weights[name] = kernel_weights(predict.load(tmp_path / name).variables["params"])
    zeros = {name: int((w == 0).sum()) for name, w in weights.items()}
    assert zeros["l1"] >= 6 and zeros["l2"] == zeros["none"] == 0
    assert np.linalg.norm(weights["l2"]) < 0.6 * np.linalg.norm(weights["none"])
    assert f"{zeros['l1']} of 30 are exactly 0" in page(tmp_path / "l1")


@pytest.mark.slow
def test_gates_remember_what_a_plain_net_forgets(tmp_path):
    for cell in ("lstm", "plain"):
        result = run("memory", tmp_path / cell, net__cell=cell)
        ours = result["metrics"]["test"]["rmse"]
        mean = result["baselines"]["test"]["mean"]["rmse"]
        assert ours < 0.1 * mean if cell == "lstm" else ours > 0.9 * mean
        assert "Predicted against true" in page(tmp_path / cell)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "field"), [("dropout", "net__dropout"), ("augmentation", "augment__noise")]
)
def test_the_gap_between_training_and_test_narrows(name, field, tmp_path):
    gaps = []
    errors = []
    for folder, changes in (("with", {}), ("without", {field: "0"})):
        scores = run(name, tmp_path / folder, **changes)["metrics"]
        gaps.append(scores["test"]["rmse"] - scores["train"]["rmse"])
        errors.append(scores["test"]["rmse"])
    assert gaps[0] < 0.5 * gaps[1] and errors[0] < errors[1]
    model: Any = predict.load(tmp_path / "with")
    row = {
        "age": [59],
        "sex": [2],
        "bmi": [32.1],
        "bp": [101],
        "s1": [157],
        "s2": [93.2],
        "s3": [38],
        "s4": [4],
        "s5": [4.9],
        "s6": [87],
    }
    assert len({float(model(row)[0]) for _ in range(5)}) == 1
    assert "Loss" in page(tmp_path / "with")


def by_setting(result: dict[str, Any], option: str, metric: str) -> dict[Any, float]:
    """{value of an option: the score of its net}."""
    found = {}
    for member in result["per_member"]:
        value = member["values"][option]
        found[tuple(value) if isinstance(value, list) else value] = member["metrics"][metric]
    return found


@pytest.mark.slow
def test_sigmoids_learn_slowly_and_lines_less(tmp_path):
    result = run("activations", tmp_path / "run")
    accuracy = by_setting(result, "net.activation", "accuracy")
    assert accuracy["sigmoid"] < accuracy["step"] < accuracy["relu"]
    assert min(accuracy["relu"], accuracy["gelu"]) > accuracy["linear"]


@pytest.mark.slow
def test_sgd_needs_a_larger_step(tmp_path):
    result = run("optimizers", tmp_path / "run")
    value = {tuple(s["values"].values()): s["value"] for s in result["settings"]}
    assert value["sgd", 1e-3] > 1.05 * max(value["adam", 1e-3], value["rmsprop", 1e-3])
    best = [min(v for (name, _), v in value.items() if name == n) for n in ("sgd", "adam")]
    assert max(best) < 1.05 * min(best)


@pytest.mark.slow
def test_a_narrow_net_cannot_and_a_wide_one_learns_by_heart(tmp_path):
    folder = tmp_path / "run"
    result = run("width", folder)
    number = {}
    for member in result["per_member"]:
        number[tuple(member["values"]["net.hidden"])] = member["member"]
    last = [line for line in read_history(folder) if line["step"] == result["steps"]]
    loss = {(line["split"], line["member"]): line["loss"] for line in last}
    line, fitting, wide = number[()], number[2, 2], number[64, 64]
    assert loss["train", line] > 2 * loss["train", fitting] > 2 * loss["train", wide]
    assert loss["valid", fitting] < 0.9 * min(loss["valid", line], loss["valid", wide])


@pytest.mark.slow
def test_what_follows_is_known_from_both_sides_only(tmp_path):
    """What one side tells of it, .77, test_config_scores.py holds."""
    scores = run("directions", tmp_path / "run", net__bidirectional="true")["metrics"]["test"]
    assert scores["token_accuracy"] > 0.99


@pytest.mark.slow
def test_gates_open_where_numbers_are_marked(tmp_path):
    result = run("gates", tmp_path / "run")
    scores = result["metrics"]["test"]
    assert scores["rmse"] < 0.1 * result["baselines"]["test"]["mean"]["rmse"]
    params = predict.load(tmp_path / "run").variables["params"]
    weights = params["lstm"]["layer_0"]["forward"]
    x_ntf = np.array(read_builtin("adding_20")["x"][-50:].to_pylist(), np.float32)
    opened = []
    for x_tf in x_ntf:
        gates = nets.lstm_gates(
            weights["kernel"], weights["recurrent_kernel"], weights["bias"], jnp.array(x_tf)
        )
        is_marked_t = x_tf[:, 1] > 0
        input_th = np.asarray(gates.input)
        opened.append(input_th[is_marked_t].mean(0) - input_th[~is_marked_t].mean(0))
    # One unit at the least lets a marked number in, and no other.
    assert np.mean(opened, 0).max() > 0.5
