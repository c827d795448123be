"""Runs side by side: who is ranked, what differs, and intervals as scipy and chance have them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from finished_runs import make_run, paired, read_again
from scipy import stats

from train import compare
from train.config import Config, Dense, Optim, Series, Table
from train.errors import UserError
from train.results.comparison.finished import Finished, differing_options, read_runs
from train.results.comparison.paired import Difference, difference, interval
from train.results.comparison.ranked import rank_runs
from train.results.comparison.row_scores import OF_NUMBERS, Rows, mean_score
from train.results.comparison.text import ranking_lines, short_names

N = 300


@pytest.fixture
def drawn():
    rng = np.random.default_rng(0)
    target = rng.normal(100, 20, N)
    return target, target + rng.normal(0, 5, N), target + rng.normal(0, 8, N)


def test_of_means_the_interval_is_that_of_the_paired_t_test(drawn):
    target, good, bad = drawn
    for metric, cost in (("mse", np.square), ("mae", np.abs)):
        score = OF_NUMBERS[metric]
        found = interval(score(Rows(target, bad)), score(Rows(target, good)))
        paired = stats.ttest_rel(cost(bad - target), cost(good - target))
        expected = paired.confidence_interval(0.95)
        assert isinstance(found, Difference)
        np.testing.assert_allclose((found.low, found.high), expected, rtol=1e-9)


def test_of_rmse_the_interval_is_near_the_bootstraps(drawn):
    target, good, bad = drawn
    costs = np.stack([(bad - target) ** 2, (good - target) ** 2])
    found = interval(*(OF_NUMBERS["rmse"](Rows(target, own)) for own in (bad, good)))
    rows = np.random.default_rng(1).integers(N, size=(2000, N))
    drawn_again = np.sqrt(costs[:, rows].mean(2))
    expected = np.quantile(drawn_again[0] - drawn_again[1], (0.025, 0.975))
    assert isinstance(found, Difference) and found.is_one
    np.testing.assert_allclose((found.low, found.high), expected, atol=0.1)


def test_rows_that_are_not_independent_are_taken_together():
    rng = np.random.default_rng(2)
    cost, other = rng.exponential(size=(2, 60))
    once = interval(mean_score(cost), mean_score(other))
    # Each row four times tells no more than once.
    again = interval(mean_score(np.repeat(cost, 4)), mean_score(np.repeat(other, 4)), block=4)
    np.testing.assert_allclose(again[:3], once[:3])
    too_few = interval(mean_score(cost), mean_score(other), block=20)
    assert too_few == "60 shared rows are too few"


def test_runs_are_ranked_and_paired_by_the_rows_that_both_have(tmp_path, drawn):
    target, good, bad = drawn
    wider = Config(
        data=Table(path="homes.csv", target="price"),
        net=Dense(hidden=(8,)),
        optim=Optim(l2=0.5),
    )
    make_run(tmp_path / "bad", bad, target, wider)
    make_run(tmp_path / "good", good, target)
    (tmp_path / "begun").mkdir()
    runs, notes = read_runs([str(path) for path in sorted(tmp_path.iterdir())])
    assert notes == [f"{tmp_path / 'begun'}: no result.json, so it has not ended; left out"]
    (ranking,) = rank_runs(runs, None)
    assert [row.run.folder.name for row in ranking.rows] == ["good", "bad"]
    assert ranking.rows[1].differs == {"net.hidden": "[8]", "optim.l2": "0.5"}
    # The other file's rows in another order, and a third of them only.
    rows = np.random.default_rng(3).permutation(N)[: N // 3]
    part = {"row": rows, "target": target[rows], "prediction": bad[rows]}
    pq.write_table(pa.table(part), tmp_path / "bad" / "predictions.parquet")
    again = paired(tmp_path, "bad", "good", "rmse")
    score = OF_NUMBERS["rmse"]
    own = (score(Rows(target[rows], answers[rows])) for answers in (bad, good))
    expected = interval(*own)
    assert isinstance(again, Difference) and isinstance(expected, Difference)
    assert again.n_rows == N // 3 and again.n_apart == N - N // 3
    assert again.value == pytest.approx(expected.value) and again.low == pytest.approx(expected.low)


def test_what_cannot_be_paired_says_why(tmp_path, drawn):
    target, good, bad = drawn
    make_run(tmp_path / "a", good, target)
    make_run(tmp_path / "b", bad, target + 1)
    make_run(tmp_path / "c", bad[:4], target[:4])
    a, b, c = read_again(tmp_path, "a", "b", "c")
    assert difference(a, b, "rmse") == "its rows have other targets"
    assert str(difference(a, b, "coverage")).startswith("only rmse, mse, mae, r2, accuracy, auc")
    assert difference(a, c, "rmse") == "4 shared rows are too few"
    series = Config(data=Series(path="a.csv", target="y", horizon=24))
    run = Finished(tmp_path, series, a.result)
    assert difference(run, run, "rmse") == "without test rows"


def test_runs_with_other_test_rows_are_said(tmp_path, drawn):
    target, good, bad = drawn
    make_run(tmp_path / "good", good, target)
    make_run(tmp_path / "part", bad[:90], target[:90])
    (ranking,) = rank_runs(read_again(tmp_path, "good", "part"), None)
    said = ranking_lines(ranking)[-1]
    assert said == (
        "  other test rows than good: part; differences are on the 90 rows that both answered, "
        "scores on each run's own"
    )


def test_classes_are_right_or_wrong(tmp_path):
    target = np.array(["yes", "no"] * 50, object)
    wrong = np.where(np.arange(100) < 20, "no", target)
    scores = {"accuracy": 0.9}
    for name, answers in (("right", target), ("wrong", wrong)):
        make_run(tmp_path / name, answers, target, scores=scores)
    found = paired(tmp_path, "wrong", "right", "accuracy")
    assert isinstance(found, Difference)
    assert found.value == pytest.approx(-0.1) and found.is_one and found.n_rows == 100


def test_one_run_of_a_data_set_is_called_one(tmp_path, drawn):
    target, good, _ = drawn
    for name in "ab":
        make_run(tmp_path / name, good, target)
    runs, _ = read_runs([str(path) for path in tmp_path.iterdir()])
    (ranking,) = rank_runs(runs[:1], None)
    assert ranking_lines(ranking)[0] == "homes.csv -> price: 1 run, test rows, by rmse"


def test_the_command_prints_tables_and_writes_a_page(tmp_path, drawn, capsys, monkeypatch):
    target, good, bad = drawn
    spread = {"rmse": {"mean": 6.0, "standard_error": 0.25}}
    make_run(tmp_path / "runs" / "<b>", bad, target, members=3, spread=spread)
    make_run(tmp_path / "runs" / "good", good, target)
    folders = [str(path) for path in (tmp_path / "runs").iterdir()]
    assert compare.main([*folders, "--sort=rmse", f"--page={tmp_path / 'p.html'}"]) == 0
    said = capsys.readouterr().out
    assert "homes.csv -> price: 2 runs, test rows, by rmse" in said
    assert "(each 6 +- 0.25)" in said and "[+" in said
    page = (tmp_path / "p.html").read_text()
    assert "&lt;b&gt;" in page and "<b>" not in page.replace("<b>Validation", "")
    assert page.count("<svg") == 2
    for argv, message in (
        ([], "no folders"),
        (folders[:1], "needs two finished runs"),
        ([*folders, "--sort=rms"], "--sort: no run has 'rms'; did you mean rmse?"),
    ):
        with pytest.raises(UserError, match=message):
            compare.main(argv)


def test_equal_runs_differ_in_nothing(tmp_path, drawn):
    target, good, _ = drawn
    for name in ("a", "b"):
        make_run(tmp_path / name, good, target)
    runs = read_again(tmp_path, "a", "b")
    assert differing_options(runs) == [{}, {}]
    found = difference(runs[0], runs[1], "rmse")
    assert isinstance(found, Difference) and not found.is_one and found.value == 0


def test_names_of_runs_are_short_however_they_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert short_names(["runs/a", "runs/b"]) == ["a", "b"]
    assert short_names(["runs/a", str(tmp_path / "old" / "b")]) == ["runs/a", "old/b"]


@pytest.mark.parametrize("targets", ["load", ("load", "price")])
def test_forecasts_are_paired_by_row_and_step(tmp_path, drawn, targets):
    target, good, bad = drawn
    target = np.where(np.arange(N) % 7 == 3, np.nan, target)
    config = Config(data=Series(path="a.csv", target=targets, horizon=2))
    for name, answers in (("good", good), ("bad", bad)):
        make_run(tmp_path / name, answers, target, config, scores={"rmse": 1.0, "mae": 0.5})
        # As `train.main` writes forecasts; a step without a row of the file has none.
        rows = {"row": [None if i % 7 == 3 else i // 2 + i % 2 for i in range(N)]}
        rows["step"] = 1 + np.arange(N) % 2
        truth = "target" if targets == "load" else "target_load"
        rows |= {truth: target, "load": answers}
        pq.write_table(pa.table(rows), tmp_path / name / "predictions.parquet")
    known = np.isfinite(target)
    metric = "mae" if targets == "load" else "load.mae"
    found = paired(tmp_path, "bad", "good", metric)
    assert isinstance(found, Difference) and found.n_rows == known.sum() and not found.n_apart
    expected = (np.abs(bad - target) - np.abs(good - target))[known].mean()
    assert found.value == pytest.approx(expected)
