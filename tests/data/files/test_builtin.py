"""The built-in tables against scikit-learn's own loaders."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from sklearn import datasets

from train.data.files import builtin
from train.errors import UserError


def numbers(table: pa.Table) -> np.ndarray:
    return np.stack([column.to_numpy().astype(np.float64) for column in table.columns], axis=1)


def plain(name: str) -> str:
    return name.removesuffix(" (cm)").replace(" ", "_").replace("/od315_of_diluted_wines", "_od315")


@pytest.mark.parametrize(
    ("name", "load", "target"),
    [
        ("breast_cancer", datasets.load_breast_cancer, "diagnosis"),
        ("iris", datasets.load_iris, "species"),
        ("wine", datasets.load_wine, "cultivar"),
    ],
)
def test_classes_are_the_names_that_scikit_learn_has(name, load, target):
    truth = load()
    table = builtin.read_builtin(name)
    assert table.column_names == [*map(plain, truth.feature_names), target]
    np.testing.assert_array_equal(numbers(table.drop_columns(target)), truth.data)
    assert table.column(target).to_pylist() == truth.target_names[truth.target].tolist()


def test_class_names():
    def classes(name: str) -> set[str]:
        return set(builtin.read_builtin(name).columns[-1].to_pylist())

    assert classes("breast_cancer") == {"malignant", "benign"}
    assert classes("iris") == {"setosa", "versicolor", "virginica"}
    assert classes("wine") == {"class_0", "class_1", "class_2"}


def test_diabetes_is_unscaled():
    truth = datasets.load_diabetes(scaled=False)
    table = builtin.read_builtin("diabetes")
    assert table.column_names == [*truth.feature_names, "progression"]
    np.testing.assert_array_equal(numbers(table), np.column_stack([truth.data, truth.target]))
    assert table.column("age").to_pylist()[:3] == [59, 48, 72]


def test_digits():
    truth = datasets.load_digits()
    table = builtin.read_builtin("digits")
    assert table.column_names[:9] == [*(f"pixel_0_{column}" for column in range(8)), "pixel_1_0"]
    np.testing.assert_array_equal(numbers(table), np.column_stack([truth.data, truth.target]))
    np.testing.assert_array_equal(table.column("pixel_3_5").to_numpy(), truth.images[:, 3, 5])
    assert table.column("digit").type == pa.int64()


def test_scikit_learn_is_not_imported():
    code = (
        "import sys; from train.data.files.builtin import NAMES, read_builtin; "
        "tables = [*map(read_builtin, NAMES)]; "
        "assert len(tables) == 5 and min(t.num_rows for t in tables) == 150; "
        "print(sorted({'sklearn', 'scipy', 'jax'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_unknown_name_gets_the_nearest_one():
    with pytest.raises(
        UserError, match=r"^builtin:diabets: no such table; did you mean builtin:diabetes\?$"
    ):
        builtin.read_builtin("diabets")
    with pytest.raises(UserError, match="breast_cancer, diabetes, digits, iris, wine"):
        builtin.read_builtin("mnist")


def test_without_scikit_learn_the_command_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install scikit-learn"):
        builtin.read_builtin("iris")


def test_a_scikit_learn_without_the_file_is_told(monkeypatch, tmp_path):
    spec = importlib.machinery.ModuleSpec("sklearn", None)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(UserError, match=r"no file .*iris\.csv: pip install --upgrade scikit-learn"):
        builtin.read_builtin("iris")
