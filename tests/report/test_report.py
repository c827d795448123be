"""The page of a report: its headlines, tables and sections, and that it is one file."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_pages import Page, make_data, make_history, make_predictions, make_result
from sklearn import metrics as truth

from train.errors import StorageError
from train.report.marks import label
from train.report.page import number
from train.report.report import write_report
from train.report.scores import baseline_in_words, intervals_in_words

NASTY = (
    '<script>alert("1")</script> & $x_1$ \N{CJK UNIFIED IDEOGRAPH-5E74} style="#2563eb" --> </svg>'
)


def write(tmp_path, result, predictions, history=None, importance=None):
    path = tmp_path / "report.html"
    write_report(path, make_data(result, predictions, history, importance))
    return Page(path)


RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.normal(100, 20, (66, 1))
NUMBERS = make_predictions("regression", TRUTH, TRUTH + RANDOM.normal(0, 5, (66, 1)))
SCORES = {"loss": 0.5, "rmse": 53.9, "r2": 0.5}


def make_classes(k, n=400):
    target = np.arange(n) % k
    probability = RANDOM.dirichlet(np.ones(k), n) * 0.7
    probability[np.arange(n), target] += 0.3
    names = [f"class {i}" for i in range(k)]
    if k == 2:
        return make_predictions("binary", target, probability[:, 1], classes=names)
    return make_predictions("multiclass", target, probability, classes=names)


def cells_of_confusion(page):
    """The counts of the drawn confusion, row by row; an empty cell is 0."""
    table = page.source.partition('class="matrix')[2].partition("</table>")[0]
    return [cell or "0" for cell in re.findall("<td[^>]*>([^<]*)</td>", table)]


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (53.875, 3, "53.9"),
        (76, 3, "76.0"),
        (1234567.8, 4, "1,234,568"),
        (0.001234, 3, "0.00123"),
        (0, 4, "0"),
        (-0.5, 2, "-0.50"),
        (3e-6, 3, "3.00e-06"),
        (2.5e11, 3, "2.50e+11"),
        (None, 4, "n/a"),
        (float("nan"), 4, "n/a"),
    ],
)
def test_numbers_have_significant_digits(value, digits, text):
    assert number(value, digits) == text


def test_the_headline_has_every_baseline_from_the_best_down(tmp_path):
    page = write(
        tmp_path, make_result(SCORES, {"mean": {"rmse": 76.0}, "linear": {"rmse": 55.2}}), NUMBERS
    )
    assert "Test rmse 53.9 against 55.2 for a linear model and 76.0 for the mean." in page.text
    # 1.3 of 55.2.
    assert "The net is 2.4% better than the best baseline, a linear model." in page.text


def test_the_headline_admits_defeat(tmp_path):
    page = write(
        tmp_path, make_result(SCORES, {"mean": {"rmse": 76.0}, "linear": {"rmse": 49.5}}), NUMBERS
    )
    assert "The net does not beat a linear model: it is 8.9% worse." in page.text
    page = write(tmp_path, make_result(SCORES, {"mean": {"rmse": 53.9}}), NUMBERS)
    assert "The net does not beat the mean: it is the same." in page.text


def test_a_table_gives_shares_in_decimals_and_errors_in_digits(tmp_path):
    result = make_result(
        {"rmse": 0.0012345, "r2": 0.5}, {"mean": {"rmse": 1234.5678, "r2": -0.0002262}}, notes=[]
    )
    page = write(tmp_path, result, NUMBERS)
    assert {"1,235", "-0.0002"} <= set(page.within("td"))
    assert {"0.001234", "0.5000"} <= set(page.within("b"))
    assert "Notes on the data" not in page.within("h2")  # there is nothing to note


def test_more_scores_than_fit_side_by_side_stand_below_one_another(tmp_path):
    scores = {f"score_{i}": float(i + 1) for i in range(9)} | {"rmse": 40.0}
    result = make_result(scores, {"mean": {"rmse": 76.0, "score_0": 0.5}})
    head = write(tmp_path, result, NUMBERS).source.partition("</header>")[0]
    heads = re.findall(r"<thead><tr>(.*?)</tr>", head)
    names = ["", "this net", "the mean", "this net, validation", "this net, training"]
    # Two tables, alike in what is scored, share the ten scores.
    assert [re.findall(r"<th>(.*?)</th>", each) for each in heads] == [names, names]
    assert "rmse</th><td><b>40.00</b></td><td>76.00</td><td>40.00</td><td>40.00</td>" in head
    assert "score_<wbr>0</th><td>1.000</td><td><b>0.5000</b></td>" in head


def test_the_commonest_tag_of_a_word_is_no_class():
    assert baseline_in_words("majority", "entities") == "each word's most frequent tag"
    assert baseline_in_words("majority", "binary") == "the most frequent class"
    assert baseline_in_words("last", "tags") == "the last value"


def test_of_shares_more_is_better(tmp_path):
    scores = {"loss": 0.4, "accuracy": 0.90, "log_loss": 0.3}
    majority = {"accuracy": 0.55, "log_loss": 0.69}
    baselines = {"majority": majority, "linear": {"accuracy": 0.93, "log_loss": 0.4}}
    page = write(
        tmp_path, make_result(scores, baselines), make_classes(2), make_history("accuracy")
    )
    assert (
        "Test accuracy 0.900 against 0.930 for a linear model and 0.550 for the most "
        "frequent class."
    ) in page.text
    assert "The net does not beat a linear model: it is 3.0 points worse." in page.text
    # The winners of the table, each its way.
    assert "0.9300" in page.within("b") and "0.3000" in page.within("b")
    assert "0.9000" not in page.within("b") and "0.4000" not in page.within("b")


def test_the_score_that_counts_is_told_first(tmp_path):
    scores = {"loss": 0.4, "accuracy": 0.90, "log_loss": 0.3}
    linear = {"accuracy": 0.93, "log_loss": 0.4}
    result = make_result(scores, {"linear": linear})
    task = {"columns": ["y"], "kind": "binary", "loss": "binary_crossentropy"}
    result["task"] = {"y": task | {"metric": "log_loss"}}
    page = write(tmp_path, result, make_classes(2), make_history("log_loss"))
    assert "Test log_loss 0.300 against 0.400 for a linear model." in page.text
    assert "The net is 25% better than the best baseline, a linear model." in page.text


def test_of_shares_more_is_better_behind_a_targets_name_too(tmp_path):
    scores = {"a.rmse": 2.0, "a.r2": 0.8, "b.rmse": 6.0, "b.r2": 0.3}
    linear = {"a.rmse": 4.0, "a.r2": 0.6, "b.rmse": 5.0, "b.r2": 0.4}
    both = np.repeat(TRUTH, 2, axis=1)
    numbers = make_predictions("regression", both, both + 1, ["a", "b"])
    page = write(tmp_path, make_result(scores, {"linear": linear}), numbers)
    bold = page.within("b")
    for better, worse in (("0.8000", "0.6000"), ("0.4000", "0.3000"), ("5.000", "6.000")):
        assert better in bold and worse not in bold


def test_close_scores_are_told_apart(tmp_path):
    scores = {"accuracy": 0.9871, "loss": 0.1}
    page = write(tmp_path, make_result(scores, {"linear": {"accuracy": 0.9874}}), make_classes(3))
    assert "Test accuracy 0.9871 against 0.9874 for a linear model." in page.text


@pytest.mark.parametrize(("split", "word"), [("valid", "Validation"), ("train", "Training")])
def test_without_test_rows_the_next_best_are_judged_and_named(tmp_path, split, word):
    result = make_result(SCORES, {})
    result["baselines"] = {split: {"mean": {"rmse": 76.0}}}
    result["metrics"] = {"train": SCORES, split: SCORES}
    page = write(tmp_path, result, NUMBERS)
    assert f"{word} rmse 53.9 against 76.0 for the mean." in page.text
    assert f"y: answers to 66 {split} rows" in page.text


def test_several_targets_have_their_own_headline_and_pictures(tmp_path):
    columns = [f"t{i}" for i in range(6)]
    scores = {f"{column}.rmse": 10.0 + i for i, column in enumerate(columns)} | {"loss": 0.5}
    both = np.repeat(TRUTH, 6, axis=1)
    page = write(
        tmp_path, make_result(scores, {}), make_predictions("regression", both, both + 1, columns)
    )
    assert "Test rmse of t3 13.0 ." in page.text and "No baseline was measured." in page.text
    assert page.source.count("<figcaption><b>Predicted against true") == 4
    assert "The first 4 of 6 targets are drawn; the table of all targets is below." in page.text
    assert "All 6 targets" in page.within("summary")
    assert "15.00" in page.within("td")


def test_each_target_is_drawn_from_its_own_column(tmp_path):
    both = np.concatenate([TRUTH, 1000 * TRUTH], axis=1)  # about 100, and 100,000
    scores = {"a.rmse": 1.0, "b.rmse": 1.0}
    page = write(
        tmp_path, make_result(scores, {}), make_predictions("regression", both, both, ["a", "b"])
    )
    drawings = re.findall('aria-label="Predicted against true (.)"(.*?)</svg>', page.source)
    assert [(name, ">100k</text>" in svg, ">100</text>" in svg) for name, svg in drawings] == [
        ("a", False, True),
        ("b", True, False),
    ]


def test_the_page_has_all_its_sections(tmp_path):
    importance = {"bmi": {"mean": 12.0, "sd": 2.0}, "age": {"mean": -0.5, "sd": 0.4}}
    page = write(tmp_path, make_result(SCORES, {}), NUMBERS, importance=importance)
    assert page.within("h2") == [
        "y: answers to 66 test rows",
        "Importance of columns; learning",
        "Notes on the data",
    ]
    assert page.within("summary") == ["Run", "Config"]
    assert page.within("li") == ["3 missing values were filled"]
    facts = page.within("dd")
    assert "4,929 parameters" in facts and "40 in 5 epochs; weights of step 24 of 40" in facts
    assert "1.75 (start 1.00, compile 0.500, train 0.250)" in facts
    assert '"hidden": [' in page.within("pre")[0]
    heads = page.within("th")
    assert "rise in rmse" in heads and heads.index("bmi") < heads.index("age")
    assert page.source.count("weights: 3<") == 2 and page.source.count("width:100%") > 0


def test_a_class_target_has_confusion_roc_and_calibration(tmp_path):
    two = make_classes(2)
    three = make_classes(3)
    result = make_result({"loss": 0.3, "accuracy": 0.9}, {})
    page = write(tmp_path, result, two)
    captions = dict(re.findall("<figcaption><b>(.*?)</b><span>(.*?)<", page.source))
    area = truth.roc_auc_score(two["targets"]["y"], two["answers"]["y"])
    assert captions["ROC"] == f"of class 1; area {number(area, 3)}"
    assert captions["Calibration"].startswith("of P(class 1); mean gap ")
    precise = truth.average_precision_score(two["targets"]["y"], two["answers"]["y"])
    said = f"of class 1; area {number(precise, 3)}, by chance 0.500"
    assert captions["Precision by recall"] == said
    expected = truth.confusion_matrix(two["targets"]["y"], two["answers"]["y"] > 0.5)
    assert cells_of_confusion(page) == [str(count) for count in expected.ravel()]
    captions = dict(
        re.findall("<figcaption><b>(.*?)</b><span>(.*?)<", write(tmp_path, result, three).source)
    )
    assert captions["Calibration"].startswith("each class against the rest; mean gap ")
    assert captions["ROC"] == "each class against the rest, with its area"


def test_a_class_that_no_training_row_has_is_left_out_of_weighted_pictures(tmp_path):
    two = make_classes(2)
    weight_n = np.where(two["targets"]["y"] == 1, 2.0, 1.0)
    two["targets"]["y"][:5] = 2
    result = make_result({"loss": 0.3, "accuracy": 0.9}, {})
    path = tmp_path / "report.html"
    write_report(path, replace(make_data(result, two), weight_n=weight_n))
    known = two["targets"]["y"] < 2
    expected = truth.confusion_matrix(
        two["targets"]["y"][known], two["answers"]["y"][known] > 0.5, sample_weight=weight_n[known]
    )
    assert list(map(float, cells_of_confusion(Page(path)))) == expected.ravel().tolist()


def test_many_classes_are_drawn_as_thirty(tmp_path):
    page = write(tmp_path, make_result({"loss": 0.3, "accuracy": 0.9}, {}), make_classes(35))
    assert "the 29 largest of 35 classes" in page.text and "6 others" in page.within("th")


def test_answers_of_a_perceptron_have_no_curves(tmp_path):
    two = make_classes(2)
    two["answers"]["y"] = (two["answers"]["y"] > 0.5).astype(float)
    scores = {"accuracy": 0.9, "auc": 0.9, "f1": 0.9, "log_loss": 9.5, "calibration_error": 0.1}
    page = write(tmp_path, make_result(scores, {}), two)
    told = page.within("b")
    assert "Confusion" in told and not {"ROC", "Thresholds", "Calibration"} & set(told)
    # The tables of scores stand in the head, below the headline and below the facts.
    head = page.source[: page.source.index("</header>")]
    assert "calibration_<wbr>error" in head and "Scores" not in page.within("h2")


def test_one_class_alone_has_no_roc(tmp_path):
    predictions = make_predictions(
        "binary", np.ones(9, int), np.linspace(0, 1, 9), classes=["no", "yes"]
    )
    page = write(tmp_path, make_result({"loss": 0.3, "accuracy": 0.9}, {}), predictions)
    assert "Calibration" in page.within("b") and "ROC" not in page.within("b")


@pytest.mark.parametrize("kind", ["regression", "binary"])
def test_names_are_text_wherever_they_stand(tmp_path, kind):
    predictions = (
        make_classes(2) if kind == "binary" else make_predictions("regression", TRUTH, TRUTH + 1)
    )
    head = predictions["heads"][0]
    predictions["heads"] = [replace(head, columns=(NASTY,), classes=(NASTY, NASTY + "2"))]
    metric = "rmse" if kind == "regression" else "accuracy"
    scores = {f"{NASTY}.{metric}": 2.0, f"other.{metric}": 1.0, "loss": 0.5}
    changes = {
        "rows": {"test": 66},
        "notes": [NASTY],
        "config": {"name": NASTY, NASTY: NASTY},
        "versions": {NASTY: NASTY},
    }
    result = make_result(scores, {NASTY: scores}, **changes, config_sha256=NASTY)
    history = make_history(f"{NASTY}.{metric}")
    page = write(tmp_path, result, predictions, history, {NASTY: {"mean": 1.0, "sd": 0.1}})
    assert page.open == [] and "script" not in page.tags
    assert page.within("h1") == [f"{NASTY}, learned from {NASTY}"] and page.within("li") == [NASTY]
    if kind == "regression":
        assert any(text.startswith('true <script>alert("1")<') for text in page.within("text"))


def test_names_in_any_script_and_with_dollars_are_drawn_as_they_are(tmp_path):
    names = [
        "\N{CJK UNIFIED IDEOGRAPH-5E74}\N{CJK UNIFIED IDEOGRAPH-9F84}",
        "$x^1$",
        r"$\undefined$",
        "a\nb",
    ]
    importance = {name: {"mean": 1.0, "sd": 0.1} for name in names}
    drawn = write(tmp_path, make_result(SCORES, {}), NUMBERS, importance=importance).within("th")
    assert {*names} <= set(drawn)
    assert label("a\nb", 9) == "a b" and label("abcdef", 4) == "abc\N{HORIZONTAL ELLIPSIS}"


def test_the_page_fetches_nothing_and_runs_nothing(tmp_path):
    page = write(tmp_path, make_result(SCORES, {}), NUMBERS)
    assert page.fetched == []
    assert not page.tags & {"script", "link", "iframe", "img"} and "@import" not in page.source
    assert "default-src 'none'" in page.source
    # Colours follow the reader's scheme.
    assert not re.search(r'style="[^"]*#[0-9a-f]{6}|(fill|stroke)="', page.source)
    assert "prefers-color-scheme:dark" in page.source


def test_what_is_not_finite_is_left_out_and_counted(tmp_path):
    predictions = make_predictions(
        "regression", TRUTH, np.where(np.arange(66)[:, None] < 3, np.nan, TRUTH)
    )
    result = make_result({"loss": None, "rmse": float("nan")}, {"mean": {"rmse": 76.0}})
    history = [{"step": 8, "epoch": 1, "split": "valid", "member": 0, "loss": None, "rmse": 3.0}]
    page = write(tmp_path, result, predictions, history)
    assert "Test rmse is not a finite number." in page.text
    assert "y: answers to 63 test rows; 3 more are not finite" in page.text
    page = write(tmp_path, result, make_predictions("regression", TRUTH, TRUTH * np.nan), [])
    assert "There is nothing to draw." in page.text


def test_many_rows_are_sampled_and_it_is_said(tmp_path):
    target = RANDOM.normal(size=(20_000, 1))
    page = write(
        tmp_path, make_result(SCORES, {}), make_predictions("regression", target, target * 0.9)
    )
    assert page.text.count("2,500 of 20,000 rows, at random") == 2
    assert len(page.source) < 150_000


def test_equal_results_make_equal_pages(tmp_path):
    first = write(tmp_path, make_result(SCORES, {}), NUMBERS).source
    assert write(tmp_path, make_result(SCORES, {}), NUMBERS).source == first


def test_a_report_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    target = tmp_path / "report.html"
    target.write_text("the one before")

    def fail(source, destination):
        assert Path(source).parent == tmp_path and "</html>" in Path(source).read_text()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("train.data.files.storage.os.replace", fail)
    with pytest.raises(StorageError, match=r"cannot write .*report\.html: No space left on device"):
        write_report(target, make_data(make_result(SCORES, {}), NUMBERS, []))
    assert target.read_text() == "the one before"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_intervals_are_told_with_their_coverage_and_width():
    one = {"level": 0.9, "rows": 66, "coverage": 0.86364, "width": 165.42}
    assert intervals_in_words(one) == "90% hold 86.4% of the test rows, mean width 165.4"
    two = {
        "level": 0.5,
        "rows": 9,
        "a.coverage": 0.5,
        "a.width": 2.0,
        "b.coverage": 1.0,
        "b.width": 30.0,
    }
    wanted = (
        "50% hold 50.0% of the test rows for a, mean width 2.000; 100.0% of the test rows "
        "for b, mean width 30.00"
    )
    assert intervals_in_words(two) == wanted
