"""Our presets beside boosted trees and the nets of others: the same rows, everybody's defaults.

    python bench/tables.py --data=FOLDER [--sets=churn,taxis] [--methods=table,catboost] [--seeds=3]
                           [--out=scores.jsonl] [--python=PYTHON]

FOLDER holds NAME/train.csv and NAME/test.csv for each set; the target is the last column unless
TARGETS names it. Each method is given the same training rows and holds out of them what it wants,
in a process of its own, whose seconds (reading and importing included) and peak memory are told.
A line for each run is added to --out, and runs that are there are not repeated. Methods of others
are `pip install -e ".[bench_tables]"`; --python names the interpreter that has them. The error is
1 - accuracy, or the root of the mean square; the last line is the geometric mean of the ratio to
`table`, over the sets that both have.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(__file__).parents[1]
TARGETS = {
    "adult": "income",
    "churn": "Exited",
    "diamonds": "price",
    "elevators": "target",
    "housing": "median_house_value",
    "pendigits": "digit",
    "taxis": "fare",
}
CLASSES = ("adult", "churn", "pendigits")
OURS = ("table", "table_best")
OTHERS = ("trees", "lightgbm", "catboost", "realmlp", "tabm")


def ours(
    folder: Path, target: str, preset: str, seed: int, options: Sequence[str] = ()
) -> dict[str, float]:
    """The scores of a preset on the test rows, by the command that a user gives."""
    with tempfile.TemporaryDirectory() as work:
        command = [sys.executable, "-m", "train.main", f"--config={ROOT}/configs/{preset}.py"]
        command += [f"--config.data.path={folder}/train.csv", f"--config.data.target={target}"]
        command += [f"--config.data.test_path={folder}/test.csv", f"--config.seed={seed}"]
        command += ["--baselines=none", "--config.train.importance_seconds=0"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(
            [*command, *options, f"--workdir={work}/run"],
            check=True,
            capture_output=True,
            env=environment,
        )
        result = json.loads((Path(work) / "run" / "result.json").read_text())
    return result["metrics"]["test"]


def of_others(folder: Path, target: str, method: str, seed: int) -> dict[str, float]:
    """The scores of a method of others on the test rows."""
    import numpy as np
    import pandas as pd

    frames = [pd.read_csv(folder / f"{part}.csv", na_values=["?", " ?"]) for part in TABLES]
    train, test = (frame.dropna(subset=[target]) for frame in frames)
    x_train = train.drop(columns=target)
    x_test = test.drop(columns=target)
    for column in x_train.columns:
        if not pd.api.types.is_numeric_dtype(x_train[column]):
            # A pandas of text keeps a gap a gap, which is no category.
            train_text, test_text = (x[column].fillna("?").astype(str) for x in (x_train, x_test))
            kind = pd.CategoricalDtype(sorted(train_text.unique()))
            x_train[column] = train_text.astype(kind)
            x_test[column] = test_text.astype(kind)
    is_class = folder.name in CLASSES
    answer = METHODS[method](is_class, seed, x_train, train[target], x_test)
    if not is_class:
        error = np.asarray(answer, np.float64).ravel() - test[target].to_numpy()
        return {"rmse": float(np.sqrt(np.mean(error**2)))}
    right = np.asarray(answer).ravel().astype(str) == test[target].to_numpy().astype(str)
    return {"accuracy": float(right.mean())}


TABLES = ("train", "test")


def trees(is_class: bool, seed: int, x: pd.DataFrame, y: pd.Series, x_test: pd.DataFrame):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    few = [name for name in x if x[name].dtype != "category" or x[name].nunique() < 255]
    kind = HistGradientBoostingClassifier if is_class else HistGradientBoostingRegressor
    model = kind(random_state=seed, categorical_features="from_dtype")
    return model.fit(x[few], y).predict(x_test[few])


def lightgbm(is_class: bool, seed: int, x: pd.DataFrame, y: pd.Series, x_test: pd.DataFrame):
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMClassifier if is_class else LGBMRegressor
    return kind(random_state=seed, verbose=-1).fit(x, y).predict(x_test)


def catboost(is_class: bool, seed: int, x: pd.DataFrame, y: pd.Series, x_test: pd.DataFrame):
    from catboost import CatBoostClassifier, CatBoostRegressor

    names = [name for name in x if x[name].dtype == "category"]
    for frame in (x, x_test):  # a category that training rows lack is a gap by now
        frame[names] = frame[names].astype(object).fillna("?").astype(str)
    kind = CatBoostClassifier if is_class else CatBoostRegressor
    options = {"verbose": False, "allow_writing_files": False, "cat_features": names}
    return kind(random_seed=seed, **options).fit(x, y).predict(x_test)


def realmlp(is_class: bool, seed: int, x: pd.DataFrame, y: pd.Series, x_test: pd.DataFrame):
    """RealMLP-TD; it takes no missing numbers, which are filled by the median."""
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    numbers = [name for name in x if x[name].dtype != "category"]
    middle = x[numbers].median()
    kind = RealMLP_TD_Classifier if is_class else RealMLP_TD_Regressor
    model = kind(device="cpu", random_state=seed, n_threads=os.cpu_count())
    return model.fit(x.fillna(middle), y).predict(x_test.fillna(middle))


def tabm(is_class: bool, seed: int, x: pd.DataFrame, y: pd.Series, x_test: pd.DataFrame):
    """TabM-mini with piecewise-linear embeddings, as TabArena has it."""
    from pytabkit import TabM_D_Classifier, TabM_D_Regressor

    numbers = [name for name in x if x[name].dtype != "category"]
    middle = x[numbers].median()
    kind = TabM_D_Classifier if is_class else TabM_D_Regressor
    model = kind(
        device="cpu",
        random_state=seed,
        n_threads=os.cpu_count(),
        arch_type="tabm-mini",
        num_emb_type="pwl",
        num_emb_n_bins=48,
        d_embedding=16,
        n_blocks=2,
        weight_decay=3e-4,
        gradient_clipping_norm=1.0,
    )
    return model.fit(x.fillna(middle), y).predict(x_test.fillna(middle))


METHODS: dict[str, Callable] = {
    "trees": trees,
    "lightgbm": lightgbm,
    "catboost": catboost,
    "realmlp": realmlp,
    "tabm": tabm,
}


def one(folder: Path, method: str, seed: int, python: str) -> dict[str, object]:
    """A run in a process of its own: its scores, seconds and megabytes."""
    began = time.monotonic()
    interpreter = sys.executable if method in OURS else python
    command = [interpreter, __file__, "--one", str(folder), method, str(seed)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["?"])[-1]
        return {"failed": last}
    scores = json.loads(done.stdout.strip().splitlines()[-1])
    return {**scores, "seconds": round(time.monotonic() - began, 1)}


def run_one(folder: Path, method: str, seed: int) -> None:
    """Prints the scores and the peak memory of this process, or of those that it starts."""
    target = TARGETS.get(folder.name) or (folder / "train.csv").open().readline().split(",")[-1]
    call = ours if method in OURS else of_others
    scores = call(folder, target.strip(), method, seed)
    who = resource.RUSAGE_CHILDREN if method in OURS else resource.RUSAGE_SELF
    print(json.dumps({**scores, "megabytes": resource.getrusage(who).ru_maxrss // 1024}))


def summary(lines: list[dict], methods: list[str]) -> str:
    """A table in Markdown: mean scores of the seeds, seconds and memory, and the mean ratios."""
    sets = list(dict.fromkeys(line["set"] for line in lines))
    rows = [["set", *methods], ["---"] * (len(methods) + 1)]
    errors: dict[tuple[str, str], float] = {}
    for name in sets:
        row = [name]
        for method in methods:
            own = [x for x in lines if x["set"] == name and x["method"] == method]
            own = [x for x in own if "failed" not in x]
            if not own:
                row.append("")
                continue
            metric = "accuracy" if "accuracy" in own[0] else "rmse"
            score = statistics.mean(x[metric] for x in own)
            errors[name, method] = 1 - score if metric == "accuracy" else score
            seconds = statistics.mean(x["seconds"] for x in own)
            row.append(f"{score:.4g} ({seconds:.0f} s, {max(x['megabytes'] for x in own)} MB)")
        rows.append(row)
    last = ["error / that of table"]
    for method in methods:
        both = [s for s in sets if (s, method) in errors and (s, "table") in errors]
        logs = [math.log(errors[s, method] / errors[s, "table"]) for s in both]
        last.append(f"{math.exp(statistics.mean(logs)):.3f} of {len(both)}" if logs else "")
    return "\n".join(f"| {' | '.join(row)} |" for row in [*rows, last])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sets", default=",".join(TARGETS))
    parser.add_argument("--methods", default=",".join((*OURS, *OTHERS)))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("bench-tables.jsonl"))
    parser.add_argument("--python", default=sys.executable)
    given = parser.parse_args()
    if given.one:
        run_one(Path(given.one[0]), given.one[1], int(given.one[2]))
        return
    if given.data is None:
        parser.error("--data: not given; name the folder of the sets")
    methods = given.methods.split(",")
    lines = []
    if given.out.exists():
        lines = [json.loads(line) for line in given.out.read_text().splitlines()]
    done = {(line["set"], line["method"], line["seed"]) for line in lines}
    for name in given.sets.split(","):
        for method in methods:
            for seed in range(given.seeds):
                if (name, method, seed) in done:
                    continue
                found = one(given.data / name, method, seed, given.python)
                lines.append({"set": name, "method": method, "seed": seed, **found})
                with given.out.open("a") as file:
                    print(json.dumps(lines[-1]), file=file)
                print(json.dumps(lines[-1]), flush=True)
    print(summary(lines, methods))


if __name__ == "__main__":
    main()
