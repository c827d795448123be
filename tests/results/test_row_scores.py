"""Scores row by row: as scikit-learn has them, and a row moves one as leaving it out does."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from finished_runs import make_run, paired
from scipy import stats
from sklearn import metrics

from train.config import Config, Sequences, Series, Table
from train.data.dataset import Head
from train.data.sequences.encoder import SequenceEncoder
from train.data.sequences.tags import TagColumn
from train.data.sequences.text import Vocabulary
from train.data.series.load import load_series
from train.data.table.column import Column
from train.data.table.encoder import TableEncoder
from train.evaluation.metrics.sequences import tag_metrics
from train.results.comparison.paired import Difference, interval
from train.results.comparison.row_scores import OF_CLASSES, OF_NUMBERS, OF_TAGS, Rows, auc

N = 120
TAGS = ("B-a", "I-a", "O")


def of_numbers() -> Rows:
    random = np.random.default_rng(0)
    target = random.normal(50, 5, N)
    return Rows(target, target + random.normal(0, 2, N))


def of_classes(k: int, seed: int = 0) -> Rows:
    random = np.random.default_rng(seed)
    code = random.integers(0, k, N)
    logits = random.normal(size=(N, k)) + 1.5 * np.eye(k)[code]
    probability = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    probability = np.clip(np.round(probability, 1), 1e-3, 0.99)  # with ties
    names = tuple("abcd"[:k])
    target = np.array(names, object)[code]
    return Rows(target, np.array(names, object)[probability.argmax(1)], names, code, probability)


def of_classes_beside_training() -> Rows:
    """No target of the third of four classes, which is answered; some of one that is unknown."""
    rows = of_classes(4)
    assert rows.code is not None
    code = np.where(rows.code == 2, 3, rows.code)
    return rows._replace(code=np.where(np.arange(N) % 5 == 0, 4, code))


def of_tags() -> Rows:
    random = np.random.default_rng(0)
    target = np.empty(N, object)
    answer = np.empty(N, object)
    for row in range(N):
        target[row] = random.choice(TAGS, 6).tolist()
        kept = random.random(6) < 0.7
        drawn = random.choice(TAGS, 6)
        answer[row] = np.where(kept, target[row], drawn).tolist()
    return Rows(target, answer, TAGS)


def without(rows: Rows, row: int) -> Rows:
    left = Rows(np.delete(rows.target, row), np.delete(rows.answer, row), rows.classes)
    if rows.code is None or rows.probability is None:
        return left
    code = np.delete(rows.code, row)
    return left._replace(code=code, probability=np.delete(rows.probability, row, 0))


def scored_by_others(rows: Rows, name: str) -> float:
    if rows.code is None and name in OF_TAGS:
        codes = [
            np.array([[TAGS.index(tag) for tag in tags] for tags in lists])
            for lists in (rows.answer, rows.target)
        ]
        return tag_metrics(codes[0], codes[1], TAGS)[name]
    if rows.code is None:
        squared = metrics.mean_squared_error(rows.target, rows.answer)
        absolute = metrics.mean_absolute_error(rows.target, rows.answer)
        r2 = metrics.r2_score(rows.target, rows.answer)
        return {"mse": squared, "rmse": squared**0.5, "mae": absolute, "r2": r2}[name]
    assert rows.probability is not None
    told = rows.probability.argmax(1)
    known = rows.code < len(rows.classes)
    chosen = np.take_along_axis(rows.probability[known], rows.code[known][:, None], 1)
    match name:
        case "accuracy":
            return metrics.accuracy_score(rows.code, told)
        case "auc":
            return metrics.roc_auc_score(rows.code, rows.probability[:, 1])
        case "f1":
            return metrics.f1_score(rows.code, told)
        case "macro_f1":
            return metrics.f1_score(rows.code, told, average="macro")
    return float(-np.log(chosen).mean())


CASES = [
    *((of_numbers(), name, OF_NUMBERS) for name in OF_NUMBERS),
    *((of_classes(2), name, OF_CLASSES) for name in ("accuracy", "auc", "f1", "log_loss")),
    *((of_classes(4), name, OF_CLASSES) for name in ("accuracy", "macro_f1", "log_loss")),
    *((of_classes_beside_training(), name, OF_CLASSES) for name in ("macro_f1", "log_loss")),
    *((of_tags(), name, OF_TAGS) for name in ("token_accuracy", "f1")),
]


@pytest.mark.parametrize(("rows", "name", "scorers"), CASES)
def test_a_score_is_that_of_others_and_a_row_moves_it_as_much_as_leaving_it_out(
    rows, name, scorers
):
    found = scorers[name](rows)
    assert found.value == pytest.approx(scored_by_others(rows, name), rel=1e-9)
    assert abs(found.influence.mean()) < 1e-9
    for row in range(0, N, 17):
        left_out = scorers[name](without(rows, row)).value
        moved = (N - 1) * (found.value - left_out)
        assert found.influence[row] == pytest.approx(
            moved, rel=0.1, abs=0.05 * found.influence.std()
        )


def test_of_auc_the_interval_is_delongs():
    one = of_classes(2)
    other = one._replace(probability=of_classes(2, 1).probability)
    found = interval(auc(one), auc(other))
    assert one.code is not None
    yes = one.code == 1
    own = []
    others = []
    for rows in (one, other):
        assert rows.probability is not None
        p = rows.probability[:, 1]
        order = (p[yes][:, None] > p[~yes][None]) + 0.5 * (p[yes][:, None] == p[~yes][None])
        own.append(order.mean(1))
        others.append(order.mean(0))
    variance = np.var(own[0] - own[1], ddof=1) / yes.sum()
    variance += np.var(others[0] - others[1], ddof=1) / (~yes).sum()
    assert isinstance(found, Difference)
    assert found.value == pytest.approx(own[0].mean() - own[1].mean())
    width = stats.norm.ppf(0.975) * variance**0.5
    assert found.high - found.value == pytest.approx(width, rel=0.03)


def write_run(folder, encoder, table, config, scores):
    make_run(folder, np.zeros(2), np.zeros(2), config, scores)
    (folder / "encoder.json").write_text(json.dumps(encoder.to_json()))
    pq.write_table(pa.table(table), folder / "predictions.parquet")


def test_runs_of_classes_are_paired_by_auc_and_runs_of_tags_by_f1(tmp_path):
    head = Head("price", "binary", ("price",), ("no", "yes"), 1)
    column = Column("price", "category", vocabulary=("no", "yes"))
    encoder = TableEncoder((), (column,), (head,), (), "standard")
    config = Config(data=Table(path="homes.csv", target="price"))
    label = np.array(["no", "yes"], object)
    for name, seed in (("a", 0), ("b", 1)):
        rows = of_classes(2, seed)
        target = of_classes(2).target
        target = np.where(target == "a", "no", "yes").astype(object)
        assert rows.probability is not None
        yes = rows.probability[:, 1]
        table = {"row": np.arange(N), "target": target, "prediction": label[(yes > 0.5) * 1]}
        table |= {"probability_no": 1 - yes, "probability_yes": yes}
        write_run(tmp_path / name, encoder, table, config, {"auc": 0.5})
    for metric in ("auc", "log_loss", "f1", "accuracy"):
        found = paired(tmp_path, "a", "b", metric)
        assert isinstance(found, Difference), found
    assert paired(tmp_path, "a", "b", "rmse") == "rmse is of numbers"
    assert str(paired(tmp_path, "a", "b", "token_accuracy")).endswith("not of 'price'")

    tags = TagColumn("tags", TAGS, True, "IOB2")
    no_labels = TableEncoder((), (), (), (), "standard")
    sequences = SequenceEncoder((), "x", Vocabulary(("a",)), no_labels, (tags,))
    config = Config(data=Sequences(path="s.jsonl", inputs="x", target="tags"))
    rows = of_tags()
    for name, answer in (("c", rows.answer), ("d", rows.target)):
        table = {"row": np.arange(N), "target": list(rows.target), "prediction": list(answer)}
        write_run(tmp_path / name, sequences, table, config, {"f1": 0.5})
    for metric in ("f1", "token_accuracy"):
        found = paired(tmp_path, "c", "d", metric)
        assert isinstance(found, Difference) and found.is_one and found.value < 0
        assert found.value == pytest.approx(scored_by_others(rows, metric) - 1)


def test_windows_share_steps_also_where_the_config_leaves_their_length_open(tmp_path):
    path = tmp_path / "y.csv"
    path.write_text("y\n" + "\n".join(str(i % 7) for i in range(40)))
    named = Series(path="y.csv", target="y", lookback=8, horizon=2)
    encoder = load_series(replace(named, path=str(path))).encoder
    target, *answers = np.random.default_rng(0).normal(size=(3, N))
    found = []
    for data in (named, replace(named, horizon="auto"), replace(named, horizon=1)):
        for name, answer in zip("ab", answers, strict=True):
            table = {"row": np.arange(N), "target": target, "y": answer}
            folder = tmp_path / f"{data.horizon}"
            write_run(folder / name, encoder, table, Config(data=data), {"rmse": 1.0})
        found.append(paired(folder, "a", "b", "rmse"))
    assert isinstance(found[0], Difference)
    assert found[1] == found[0] != found[2]
