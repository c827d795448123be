"""`train.export`: what is read back from its files answers as the run's folder does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from exported import assert_same, load_script
from test_old_runs import unpack

from train import export, predict
from train.data.files.read import read_table
from train.errors import UserError
from train.portable import stablehlo

KINDS = ("loft", "house", "castle", "")


def homes(n: int) -> dict[str, list]:
    """Rows with missing, unseen and extreme cells."""
    random = np.random.default_rng(0)
    sizes = np.where(random.random(n) < 0.1, 1e4, 120) * random.random(n)
    days = np.datetime64("1999-12-28") + random.integers(0, 9000, n)
    return {
        "size": [None if i % 7 == 0 else float(size) for i, size in enumerate(sizes)],
        "kind": [KINDS[i] for i in random.integers(0, len(KINDS), n)],
        "built": [None if i % 11 == 0 else str(day) for i, day in enumerate(days)],
        "flag": [("true", "false")[i] for i in random.integers(0, 2, n)],
    }


@pytest.fixture(scope="module")
def run_of_homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack("homes", tmp_path_factory.mktemp("homes"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::train.errors.ReadingWarning")
def test_a_graph_of_a_table_answers_as_the_folder(run_of_homes: Path, tmp_path: Path) -> None:
    export.export(run_of_homes, tmp_path / "net.onnx")
    net = load_script(tmp_path / "predict_onnx.py").Net(str(tmp_path / "net.onnx"))
    rows = homes(1000)
    expected = predict.load(run_of_homes).columns(pa.table(rows))
    assert_same(net(rows), expected)
    one = {name: cells[:1] for name, cells in rows.items()}
    assert net(one)["prediction"][0] == pytest.approx(expected["prediction"][0], rel=1e-5)


@pytest.mark.slow
def test_a_graph_of_sentences_answers_as_the_folder(tmp_path: Path) -> None:
    run = unpack("sentences", tmp_path)
    export.export(run, tmp_path / "net.onnx")
    net = load_script(tmp_path / "predict_onnx.py").Net(str(tmp_path / "net.onnx"))
    table = read_table(str(tmp_path / "sentences.jsonl"), ())
    words = [*table["tokens"].to_pylist()[:99], [], ["unheard", "Z" * 30]]
    model = predict.load(run)
    with pytest.warns(match="1 of 101 sequences are empty"):
        expected = model.columns(pa.table({"tokens": pa.array(words, pa.list_(pa.string()))}))
    found = net({"tokens": words})
    tags = [[tag for tag in row if tag] for row in found.pop("tags").tolist()]
    assert tags == [list(row) for row in expected.pop("tags")]
    assert_same(found, expected)
    longest = net.about["steps"]
    with pytest.raises(ValueError, match=f"{longest + 1} steps, the net takes {longest}"):
        net({"tokens": [["a"] * (longest + 1)]})


def test_the_script_needs_no_jax(run_of_homes: Path, tmp_path: Path) -> None:
    export.export(run_of_homes, tmp_path / "net.onnx")
    code = (
        "import sys, runpy\n"
        "for name in ('jax', 'flax', 'train', 'nets', 'pyarrow', 'onnx'):\n"
        "    sys.modules[name] = None\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    argv = f"sys.argv = {[str(tmp_path / name) for name in ('predict_onnx.py', 'net.onnx')]}"
    rows = run_of_homes.parent / "homes.csv"
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; {argv} + [{str(rows)!r}]\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    recorded = (Path(__file__).parents[1] / "old_runs" / "homes.answers.jsonl").read_text()
    told = [json.loads(line)["prediction"] for line in run.stdout.splitlines()]
    wanted = [json.loads(line)["prediction"] for line in recorded.splitlines()]
    np.testing.assert_allclose(told[:40], wanted, rtol=1e-5)


def test_stablehlo_answers_as_the_folder_and_is_verified(
    run_of_homes: Path, tmp_path: Path
) -> None:
    path = tmp_path / "net.stablehlo"
    export.export(run_of_homes, path)
    model = predict.load(run_of_homes)
    table = read_table(str(run_of_homes.parent / "homes.csv"), ())
    inputs = model.encoder.read(table, "homes").inputs
    exported = stablehlo.load(path)
    wanted = model.ensemble.predict(inputs)
    for name, values in exported.answer(inputs).items():
        np.testing.assert_allclose(values, wanted[name], rtol=1e-5, atol=1e-6)
    assert exported.description["encoder"] == model.encoder.to_json()
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"net\.stablehlo: is damaged"):
        stablehlo.load(path)
    path.write_text("[]")
    with pytest.raises(UserError, match=r"no program that train\.export wrote"):
        stablehlo.load(path)


def test_what_cannot_be_exported_is_one_line(run_of_homes: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--out: expected a file that ends in \.onnx"):
        export.export(run_of_homes, tmp_path / "net.pt")
    with pytest.raises(UserError, match=r"--out: no folder"):
        export.export(run_of_homes, tmp_path / "nowhere" / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_the_card_tells_the_scores_beside_the_baselines(run_of_homes: Path, tmp_path: Path) -> None:
    export.main([f"--workdir={run_of_homes}", f"--out={tmp_path / 'net.safetensors'}"])
    card = (tmp_path / "MODEL_CARD.md").read_text()
    result = json.loads((run_of_homes / "result.json").read_text())
    rmse = f"{result['metrics']['test']['rmse']:.4g}"
    linear = f"{result['baselines']['test']['linear']['rmse']:.4g}"
    assert f"| rmse | {rmse} |" in card and linear in card
    assert "| kind | category |" in card
