"""train.results.summary: what a terminal shows at the end."""

from __future__ import annotations

from pathlib import Path

from train.results.summary import summary

ONE = {
    "rows": {"train": 80, "test": 1200},
    "metrics": {
        "train": {"rmse": 0.51234567, "r2": None},
        "test": {"rmse": 123456.7, "r2": float("nan")},
    },
    "baselines": {"test": {"mean": {"rmse": 2.0, "r2": 0.0}}},
    "members": 1,
    "interval": {},
    "n_parameters": 1234,
    "epochs": 7,
    "best_step": 3,
    "steps": 21,
    "seconds": {"total": 1.26, "compile": 0.5, "train": 0.74},
    "examples_per_second": 640.0,
}


def test_a_line_for_each_split_and_baseline_with_their_numbers_below_each_other():
    assert summary(ONE, Path("run")).splitlines() == [
        "                     rmse  r2",
        "train (80 rows)    0.5123   -",
        "test (1200 rows)  123,457   -",
        "  mean, test            2   0",
        "1,234 parameters, 7 epochs; weights of step 3 of 21; 1.3 s "
        "(compile 0.5, train 0.7: 0.12 an epoch)",
        "report: run/report.html",
    ]
    assert "parameters, 1 epoch; " in summary(ONE | {"epochs": 1}, Path("run"))
    undrawn = {**ONE, "report": False}
    assert summary(undrawn, Path("run")).splitlines()[-1] == "folder: run"


def test_a_split_that_is_not_scored_whole_says_of_how_many_rows_its_scores_are():
    lines = summary(ONE | {"sampled": {"train": 20}}, Path("run")).splitlines()
    assert lines[1].startswith("train (20 of 80 rows)") and lines[2].startswith("test (1200 rows)")


def test_a_baseline_that_did_not_see_every_training_row_says_so():
    lines = summary(ONE | {"baselines_fitted_on": {"mean": 20}}, Path("run")).splitlines()
    assert lines[3].startswith("  mean, test (fitted on 20 rows)  ")


def test_of_several_targets_the_means_where_there_are_any():
    several = {"rmse": 1.0, "a.rmse": 1.0, "b.rmse": 1.0}
    one_line = ONE | {"metrics": {"test": several}, "baselines": {}}
    assert summary(one_line, Path("run")).splitlines()[0].split() == ["rmse"]
    only_columns = {name: value for name, value in several.items() if "." in name}
    one_line = one_line | {"metrics": {"test": only_columns}}
    assert summary(one_line, Path("run")).splitlines()[0].split() == ["a.rmse", "b.rmse"]


def test_scores_that_fill_more_than_a_terminal_have_a_line_each():
    scores = {f"a_long_name_of_score_{i}": 0.5 + i for i in range(6)}
    wide = ONE | {"metrics": {"test": scores}, "baselines": {"test": {"last": scores}}}
    lines = summary(wide, Path("run")).splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["test", "last,"],
        ["(1200", "rows)", "test"],
        ["a_long_name_of_score_0", "0.5", "0.5"],
    ]
    assert len({len(line) for line in lines[2:8]}) == 1


def test_of_many_labels_the_means_over_those_that_are_scored():
    scores: dict[str, float | None] = {"tags.f1": 0.5}
    for i in range(30):
        scores |= {f"topics=t{i}.accuracy": i / 10, f"topics=t{i}.auc": None if i else 0.75}
    lines = summary(ONE | {"metrics": {"test": scores}, "baselines": {}}, Path("run")).splitlines()
    names = ["tags.f1", "topics=*.accuracy", "topics=*.auc"]
    assert lines[0].split() == names
    assert lines[1].split()[-3:] == ["0.5", "1.45", "0.75"]
    assert lines[2] == "topics=* is the mean over 30 labels; result.json has each"


def test_of_a_population_the_best_settings():
    settings = []
    for i in range(7):
        settings.append({"value": i / 10, "values": {"net.dropout": i / 10, "seed": i}})
    population = ONE | {
        "members": 14,
        "kept": [0, 1],
        "settings": settings,
        "spread": {"rmse": {"mean": 1.5, "standard_error": 0.25}},
    }
    lines = summary(population, Path("run")).splitlines()
    assert lines[4].startswith("14 nets; ")
    assert lines[4].endswith("; each alone rmse 1.5, standard error 0.25")
    assert lines[5] == "the best 5 of 7 settings, by monitored value:"
    assert lines[6] == "  0  net.dropout=0  seed=0"
    assert lines[10] == "  0.4  net.dropout=0.4  seed=4"
    assert lines[11].startswith("1,234 parameters")
