"""The pictures of docs/course.md, drawn from runs of configs/course.

    python docs/course_pictures.py --runs=runs/course

Trains what is not in that folder yet, some minutes in all, and writes docs/course/NAME.svg.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
from matplotlib.figure import Figure

import nets
from train import config as configs
from train import loop, predict
from train.config import Optim
from train.core.optim import make_optimizer
from train.data.files.builtin import read_builtin
from train.run.log import read_history

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "course"
COLOURS = ("#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1")
BLUE = "#2563eb"
PALE = "#9dbbf7"
INK = "#1f2430"
LINE = "#e3e6ea"
MUTED = "#667080"
STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": LINE,
    "axes.grid": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "white",
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "course",
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.color": MUTED,
    "ytick.labelsize": 8.5,
}


def run(name: str, folder: Path, **changes: str) -> Path:
    """The folder of a finished run of a config of the course."""
    workdir = folder / "-".join([name, *changes.values()])
    if not (workdir / "result.json").exists():
        overrides = {field.replace("__", "."): text for field, text in changes.items()}
        config = configs.load(ROOT / "configs" / "course" / f"{name}.py", overrides)
        loop.fit(config, workdir, verbose=False)
    return workdir


def panels(n: int, height: float = 2.4, width: float = 2.6, columns: int = 4) -> tuple[Any, Any]:
    """A figure and the axes of n panels, so many side by side."""
    across = min(n, columns)
    down = -(-n // across)
    figure = Figure((across * width, down * height), layout="constrained")
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for unused in axes[n:]:
        unused.set_axis_off()
    return figure, axes


def save(figure: Figure, name: str) -> None:
    """Writes a figure that is the same each time it is drawn."""
    OUT.mkdir(exist_ok=True)
    figure.savefig(OUT / f"{name}.svg", metadata={"Date": None}, facecolor="white")


def activations(folder: Path) -> None:
    """Each activation, and its derivative as jax has it."""
    names = ("step", "linear", "sigmoid", "tanh", "relu", "leaky_relu", "gelu", "selu")
    figure, axes = panels(len(names), height=1.9)
    z = np.linspace(-4, 4, 401)
    for ax, name in zip(axes, names, strict=True):
        activate = nets.ACTIVATIONS[name]
        ax.plot(z, activate(jnp.array(z)), color=BLUE, label="activation")
        slope = jax.vmap(jax.grad(lambda x, f=activate: f(x[None])[0]))(jnp.array(z))
        ax.plot(z, slope, color=COLOURS[1], linestyle="--", label="derivative")
        ax.set_title(name, loc="left", fontsize=10)
        ax.set_ylim(-1.6, 2.6)
    axes[0].legend(loc="upper left")
    save(figure, "activations")


def optimizers(folder: Path) -> None:
    """The ways of three optimizers over the loss of a neuron with two weights."""
    table = read_builtin("breast_cancer")
    columns = [table[name].to_numpy() for name in ("mean_radius", "mean_texture")]
    x_nf = np.stack([(column - column.mean()) / column.std() for column in columns], 1)
    x_nf = jnp.array(x_nf) * jnp.array([3.0, 0.7])  # not scaled, for the loss is a ravine then
    y_n = jnp.array([name == "malignant" for name in table["diagnosis"].to_pylist()], float)

    def loss(w_f: jax.Array) -> jax.Array:
        z_n = x_nf @ w_f
        return jnp.mean(jnp.logaddexp(0, z_n) - y_n * z_n)

    figure, (ax,) = panels(1, height=3.4, width=6.4)
    one, two = np.meshgrid(np.linspace(-1.2, 1.6, 80), np.linspace(-2.2, 2.2, 80))
    every = jax.vmap(loss)(jnp.array(np.stack([one.ravel(), two.ravel()], 1)))
    heights = np.quantile(np.asarray(every), np.linspace(0.01, 0.95, 18))
    ax.contour(one, two, np.asarray(every).reshape(one.shape), levels=heights, colors=LINE)
    for (name, rate), colour in zip(
        (("sgd", 0.5), ("rmsprop", 0.05), ("adam", 0.05)),
        (COLOURS[0], COLOURS[2], COLOURS[1]),
        strict=True,
    ):
        optimizer = make_optimizer(Optim(name=name, learning_rate=rate), 80)
        w = {"kernel": jnp.array([-1.0, 1.9])}
        state = optimizer.init(w)
        way = [np.asarray(w["kernel"])]
        for _ in range(80):
            gradient = jax.grad(lambda w: loss(w["kernel"]))(w)
            step, state = optimizer.update(gradient, state, w)
            w = {"kernel": w["kernel"] + step["kernel"]}
            way.append(np.asarray(w["kernel"]))
        ax.plot(*np.stack(way).T, ".-", color=colour, markersize=3, label=f"{name}, rate {rate}")
    ax.plot(-1.0, 1.9, "o", color=INK, label="start")
    ax.set(xlabel="weight of mean_radius", ylabel="weight of mean_texture")
    ax.legend(loc="upper right")
    save(figure, "optimizers")


def width(folder: Path) -> None:
    """Training and validation loss at the end, by the width of the hidden layer."""
    workdir = run("width", folder)
    result = json.loads((workdir / "result.json").read_text())
    history = read_history(workdir)
    last = max(line["step"] for line in history)
    units = {}
    for member in result["per_member"]:
        hidden = member["values"]["net.hidden"]
        units[member["member"]] = hidden[0] if hidden else 0
    figure, (ax,) = panels(1, height=2.8, width=5.4)
    for split, colour in (("train", PALE), ("valid", BLUE)):
        lines = [line for line in history if line["step"] == last and line["split"] == split]
        lines.sort(key=lambda line: units[line["member"]])
        values = [line["loss"] for line in lines]
        ax.plot(range(len(lines)), values, "o-", color=colour, label=split)
    ax.set_xticks(range(len(units)), [str(n) for n in sorted(units.values())])
    ax.set(xlabel="units of each hidden layer (0: a line)", ylabel="loss in the end", ylim=0)
    ax.legend()
    save(figure, "width")


def gates(folder: Path) -> None:
    """The gates and cells of the trained net as it reads one sequence."""
    model = predict.load(run("gates", folder))
    weights = _find(model.variables["params"], "recurrent_kernel")
    x_tf = np.array(read_builtin("adding_20")["x"][-1].as_py(), np.float32)
    found = nets.lstm_gates(
        weights["kernel"], weights["recurrent_kernel"], weights["bias"], jnp.array(x_tf)
    )
    figure, axes = panels(4, height=2.4, width=3.4, columns=2)
    shown = {"input gate": found.input, "forget gate": found.forget, "cell": found.cell}
    ax = axes[0]
    ax.bar(range(len(x_tf)), x_tf[:, 0], color=np.where(x_tf[:, 1] > 0, BLUE, LINE))
    ax.set_title("what is read; marked numbers blue", loc="left", fontsize=10)
    for ax, (name, gate_th) in zip(axes[1:], shown.items(), strict=True):
        bound = 1.0 if "gate" in name else float(np.abs(gate_th).max())
        low = 0.0 if "gate" in name else -bound
        image = ax.imshow(
            np.asarray(gate_th).T, aspect="auto", cmap="RdBu_r" if low else "Blues",
            vmin=low, vmax=bound, interpolation="nearest",
        )  # fmt: skip
        figure.colorbar(image, ax=ax, shrink=0.8)
        ax.set_title(f"{name} of each unit", loc="left", fontsize=10)
        ax.grid(False)
    for ax in axes:
        ax.set_xlabel("step")
    save(figure, "gates")


def _find(params: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The first module that holds a parameter of this name."""
    if name in params:
        return params
    for part in params.values():
        if isinstance(part, Mapping) and (found := _find(part, name)):
            return found
    return {}


def directions(folder: Path) -> None:
    """The tags that both nets give to two sequences which begin alike."""
    sentence = ["a", "b", "<", "c", "d", "a", "a", "c", "b", "d", "a", ">", "c", "b", "a"]
    open_end = [word if word != ">" else "a" for word in sentence]
    figure, axes = panels(2, height=1.9, width=5.0, columns=2)
    rows = []
    for changes in ({}, {"net__bidirectional": "true"}):
        model = predict.load(run("directions", folder, **changes))
        rows.append(model({"tokens": [sentence, open_end]}))
    for ax, words, place in zip(axes, (sentence, open_end), (0, 1), strict=True):
        truth = [s == 0 and 2 < t < 11 for t, s in enumerate([place] * len(words))]
        for y, tags in enumerate((*(row[place] for row in rows), truth)):
            for t, tag in enumerate(tags):
                is_in = tag if isinstance(tag, bool) else tag == "in"
                ax.add_patch(
                    matplotlib.patches.Rectangle(
                        (t - 0.45, y - 0.4), 0.9, 0.8, color=BLUE if is_in else LINE
                    )
                )
        ax.set_xticks(range(len(words)), words)
        ax.set_yticks(range(3), ["LSTM", "biLSTM", "truth"])
        ax.set(xlim=(-0.6, len(words) - 0.4), ylim=(2.6, -0.6))
        ax.grid(False)
    axes[0].set_title('blue: "in" brackets', loc="left", fontsize=10)
    axes[1].set_title("the same beginning, never closed", loc="left", fontsize=10)
    save(figure, "directions")


def clusters(folder: Path) -> None:
    """Flowers in the plane, coloured by the unit that is nearest, and the units."""
    model = predict.load(run("clusters", folder))
    table = read_builtin("iris")
    x_n2 = np.stack([table[name].to_numpy() for name in ("petal_length", "petal_width")], 1)
    answers = model.columns(table)
    cluster_n = np.asarray(answers["cluster"])
    figure, axes = panels(2, height=2.8, width=3.6, columns=2)
    species = table["species"].to_pylist()
    for ax, groups, title in (
        (axes[0], cluster_n.tolist(), "what three units found"),
        (axes[1], species, "species, never shown to them"),
    ):
        for colour, group in zip(COLOURS, sorted(set(groups)), strict=False):
            rows = np.array([own == group for own in groups])
            ax.plot(*x_n2[rows].T, ".", color=colour, label=str(group))
        ax.set(xlabel="petal_length", ylabel="petal_width")
        ax.set_title(title, loc="left", fontsize=10)
        ax.legend(loc="upper left")
    save(figure, "clusters")


def som(folder: Path) -> None:
    """The units of the map as the pictures that they stand for."""
    model = predict.load(run("map", folder))
    units_uf = np.asarray(model.variables["params"]["units"][0])
    used = [column.name for column in model.encoder.columns]
    figure = Figure((5.2, 5.2), layout="constrained")
    axes = figure.subplots(8, 8).ravel()
    for ax, unit_f in zip(axes, units_uf, strict=True):
        picture = np.zeros((8, 8))
        for name, value in zip(used, unit_f, strict=True):
            _, row, column = name.split("_")
            picture[int(row), int(column)] = value
        ax.imshow(picture, cmap="Greys", interpolation="nearest")
        ax.set_axis_off()
    save(figure, "som")


def main() -> None:
    """Draws every picture, or those that are named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", default="runs/course")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    pictures = (activations, optimizers, width, gates, directions, clusters, som)
    with matplotlib.rc_context(STYLE):
        for picture in pictures:
            if not options.names or picture.__name__ in options.names:
                picture(Path(options.runs))


if __name__ == "__main__":
    main()
