"""Paths of weights under Keras' optimizers, and the options that are to give the same ones.

`python tests/keras_paths.py`, where keras is installed (KERAS_BACKEND=jax), writes them anew:
`keras.optimizers.NAME(learning_rate=0.01, **fields).apply([gradient], [variable])`, STEPS times, in
float32, the weights after SHOWN of the steps.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from train.config.options import Optim

STORED = Path(__file__).with_suffix(".json")
STEPS = 50
SHOWN = (1, 2, 5, 20, 50)
RATE = 0.01
START = np.array([0.5, -1.0, 2.0, 0.01, -0.3], np.float32)


class Case(NamedTuple):
    """An optimizer of Keras with its fields, our options, and the size of the gradients."""

    keras: str
    fields: dict[str, float | bool]
    options: Optim
    size: float = 1.0


def _case(name: str, keras: str, fields: dict[str, float | bool] | None = None, **ours) -> Case:
    return Case(keras, fields or {}, Optim(name, learning_rate=RATE, **ours))


CASES = {
    "rmsprop": _case("rmsprop", "RMSprop"),
    "rmsprop, rho": _case("rmsprop", "RMSprop", {"rho": 0.5}, decay=0.5),
    "rmsprop, momentum": _case("rmsprop", "RMSprop", {"momentum": 0.9}, momentum=0.9),
    "sgd": _case("sgd", "SGD"),
    "sgd, momentum": _case("sgd", "SGD", {"momentum": 0.9}, momentum=0.9),
    "sgd, nesterov": _case(
        "sgd", "SGD", {"momentum": 0.9, "nesterov": True}, momentum=0.9, nesterov=True
    ),
    "adam": _case("adam", "Adam"),
    "adam, betas": _case("adam", "Adam", {"beta_1": 0.8, "beta_2": 0.95}, beta1=0.8, beta2=0.95),
    "adamw": _case("adamw", "AdamW", {"weight_decay": 0.1}, weight_decay=0.1),
    "nadam": _case("nadam", "Nadam"),
    "nadam, betas": _case("nadam", "Nadam", {"beta_1": 0.8, "beta_2": 0.95}, beta1=0.8, beta2=0.95),
    "lion": _case("lion", "Lion"),
    "lion, betas": _case("lion", "Lion", {"beta_1": 0.8, "beta_2": 0.95}, beta1=0.8, beta2=0.95),
    "adam, global_clipnorm": _case("adam", "Adam", {"global_clipnorm": 0.5}, clip_norm=0.5),
}
# Where gradients are as small as epsilon it matters where epsilon stands.
for _name in ("rmsprop", "adam", "nadam"):
    CASES[f"{_name}, tiny gradients"] = CASES[_name]._replace(size=1e-6)


def gradients(size: float) -> np.ndarray:
    """Gradients [STEPS, 5] that change their sign, and their size by a factor of some hundreds."""
    steps = np.arange(1, STEPS + 1)[:, None]
    columns = np.arange(1, len(START) + 1)[None]
    return (size * 10 ** np.sin(0.37 * steps) * (0.4 + np.cos(steps * columns))).astype(np.float32)


def keras_path(case: Case) -> list[list[float]]:
    """The weights after SHOWN of the steps, by the installed keras."""
    import keras

    optimizer = getattr(keras.optimizers, case.keras)(learning_rate=RATE, **case.fields)
    variable = keras.Variable(START)
    path = []
    for gradient in gradients(case.size):
        optimizer.apply([gradient], [variable])
        path.append(np.asarray(variable.value, np.float64).tolist())
    return [path[step - 1] for step in SHOWN]


def main() -> None:
    """Writes what the installed keras gives."""
    paths = {name: keras_path(case) for name, case in CASES.items()}
    assert all(math.isfinite(value) for path in paths.values() for row in path for value in row)
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(path)}" for name, path in paths.items())
    STORED.write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
