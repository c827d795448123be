"""docs/serving.md: its service answers as the model does, from many threads at once."""

from __future__ import annotations

import re
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from train import config as configs
from train import export, loop, predict

pytestmark = pytest.mark.slow
PAGE = (Path(__file__).parents[1] / "docs" / "serving.md").read_text()
ROWS = [
    {"size": 0.5, "kind": "a"},
    {"size": None, "kind": "unheard of"},
    {"size": -1.0, "kind": "b"},
]


class Refused(Exception):
    """What stands for FastAPI's exception where it is not installed."""

    def __init__(self, status: int, detail: str):
        super().__init__(status, detail)


def stub_of_fastapi() -> types.ModuleType:
    """What stands for FastAPI where it is not installed: routes are the functions themselves."""
    app = types.SimpleNamespace(post=lambda path: lambda function: function)
    stub = types.ModuleType("fastapi")
    stub.__dict__.update(FastAPI=lambda: app, HTTPException=Refused)
    return stub


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> dict[str, Any]:
    """The names of the page's program, run on a small net; FastAPI itself need not be there."""
    rng = np.random.default_rng(0)
    data = {"size": rng.normal(size=80), "kind": rng.choice(["a", "b"], 80)}
    target = np.where(data["size"] + (data["kind"] == "a") > 0.5, "large", "small")
    run = configs.Config(
        data=configs.Table(target="y", test=0),
        net=configs.Dense(hidden=(8,)),
        train=configs.Train(epochs=3),
    )
    run.train.report = False
    folder = tmp_path_factory.mktemp("served")
    loop.fit(run, folder, data={**data, "y": target}, verbose=False)
    code = re.search(r"```python\n(import os.*?)```", PAGE, re.DOTALL)
    assert code and len(code[1].splitlines()) <= 25
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKDIR", str(folder))
        try:
            import fastapi  # type: ignore[import-not-found]  # noqa: F401
        except ImportError:
            patch.setitem(sys.modules, "fastapi", stub_of_fastapi())
        exec(code[1], names)
    return names | {"folder": folder}


@pytest.mark.filterwarnings("ignore::train.errors.ReadingWarning")
def test_the_service_answers_as_the_model_does(service):
    answers = service["answer"](ROWS)
    model = predict.load(service["folder"])
    assert answers["prediction"] == model(ROWS).tolist()
    share = np.array([answers["probability_large"], answers["probability_small"]])
    np.testing.assert_allclose(share.sum(axis=0), 1)
    with pytest.raises(Exception, match="no column 'kind'") as refused:
        service["answer"]([{"size": 1.0}])
    assert 422 in (*refused.value.args, getattr(refused.value, "status_code", None))


@pytest.mark.filterwarnings("ignore::train.errors.ReadingWarning")
def test_the_service_of_a_graph_answers_as_the_model_does(service, tmp_path, monkeypatch):
    export.export(service["folder"], tmp_path / "net.onnx")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "fastapi", stub_of_fastapi())
    code = re.search(r"```python\n(from fastapi.*?)```", PAGE, re.DOTALL)
    assert code
    names: dict[str, Any] = {}
    exec(code[1], names)
    wanted = service["answer"](ROWS)
    for name, values in names["answer"](ROWS).items():
        if name == "prediction":
            assert values == wanted[name]
        else:
            np.testing.assert_allclose(values, wanted[name], rtol=1e-5)


@pytest.mark.filterwarnings("ignore::train.errors.ReadingWarning")
def test_threads_get_the_same_bits(service):
    alone = service["answer"](ROWS)
    with ThreadPoolExecutor(8) as pool:
        for answers in pool.map(lambda _: service["answer"](ROWS), range(64)):
            assert answers == alone


def test_the_service_is_an_app(service):
    pytest.importorskip("fastapi")
    client = pytest.importorskip("fastapi.testclient").TestClient(service["app"])
    answered = client.post("/predict", json=ROWS[:1])
    assert answered.status_code == 200 and len(answered.json()["prediction"]) == 1
    assert client.post("/predict", json=[{"size": 1.0}]).status_code == 422
