"""Real tables, from the data files of an installed scikit-learn, which stays unimported.

The values are those of `sklearn.datasets.load_NAME()`; diabetes is the unscaled one
(`scaled=False`).
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes its functions while it is imported: nothing a type checker could see.

from __future__ import annotations

import difflib
import importlib.util
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from train.data.files.generated_sequences import STEPS, adding, brackets, digits_rows
from train.data.files.generated_series import mackey_glass
from train.errors import UserError

GENERATED = ("adding", "brackets", "digits_rows", "logic", "mackey_glass", "wave")
NAMES = ("breast_cancer", "diabetes", "digits", "iris", "wine")

# In the order of the files' columns, as documented in sklearn/datasets/descr/*.rst.
CELL_MEASURES = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave_points",
    "symmetry",
    "fractal_dimension",
)
CELL_COLUMNS = tuple(
    pattern.format(measure)
    for pattern in ("mean_{}", "{}_error", "worst_{}")
    for measure in CELL_MEASURES
)
PIXELS = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))
COLUMNS = {
    "breast_cancer": (*CELL_COLUMNS, "diagnosis"),
    "diabetes": ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
    "digits": (*PIXELS, "digit"),
    "iris": ("sepal_length", "sepal_width", "petal_length", "petal_width", "species"),
    "wine": (
        "alcohol",
        "malic_acid",
        "ash",
        "alcalinity_of_ash",
        "magnesium",
        "total_phenols",
        "flavanoids",
        "nonflavanoid_phenols",
        "proanthocyanins",
        "color_intensity",
        "hue",
        "od280_od315",
        "proline",
        "cultivar",
    ),
}


def read_builtin(name: str) -> pa.Table:
    """One of NAMES, or of GENERATED, as a table; its target is the last column.

    breast_cancer "diagnosis" (malignant, benign), diabetes "progression" (a number), digits "digit"
    (0 to 9), iris "species" (setosa, ...), wine "cultivar" (class_0, ...). Raises UserError for
    another name, or if scikit-learn is not installed.
    """
    if steps := re.fullmatch(r"adding(?:_([1-9]\d{1,3}))?", name):
        return adding(int(steps[1] or STEPS))
    if name == "brackets":
        return brackets()
    if name == "digits_rows":
        return digits_rows(read_builtin("digits"))
    if name == "logic":
        return logic()
    if name == "mackey_glass":
        return mackey_glass()
    if name == "wave":
        return wave()
    if name not in NAMES:
        known = (*NAMES, *GENERATED)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean builtin:{near[0]}?" if near else f"there are {', '.join(known)}"
        raise UserError(f"builtin:{name}: no such table; {hint}")
    if name == "diabetes":
        table = _read("diabetes_data_raw.csv.gz", COLUMNS[name], delimiter=" ")
        target = _read("diabetes_target.csv.gz", ("progression",))
        return table.append_column("progression", target.column(0))
    if name == "digits":
        return _read("digits.csv.gz", COLUMNS[name])
    path = _data_file("wine_data.csv" if name == "wine" else f"{name}.csv")
    # The first line is: rows, features, then the class names that the last column counts from 0.
    with path.open(encoding="utf-8") as file:
        classes = pa.array(file.readline().strip().split(",")[2:])
    table = _read(path.name, COLUMNS[name], skip=1)
    target = table.num_columns - 1
    return table.set_column(target, COLUMNS[name][-1], pc.take(classes, table.column(target)))


def logic() -> pa.Table:
    """The four pairs of truth values, and whether both, at least one and exactly one are true."""
    a = np.array([0, 0, 1, 1])
    b = np.array([0, 1, 0, 1])
    numbers = {"a": a.astype(np.float64), "b": b.astype(np.float64)}
    return pa.table({**numbers, "and": a & b, "or": a | b, "xor": a ^ b})


def wave(seed: int = 0) -> pa.Table:
    """120 points "x" and "y" of sin(2 x), y with noise of deviation .4."""
    random = np.random.default_rng(seed)
    x = random.uniform(-3, 3, 120)
    return pa.table({"x": x, "y": np.sin(2 * x) + 0.4 * random.normal(size=120)})


def _read(file: str, columns: tuple[str, ...], delimiter: str = ",", skip: int = 0) -> pa.Table:
    """A data file with these names for its columns, without its first `skip` lines."""
    return pacsv.read_csv(
        _data_file(file),
        read_options=pacsv.ReadOptions(column_names=columns, skip_rows=skip),
        parse_options=pacsv.ParseOptions(delimiter=delimiter),
    )


def _data_file(name: str) -> Path:
    """Where a data file of scikit-learn is. Raises UserError if there is none."""
    # find_spec of a top-level package finds its folder without running its code, which would take
    # seconds.
    package = importlib.util.find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise UserError(
            "builtin: the tables come with scikit-learn, which is not installed: "
            "pip install scikit-learn"
        )
    path = Path(package.submodule_search_locations[0], "datasets", "data", name)
    if not path.is_file():
        raise UserError(
            f"builtin: this scikit-learn has no file {path}: pip install --upgrade scikit-learn"
        )
    return path
