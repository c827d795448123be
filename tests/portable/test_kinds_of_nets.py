"""The graph of every kind of net answers as the run's folder, on rows that it was not shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from exported import assert_same, load_script

from train import config as configs
from train import export, loop, predict
from train.data.table.encoder import TableEncoder

CONFIGS = Path(__file__).parents[2] / "configs"
BRIEF = {
    "train.epochs": "2",
    "train.checkpoint_every": "2",
    "train.importance_seconds": "0",
    "train.linear_seconds": "0",
    "train.report": "false",
}
WINE = {"data.path": "builtin:wine", "data.target": "cultivar"}
GRID = '{"net.hidden": ((8,), (16, 8))}'
N = 1000

pytestmark = pytest.mark.slow


def trained(name: str, options: dict[str, str], folder: Path) -> Path:
    config = configs.load(CONFIGS / f"{name}.py", options | BRIEF)
    loop.fit(config, folder)
    return folder


@pytest.mark.filterwarnings("ignore::train.errors.ReadingWarning")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("table", WINE | {"population.folds": "1"}),
        ("table", WINE | {"population.folds": "2", "net.members": "4"}),
        ("diabetes", {"population.grid": GRID, "population.folds": "2"}),
        ("diabetes", {"loss": "quantile"}),
        ("diabetes", {"loss": "gaussian", "data.scaling": "quantile", "net.norm": "layer"}),
        ("digits", {}),
        ("breast_cancer", {}),
        ("course/logic", {}),
        ("clusters", {"data.path": "builtin:iris", "data.label": "species"}),
        ("autoencoder", {}),
    ],
)
def test_of_tables(name: str, options: dict[str, str], tmp_path: Path) -> None:
    folder = trained(name, options, tmp_path / "run")
    model = predict.load(folder)
    random = np.random.default_rng(0)
    rows = {}
    assert isinstance(model.encoder, TableEncoder)
    for column in model.encoder.columns:
        cells = column.shift + column.unit * 3 * random.normal(size=N)
        cells[random.random(N) < 0.05] *= 20
        cells[random.random(N) < 0.1] = np.nan
        rows[column.name] = cells
    export.export(folder, tmp_path / "net.onnx")
    net = load_script(tmp_path / "predict_onnx.py").Net(str(tmp_path / "net.onnx"))
    found = net(rows)
    expected = model.columns(pa.table(rows))
    labels = {n: found.pop(n) for n in list(found) if found[n].dtype.kind in "OUib"}
    for column, values in labels.items():
        same = values == np.asarray(expected.pop(column))
        assert same.mean() >= 0.998, column  # but for ties, which rounding decides
    assert_same(found, expected)


BY_SEGMENTS = {
    "net.decoder": "segments",
    "net.patch": "4",
    "net.patch_units": "6",
    "net.shortcut_period": "4",
    "net.cycle": "week",
    "data.calendar": "true",
}


BY_STEPS = {"net.decoder": "steps", "net.patch": "4"}


@pytest.mark.filterwarnings("ignore::train.errors.ReadingWarning")
@pytest.mark.parametrize("more", [{"data.asinh": "y"}, BY_SEGMENTS, BY_STEPS])
def test_of_a_series_with_a_calendar_and_columns_known_ahead(
    more: dict[str, str], tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    n = 400
    times = np.datetime64("2023-11-20T00", "us") + np.arange(n) * np.timedelta64(1, "h")
    known = random.normal(size=n)
    y = np.sin(np.arange(n) / 4) * 30 + 100 + known
    sizes = {"small": 1e-3, "large": 1e5}  # each with scales of its own
    columns = {
        "y": np.concatenate([y * size for size in sizes.values()]),
        "k": np.tile(known, 2),
        "time": np.tile(times, 2),
        "shop": np.repeat(list(sizes), n),
    }
    path = tmp_path / "series.parquet"
    pq.write_table(pa.table(columns), path)
    options = {
        "data.path": str(path),
        "data.target": "y",
        "data.known": "k",
        "data.time": "time",
        "data.group": "shop",
        "data.signed_log": "k",
        "net.group_size": "3",
        "data.lookback": "24",
        "data.horizon": "6",
        "net.bidirectional": "false",
    }
    folder = trained("series", options | more, tmp_path / "run")
    export.export(folder, tmp_path / "net.onnx")
    net = load_script(tmp_path / "predict_onnx.py").Net(str(tmp_path / "net.onnx"))
    y = y[-30:].copy()
    y[-6:] = np.nan
    y[10] = np.nan
    for shop, size in {**sizes, "new": 70.0}.items():
        rows = {"y": y * size, "k": known[-30:], "time": times[-30:], "shop": [shop] * 30}
        expected = predict.load(folder).columns(pa.table(rows))
        found = net(
            {
                "y.past": [rows["y"][:24]],
                "k.past": [rows["k"][:24]],
                "k.ahead": [rows["k"][24:]],
                "time.past": [times[-30:-6]],
                "time.ahead": [times[-6:]],
                "shop": [shop],
            }
        )
        np.testing.assert_allclose(found["y"][0], expected["y"], rtol=1e-5)
        assert 60 * size < found["y"].min() < found["y"].max() < 140 * size


def sequences(folder: Path) -> Path:
    """Sequences of two numbers a step, of 5 to 50 steps, and which of two kinds they are."""
    random = np.random.default_rng(0)
    lists = []
    labels = []
    for i in range(80):
        steps = random.normal(size=(random.integers(5, 51), 2)).cumsum(0)
        lists.append((steps * (1 + i % 2)).tolist())
        labels.append(("calm", "wild")[i % 2])
    path = folder / "walks.parquet"
    pq.write_table(pa.table({"x": lists, "kind": labels}), path)
    return path


def test_of_sequences_of_numbers(tmp_path: Path) -> None:
    """Two nets of other cells than those of the shipped ones."""
    path = sequences(tmp_path)
    options = {"data.path": str(path), "data.inputs": "x", "data.target": "kind"}
    other = {"net.cell": "gru", "net.merge": "average", "population.seeds": "2"}
    folder = trained("sequences", options | other, tmp_path / "run")
    export.export(folder, tmp_path / "net.onnx")
    net = load_script(tmp_path / "predict_onnx.py").Net(str(tmp_path / "net.onnx"))
    rows = pq.read_table(path).select(["x"])
    found = net(rows.to_pydict())
    expected = predict.load(folder).columns(rows)
    # Rounding may move a step over a threshold of a fixed filter: few rows, and little of each.
    same = np.ones(len(rows), bool)
    for name in [name for name in expected if name.startswith("probability")]:
        away = np.abs(found[name] - np.asarray(expected[name]))
        same &= away < 1e-5
        assert away.max() < 0.05
    assert same.mean() >= 0.97
    assert_same(
        {name: values[same] for name, values in found.items()},
        {name: np.asarray(values)[same] for name, values in expected.items()},
    )


@pytest.mark.filterwarnings("ignore::train.errors.ReadingWarning")
@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [("digits_rows", (8, 8), {}), ("adding", (20, 2), {"data.path": "builtin:adding_20"})],
)
def test_of_shipped_sequences(
    name: str, shape: tuple[int, int], options: dict[str, str], tmp_path: Path
) -> None:
    folder = trained(name, options | {"train.epochs": "1"}, tmp_path / "run")
    random = np.random.default_rng(0)
    values = 8 * random.normal(size=(N, *shape))
    values[random.random(values.shape) < 0.01] *= 1e3
    values[random.random(values.shape) < 0.05] = np.nan
    lengths = random.integers(0, shape[0] + 1, N)
    rows = {"x": [row[:n].tolist() for row, n in zip(values, lengths, strict=True)]}
    export.export(folder, tmp_path / "net.onnx")
    net = load_script(tmp_path / "predict_onnx.py").Net(str(tmp_path / "net.onnx"))
    assert_same(net(rows), predict.load(folder).columns(rows))


@pytest.mark.filterwarnings("ignore::train.errors.ReadingWarning")
def test_of_a_shipped_series(tmp_path: Path) -> None:
    folder = trained("mackey_glass", {"train.epochs": "1"}, tmp_path / "run")
    random = np.random.default_rng(0)
    past = 1 + random.normal(size=(30, 100)).cumsum(1) / 10
    past[random.random(past.shape) < 0.01] *= 1e3
    past[random.random(past.shape) < 0.05] = np.nan
    export.export(folder, tmp_path / "net.onnx")
    net = load_script(tmp_path / "predict_onnx.py").Net(str(tmp_path / "net.onnx"))
    found = net({"x.past": past.tolist()})
    model = predict.load(folder)
    for i, window in enumerate(past):
        expected = model.columns({"x": window, "time": np.arange(100)})
        assert_same({"x": found["x"][i]}, {"x": expected["x"]})


def test_a_net_goes_on_from_step_to_step(tmp_path: Path) -> None:
    path = sequences(tmp_path)
    options = {"data.path": str(path), "data.inputs": "x", "data.target": "kind"}
    plain = {"net.convolutions": "()", "net.patch": "1", "net.own_scale": "false"}
    ahead = {"net.bidirectional": "false", "net.readout": "last", "net.hidden": "(8, 6)"}
    folder = trained("sequences", options | plain | ahead, tmp_path / "run")
    export.export(folder, tmp_path / "net.onnx")
    net = load_script(tmp_path / "predict_onnx.py").Net(str(tmp_path / "net.step.onnx"))
    model = predict.load(folder)
    carry = None
    expected_carry = None
    for step in np.random.default_rng(0).normal(size=(3, 4, 1, 2)):
        found, carry = net.step({"x": step.tolist()}, carry)
        expected, expected_carry = model.step({"x": step.tolist()}, expected_carry)
        assert_same(found, expected)


def test_torch_takes_the_weights_of_an_lstm(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = sequences(tmp_path)
    options = {"data.path": str(path), "data.inputs": "x", "data.target": "kind"}
    plain = {"net.convolutions": "()", "net.patch": "1", "net.own_scale": "false"}
    sizes = {"net.hidden": "(8, 6)", "net.bidirectional": "true", "population.seeds": "1"}
    folder = trained("sequences", options | plain | sizes, tmp_path / "run")
    export.export(folder, tmp_path / "net.safetensors")
    content = (tmp_path / "net.safetensors").read_bytes()
    arrays = read_safetensors(content)
    for layer, n_inputs in ((0, 2), (1, 16)):
        theirs = torch.nn.LSTM(n_inputs, (8, 6)[layer], bidirectional=True, batch_first=True)
        own = {}
        for name, array in arrays.items():
            if name.startswith("lstm.") and f"_l{layer}" in name:
                key = name.removeprefix("lstm.").replace(f"_l{layer}", "_l0")
                own[key] = torch.from_numpy(array.copy())
        theirs.load_state_dict(own)
        variables = predict.load(folder).variables["params"]["lstm"][f"layer_{layer}"]
        x = np.random.default_rng(0).normal(size=(3, 7, n_inputs)).astype(np.float32)
        from nets.recurrence import lstm

        kernels = [
            np.stack([variables[way][name] for way in ("forward", "backward")])
            for name in ("kernel", "recurrent_kernel", "bias")
        ]
        ours, _ = lstm(x, *kernels, reverse=(False, True))
        with torch.no_grad():
            wanted = theirs(torch.from_numpy(x))[0].numpy()
        np.testing.assert_allclose(np.asarray(ours).reshape(3, 7, -1), wanted, atol=2e-6)


def read_safetensors(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of a file of float32 and int32, read by the format's description."""
    import json

    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    body = content[8 + length :]
    types = {"F32": np.float32, "I32": np.int32, "BOOL": np.bool_}
    arrays = {}
    for name, about in header.items():
        if name != "__metadata__":
            begin, end = about["data_offsets"]
            flat = np.frombuffer(body[begin:end], types[about["dtype"]])
            arrays[name] = flat.reshape(about["shape"])
    return arrays
