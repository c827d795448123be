"""metrics.jsonl and TensorBoard's events: whole lines, whatever stops, fails or resumes a run."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboardX.proto import event_pb2
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

from train.errors import StorageError, UserError
from train.evaluation.metrics.direction import HIGHER_IS_BETTER
from train.run.log import RunLog, Scored, read_history
from train.run.tensorboard import Session, write_end


def evaluate(run, step):
    run.write(
        step,
        step / 4,
        {"train": {"loss": 1 / (step + 1)}, "valid": {"loss": 0.1 * step, "rmse": step**0.5}},
    )


def events(folder):
    """Every event under the folder, in the order written.

    A record of TFRecord is length, crc, content, crc.
    """
    found = []
    for path in sorted(
        (folder / "tensorboard").iterdir(), key=lambda path: int(path.name.rpartition(".")[2])
    ):
        found += read_events(path)
    return found


def read_events(path):
    """Every event of a file."""
    found = []
    data = path.read_bytes()
    place = 0
    while place < len(data):
        (length,) = struct.unpack("<Q", data[place : place + 8])
        found.append(event_pb2.Event.FromString(data[place + 12 : place + 12 + length]))
        place += length + 16
    return found


def test_a_line_is_the_evaluation_of_one_split(tmp_path):
    with RunLog(tmp_path) as run:
        run.write(12, 3, {"train": {"loss": 0.5}, "valid": {"loss": 0.25, "rmse": 53.875}})
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert lines[0] == '{"step": 12, "epoch": 3, "split": "train", "member": 0, "loss": 0.5}'
    assert json.loads(lines[1]) == {
        "step": 12,
        "epoch": 3,
        "split": "valid",
        "member": 0,
        "loss": 0.25,
        "rmse": 53.875,
    }
    assert read_history(tmp_path) == [json.loads(line) for line in lines]


def test_members_are_one_histogram_and_their_mean_in_tensorboard(tmp_path):
    with RunLog(tmp_path) as run:
        run.write_round([Scored(3, 1, {"valid": {"rmse": 1.0 + k}}, k) for k in range(3)])
    shown = {v.tag: v for e in events(tmp_path) for v in e.summary.value}
    assert shown.keys() == {"valid/rmse", "valid/rmse/members"}
    assert shown["valid/rmse"].simple_value == 2
    histogram = shown["valid/rmse/members"].histo
    assert (histogram.num, histogram.min, histogram.max, histogram.sum) == (3, 1, 3, 6)
    assert [line["member"] for line in read_history(tmp_path)] == [0, 1, 2]


def test_the_end_of_a_run_is_a_session_of_hparams_and_texts(tmp_path):
    sessions = [
        Session({}, {}),
        Session({"optim.l2": 0.5, "net.norm": "batch"}, {"end/rmse": 2.0}, "settings/000"),
    ]
    write_end(tmp_path, 40, sessions, {"summary": "rmse  2"})
    (file,) = (tmp_path / "tensorboard").glob("events*")
    text = [value for event in read_events(file) for value in event.summary.value]
    assert [value.tag for value in text] == ["summary/text_summary"]
    assert text[0].tensor.string_val[0] == b"    rmse  2"
    (file,) = (tmp_path / "tensorboard" / "settings" / "000").iterdir()
    found = {v.tag: v for event in read_events(file) for v in event.summary.value}
    assert found["end/rmse"].simple_value == 2
    session = HParamsPluginData.FromString(
        found["_hparams_/session_start_info"].metadata.plugin_data.content
    ).session_start_info
    assert session.hparams["optim.l2"].number_value == 0.5
    assert session.hparams["net.norm"].string_value == "batch"


def test_an_evaluation_is_in_the_file_before_the_run_ends(tmp_path):
    with RunLog(tmp_path) as run:
        evaluate(run, 4)
        assert [line["step"] for line in read_history(tmp_path)] == [4, 4]


def test_numbers_that_are_not_finite_are_null_and_no_event(tmp_path):
    with RunLog(tmp_path) as run:
        run.write(1, 1, {"valid": {"loss": float("nan"), "rmse": float("inf"), "mae": 2.0}})
    assert read_history(tmp_path)[0] == {
        "step": 1,
        "epoch": 1,
        "split": "valid",
        "member": 0,
        "loss": None,
        "rmse": None,
        "mae": 2.0,
    }
    assert "NaN" not in (tmp_path / "metrics.jsonl").read_text()
    assert [value.tag for event in events(tmp_path) for value in event.summary.value] == [
        "valid/mae"
    ]


@pytest.mark.parametrize("torn", [b"", b'{"step": 24, "epo'])
def test_a_resumed_log_is_byte_for_byte_that_of_a_straight_run(tmp_path, torn):
    (tmp_path / "straight").mkdir()
    (tmp_path / "resumed").mkdir()
    with RunLog(tmp_path / "straight") as run:
        for step in range(0, 40, 4):
            evaluate(run, step)
    with RunLog(tmp_path / "resumed") as run:
        for step in range(0, 24, 4):
            evaluate(run, step)
    path = tmp_path / "resumed" / "metrics.jsonl"
    path.write_bytes(path.read_bytes() + torn)
    # The newest checkpoint is older than the last line.
    with RunLog(tmp_path / "resumed", after_step=12) as run:
        for step in range(16, 40, 4):
            evaluate(run, step)
    assert path.read_bytes() == (tmp_path / "straight" / "metrics.jsonl").read_bytes()


def test_a_new_run_starts_an_empty_file(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 0, "loss": 1}\nrubbish\n')
    RunLog(tmp_path).close()
    assert (tmp_path / "metrics.jsonl").read_bytes() == b""


def test_reading_leaves_out_a_torn_line(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 0.5}\n{"step": 2, "lo')
    assert read_history(tmp_path) == [{"step": 1, "loss": 0.5}]
    assert read_history(tmp_path / "nowhere") == []


@pytest.mark.parametrize("line", ["rubbish", "[1]", '{"loss": 1}', "3"])
def test_a_line_no_run_wrote_is_named(tmp_path, line):
    (tmp_path / "metrics.jsonl").write_text(f'{{"step": 1}}\n{line}\n{{"step": 2}}\n')
    with pytest.raises(
        UserError, match=r"metrics\.jsonl, line 2: expected an evaluation in JSON; delete the line"
    ):
        RunLog(tmp_path, after_step=1)


def test_tensorboard_has_each_score_at_its_step(tmp_path):
    with RunLog(tmp_path) as run:
        evaluate(run, 4)
        evaluate(run, 8)
    scalars = [
        (e.step, value.tag, value.simple_value)
        for e in events(tmp_path)
        for value in e.summary.value
    ]
    assert scalars == [
        (4, "train/loss", pytest.approx(0.2)),
        (4, "valid/loss", pytest.approx(0.4)),
        (4, "valid/rmse", 2.0),
        (8, "train/loss", pytest.approx(1 / 9)),
        (8, "valid/loss", pytest.approx(0.8)),
        (8, "valid/rmse", pytest.approx(8**0.5)),
    ]


def test_tensorboard_forgets_what_a_resumed_run_repeats(tmp_path):
    with RunLog(tmp_path) as run:
        evaluate(run, 4)
        evaluate(run, 8)
    with RunLog(tmp_path, after_step=4) as run:
        evaluate(run, 8)
    kept = []
    for event in events(tmp_path):
        # TensorBoard's rule: purge from this step on.
        if event.session_log.status == event_pb2.SessionLog.START:
            kept = [(step, tag) for step, tag in kept if step < event.step]
        kept += [(event.step, value.tag) for value in event.summary.value]
    tags = ["train/loss", "valid/loss", "valid/rmse"]
    assert kept == [(step, tag) for step in (4, 8) for tag in tags]


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path):
    with pytest.raises(
        StorageError, match=r"cannot write .*metrics\.jsonl: No such file or directory"
    ):
        RunLog(tmp_path / "missing")


def test_lines_that_a_full_disk_does_not_take_wait_until_it_does(tmp_path, caplog):
    """Every byte of them, once: also of one that was written in part, as a disk runs full."""
    evaluations = range(1, 6)
    (tmp_path / "other").mkdir()
    with RunLog(tmp_path / "other") as run:
        for step in evaluations:
            evaluate(run, step)

    class Full:
        """A file of which 30 bytes may be written until there is room."""

        def __init__(self, file):
            self.file = file
            self.left = 30

        def write(self, data: bytes) -> int:
            if not self.left:
                raise OSError(28, "No space left on device")
            written = self.file.write(data[: self.left])
            self.left -= written
            return written

        def close(self) -> None:
            self.file.close()

    with RunLog(tmp_path) as run:
        full = run._file = Full(run._file)
        for step in evaluations:
            if step == 4:
                assert run.failure == f"cannot write {run.path}: No space left on device"
                full.left = 10**9
            evaluate(run, step)
        assert run.failure is None
    whole = (tmp_path / "other" / "metrics.jsonl").read_bytes()
    assert (tmp_path / "metrics.jsonl").read_bytes() == whole
    assert caplog.text.count("No space left on device; tried again") == 1


def test_a_disk_that_stays_full_is_a_storage_error_at_the_end(tmp_path):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    run = RunLog(tmp_path)
    with pytest.raises(StorageError, match="No space left on device"), run:
        run._file.close()
        run._file = open("/dev/full", "ab", buffering=0)
        run._tensorboard.write = refuse
        evaluate(run, 4)
        assert run._tensorboard is None
    with pytest.raises(ZeroDivisionError), RunLog(tmp_path) as run:
        run._file.close()
        run._file = open("/dev/full", "ab", buffering=0)
        evaluate(run, 4)
        raise ZeroDivisionError


def test_tensorboard_does_not_bring_torch_with_it(tmp_path):
    pytest.importorskip("torch")
    code = (
        "import sys; from train.run.log import RunLog; assert 'tensorboardX' not in sys.modules\n"
        f"RunLog({str(tmp_path)!r}).close()\n"
        "assert 'tensorboardX' in sys.modules\n"
        "assert not any(name.startswith('torch.') for name in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, cwd=Path(__file__).parents[2]
    )


def test_the_metrics_of_which_more_is_better_are_those_the_metrics_say():
    metrics = pytest.importorskip("train.evaluation.metrics.supervised")
    numbers = pytest.importorskip("train.evaluation.metrics.numbers")
    exact = numbers.regression_metrics([1.0, 2.0], [1.0, 2.0])
    exact |= metrics.binary_metrics([0.0, 1.0], [0, 1]) | metrics.multiclass_metrics(
        [[1.0, 0.0], [0.0, 1.0]], [0, 1]
    )
    two = {
        "cluster": [0, 0, 1, 1],
        "distance": [0.0] * 4,
        "adjacent": [1] * 4,
        "row": [[0.0], [0.0], [9.0], [9.0]],
    }
    exact |= pytest.importorskip("train.evaluation.metrics.clusters").cluster_metrics(
        two, [0, 0, 1, 1]
    )
    assert {name for name, value in exact.items() if value == 1} == HIGHER_IS_BETTER - {
        "token_accuracy",
        "strict_f1",
    }


def test_without_tensorboardx_the_lines_are_written_alone(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    monkeypatch.setitem(sys.modules, "tensorboardX.event_file_writer", None)
    with RunLog(tmp_path) as log:
        log.write(5, 1.0, {"valid": {"loss": 0.5}})
    assert [line["loss"] for line in read_history(tmp_path)] == [0.5]
    assert not (tmp_path / "tensorboard").exists()
