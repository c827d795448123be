"""Long sequences of numbers: a net of `configs/sequences.py`, LITE in Keras, and MiniRocket.

    pip install -e ".[bench]" && python bench/sequences.py FOLDER [FOLDER ...] [--epochs 1500]

A folder has train.jsonl and test.jsonl with `x`, one number a step, and `label`; the archive of Dau
et al. (2019) serves. The peers read sequences of other lengths stretched to the longest. Of each
side a line: accuracy on the test file and seconds of all, compilation included. LITE (Ismail-Fawaz
et al. 2023) is written out here with its fixed filters, trained for `--epochs` as in the paper;
MiniRocket (Dempster et al. 2021) in numpy, with scikit-learn's ridge classifier. The peers see each
sequence with mean 0 and deviation 1.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np

from train import config as configs
from train import loop

FEATURES = 9_996  # of MiniRocket
KERNELS = tuple(itertools.combinations(range(9), 3))
MOST_DILATIONS = 32


class Split(NamedTuple):
    """Sequences [n, t], each with mean 0 and deviation 1, and their classes [n]."""

    x: np.ndarray
    y: np.ndarray


def load(folder: Path, name: str, classes: list[str], steps: int = 0) -> Split:
    """A file's sequences of so many steps, or of the longest's; its labels join `classes`."""
    rows = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
    own = [np.array(row["x"], np.float32).reshape(len(row["x"]), -1) for row in rows]
    if own[0].shape[1] > 1:
        raise ValueError(f"{folder}: has several numbers a step; the peers here read one")
    steps = steps or max(map(len, own))
    places = np.linspace(0, 1, steps)
    stretched = [np.interp(places, np.linspace(0, 1, len(x)), x[:, 0]) for x in own]
    x_nt = np.array(stretched, np.float32)
    x_nt -= x_nt.mean(1, keepdims=True)
    x_nt /= x_nt.std(1, keepdims=True) + 1e-8
    for row in rows:
        if str(row["label"]) not in classes:
            classes.append(str(row["label"]))
    return Split(x_nt, np.array([classes.index(str(row["label"])) for row in rows]))


def ours(folder: Path, seed: int) -> float:
    """One net of the config, as the peers are, with nothing else set but paths and columns."""
    data = {"path": f"{folder}/train.jsonl", "test_path": f"{folder}/test.jsonl"}
    data |= {"inputs": "x", "target": "label"}
    overrides = [(f"data.{name}", value) for name, value in data.items()]
    overrides += [("seed", str(seed)), ("population.seeds", "1")]
    config = configs.load("configs/sequences.py", overrides)
    with tempfile.TemporaryDirectory() as workdir:
        return loop.fit(config, workdir)["metrics"]["test"]["accuracy"]


def minirocket(train: Split, test: Split, seed: int) -> float:
    """Shares of positive values of fixed convolutions, and ridge on them."""
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(seed)
    steps = train.x.shape[1]
    per_kernel = FEATURES // len(KERNELS)
    most = min(per_kernel, MOST_DILATIONS)
    exponents = np.linspace(0, np.log2(max((steps - 1) / 8, 1)), most)
    dilations, counts = np.unique((2**exponents).astype(int), return_counts=True)
    counts = counts * (per_kernel // most)
    features: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    place = 0
    for i, (dilation, count) in enumerate(zip(dilations, counts, strict=True)):
        taps = [_taps(split.x, int(dilation)) for split in (train, test)]
        for j, kernel in enumerate(KERNELS):
            values = [3 * tap[list(kernel)].sum(0) - tap.sum(0) for tap in taps]
            if (i + j) % 2:  # every other one without the zeros beyond both ends
                edge = 4 * int(dilation)
                values = [value[:, edge : steps - edge] for value in values]
            row = values[0][random.integers(len(train.x))]
            levels = (np.arange(place, place + count) + 1) * (5**0.5 + 1) / 2 % 1
            place += count
            for split, value in zip(features, values, strict=True):
                for bias in np.quantile(row, levels):
                    split.append((value > bias).mean(1))
    ridge = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-3, 3, 10)))
    ridge.fit(np.stack(features[0], 1), train.y)
    return float((ridge.predict(np.stack(features[1], 1)) == test.y).mean())


def _taps(x_nt: np.ndarray, dilation: int) -> np.ndarray:
    """The nine steps about each [9, n, t], zeros beyond the ends."""
    steps = x_nt.shape[1]
    padded = np.pad(x_nt, ((0, 0), (4 * dilation, 4 * dilation)))
    return np.stack([padded[:, i * dilation : i * dilation + steps] for i in range(9)])


def _fixed_filters() -> list[np.ndarray]:
    """LITE's: increases and decreases of 2 to 64 steps, peaks of 6 to 96."""
    filters = []
    for width in (2, 4, 8, 16, 32, 64):
        signs = np.where(np.arange(width) % 2, 1.0, -1.0)
        filters += [signs, -signs]
    for width in (6, 12, 24, 48, 96):
        left = np.linspace(0, 1, width // 4 + 1)[1:] ** 2
        half = np.concatenate([left, left[::-1]])
        filters.append(np.concatenate([-half, 2 * half, -half]))
    return filters


def lite(train: Split, test: Split, seed: int, epochs: int) -> float:
    """Fixed and learned filters of several widths, then two dilated separable convolutions."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    given = keras.Input((train.x.shape[1], 1))
    parts = []
    for values in _fixed_filters():
        fixed = layers.Conv1D(1, len(values), padding="same", use_bias=False, trainable=False)
        parts.append(fixed(given))
        fixed.set_weights([values[:, None, None].astype(np.float32)])
    parts = [layers.ReLU()(layers.Concatenate()(parts))]
    learned = [layers.Conv1D(32, w, padding="same", use_bias=False)(given) for w in (40, 20, 10)]
    hidden = layers.Concatenate()(learned + parts)
    hidden = layers.ReLU()(layers.BatchNormalization()(hidden))
    for width, dilation in ((20, 2), (10, 4)):
        separable = layers.SeparableConv1D(
            32, width, padding="same", dilation_rate=dilation, use_bias=False
        )
        hidden = layers.ReLU()(layers.BatchNormalization()(separable(hidden)))
    pooled = layers.GlobalAveragePooling1D()(hidden)
    n_classes = int(max(train.y.max(), test.y.max())) + 1
    model = keras.Model(given, layers.Dense(n_classes, activation="softmax")(pooled))
    model.compile("adam", "sparse_categorical_crossentropy")
    slower = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=50, min_lr=1e-4)
    x_nt1 = train.x[..., None]
    model.fit(x_nt1, train.y, 64, epochs, verbose=0, callbacks=[slower])
    answers = model.predict(test.x[..., None], verbose=0)
    return float((answers.argmax(1) == test.y).mean())


def main() -> None:
    """Prints a line for each set and side."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--epochs", type=int, default=1500, help="of LITE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sides", nargs="+", default=["ours", "lite", "minirocket"])
    options = parser.parse_args()
    for folder in options.folders:
        classes: list[str] = []
        train = load(folder, "train", classes)
        test = load(folder, "test", classes, train.x.shape[1])
        sides: dict[str, Callable[[], float]] = {
            "ours": lambda folder=folder: ours(folder, options.seed),
            "lite": lambda a=train, b=test: lite(a, b, options.seed, options.epochs),
            "minirocket": lambda a=train, b=test: minirocket(a, b, options.seed),
        }
        for name in options.sides:
            began = time.perf_counter()
            accuracy = sides[name]()
            seconds = time.perf_counter() - began
            print(f"{folder.name:24} {name:12} {accuracy:.4f} {seconds:7.1f} s", flush=True)


if __name__ == "__main__":
    main()
