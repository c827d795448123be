"""Pictures of classes: confusion, scores by class, ROC, precision, thresholds, calibration.

n rows, k classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from train.evaluation import curves
from train.evaluation.classes import ClassScores, class_scores
from train.report import draw, scales
from train.report.data import Array, ReportHead
from train.report.draw import category
from train.report.marks import Line, Mark, Rule, Spans
from train.report.matrix import confusion_table
from train.report.page import Key, figure, heading, number, stack, table

MAX_CURVES = 10  # classes whose curves are drawn
MAX_STACKED = 3  # classes whose small tables stand below one another in one place
MAX_NAMED = 30  # classes whose scores stand in a table
MAX_POINTS = 250  # of a curve
SHARES = scales.linear(limits=(0.0, 1.0))
THRESHOLDS = np.arange(1, 10) / 10


def class_pictures(
    head: ReportHead, target_n: Array, probability: Array, weight_n: Array | None
) -> Iterator[str]:
    """`probability` of the second class [n], or of each class [n, k]; of 0 and 1 no curves."""
    k = len(head.classes)
    is_binary = head.kind == "binary"
    answer_n = (probability > 0.5).astype(int) if is_binary else probability.argmax(-1)
    counts_kk = curves.confusion(target_n, answer_n, k, weight_n)
    confusion = _confusion(head, counts_kk, weight_n)
    by_class = scores_by_class(class_scores(counts_kk, head.classes), "class")
    if k <= MAX_STACKED:
        yield stack([confusion, by_class])
    else:
        yield confusion
        yield by_class
    if np.isin(probability, (0, 1)).all():
        return  # a perceptron's answers: no threshold, and no probability, to look at
    counted_n = target_n if weight_n is None else target_n[weight_n > 0]
    if is_binary and len(np.unique(counted_n)) == 2:
        yield from _binary_curves(head.classes[1], target_n == 1, probability, weight_n)
    elif not is_binary and k <= MAX_CURVES:
        yield from _curves_of_classes(head, target_n, probability, weight_n)
    yield _calibration(head, target_n, probability, weight_n)


def scores_by_class(scores: ClassScores, what: str) -> str:
    """A table of precision, recall, f1 and number of rows, a line for each class."""
    shown = np.argsort(-scores.support, kind="stable")[:MAX_NAMED]
    shown = np.sort(shown)
    rows = []
    for i in shown:
        cells = []
        for values in (scores.precision, scores.recall, scores.f1):
            cells.append(f"{values[i]:.3f}")
        support = float(scores.support[i])
        cells.append(number(support, 4) if support % 1 else f"{support:,.0f}")
        rows.append([heading(str(scores.names[int(i)])), *cells])
    head = [what, "precision", "recall", "f1", "support"]
    note = f"precision, recall and f1 of each {what}, and how many there are"
    if len(shown) < len(scores.names):
        note += f"; the {len(shown)} largest of {len(scores.names)}"
    return figure(f"By {what}", note, table(rows, head))


def _confusion(head: ReportHead, counts_kk: Array, weight_n: Array | None) -> str:
    small_kk, names = curves.gather_rare(counts_kk, list(head.classes))
    note = "number of rows" if weight_n is None else "weight of rows"
    note += ", a row for each true class; the bluer, the larger the share of the row"
    if len(names) < len(head.classes):
        note += f"; the {len(names) - 1} largest of {len(head.classes)} classes"
    kind = "wide" if len(names) > 12 else ""
    return figure("Confusion", note, confusion_table(small_kk, names), kind=kind)


def _binary_curves(
    name: str, happened_n: Array, probability_n: Array, weight_n: Array | None
) -> Iterator[str]:
    """ROC, precision by recall, and what each threshold comes to, of the second class."""
    false_rate, true_rate, area = curves.roc_curve(happened_n, probability_n, weight_n)
    places = _thinned(len(false_rate))
    yield _rates(
        "ROC",
        f"of {name}; area {number(area, 3)}",
        [Line([0, 1], [0, 1], "grey"), Line(false_rate[places], true_rate[places])],
        ("false positive rate", "true positive rate"),
    )
    at = curves.thresholds(happened_n, probability_n, weight_n)
    base = float(at.precision[-1])
    places = _thinned(len(at.recall))
    yield _rates(
        "Precision by recall",
        f"of {name}; area {number(curves.average_precision(at), 3)}, by chance {number(base, 3)}",
        [Rule(y=base), Line(at.recall[places], at.precision[places])],
        ("recall", "precision"),
    )
    yield _by_threshold(name, at, places)
    yield _threshold_table(name, at)


def _by_threshold(name: str, at: curves.AtThresholds, places: Array) -> str:
    best = _best_threshold(at)
    marks = [
        Line(at.threshold[places], at.precision[places], "c0"),
        Line(at.threshold[places], at.recall[places], "c1"),
        Line(at.threshold[places], at.f1[places], "c4"),
        Rule(x=best),
    ]
    keys = [Key("precision", "c0"), Key("recall", "c1"), Key("f1", "c4")]
    keys.append(Key(f"best f1: from {best:.3f}", "grey"))
    title = "Choosing a threshold"
    svg = draw.draw(title, SHARES, SHARES, marks, xlabel=f"call it {name} from this P on")
    return figure(title, f"of P({name}); 0.5 is what answers", svg, keys=keys)


def _best_threshold(at: curves.AtThresholds) -> float:
    """The threshold of the best f1, the one nearest to a half where several have it."""
    below = np.append(at.threshold[1:], 0.0)
    nearest = np.minimum(at.threshold, np.maximum(0.5, (at.threshold + below) / 2))
    nearest = np.where((below < 0.5) & (at.threshold >= 0.5), 0.5, nearest)
    best = at.f1 >= at.f1.max() - 1e-12
    return float(nearest[best][np.abs(nearest[best] - 0.5).argmin()])


def _threshold_table(name: str, at: curves.AtThresholds) -> str:
    """What nine thresholds come to, and the one of the best f1."""
    best = _best_threshold(at)
    wanted = np.append(THRESHOLDS, best)
    rows = []
    for threshold in np.unique(wanted):
        # The last row whose score is still as high; before the first nobody is called positive.
        place = int((at.threshold >= threshold - 1e-12).sum()) - 1
        is_best = threshold == best
        texts = ["n/a", "0.000", "0.000", "0.0%"]
        if place >= 0:
            values = (at.precision[place], at.recall[place], at.f1[place])
            texts = [*(f"{value:.3f}" for value in values), f"{at.share[place]:.1%}"]
        cells = [f"{threshold:.3g}", *texts]
        rows.append([f"<b>{cell}</b>" if is_best else cell for cell in cells])
    head = ["from", "precision", "recall", "f1", "called so"]
    return figure("Thresholds", f"of P({name}); the best f1 is bold", table(rows, head))


def _curves_of_classes(
    head: ReportHead, target_n: Array, probability_nk: Array, weight_n: Array | None
) -> Iterator[str]:
    """ROC, and precision by recall, of each class against the rest."""
    rates = []
    precisions = []
    areas = []
    precise_areas = []
    for i, name in enumerate(head.classes):
        happened_n = target_n == i
        counted_n = happened_n if weight_n is None else happened_n[weight_n > 0]
        if counted_n.all() or not counted_n.any():
            continue
        false_rate, true_rate, area = curves.roc_curve(happened_n, probability_nk[:, i], weight_n)
        places = _thinned(len(false_rate))
        rates.append(Line(false_rate[places], true_rate[places], category(i)))
        at = curves.thresholds(happened_n, probability_nk[:, i], weight_n)
        places = _thinned(len(at.recall))
        precisions.append(Line(at.recall[places], at.precision[places], category(i)))
        short = draw.label(name, 24)
        areas.append(Key(f"{short}: {number(area, 3)}", category(i)))
        precise = number(curves.average_precision(at), 3)
        precise_areas.append(Key(f"{short}: {precise}", category(i)))
    if rates:
        note = "each class against the rest, with its area"
        axes = ("false positive rate", "true positive rate")
        yield _rates("ROC", note, [Line([0, 1], [0, 1], "grey"), *rates], axes, areas)
        axes = ("recall", "precision")
        yield _rates("Precision by recall", note, precisions, axes, precise_areas)


def _rates(
    title: str,
    note: str,
    marks: Sequence[Mark],
    axes: tuple[str, str],
    keys: Sequence[Key] = (),
) -> str:
    xlabel, ylabel = axes
    aloud = f"{title} {note}"
    svg = draw.draw(aloud, SHARES, SHARES, marks, xlabel=xlabel, ylabel=ylabel, height=300)
    return figure(title, note, svg, keys=keys)


def _calibration(
    head: ReportHead, target_n: Array, probability: Array, weight_n: Array | None
) -> str:
    """How often it happened over the predicted probability, with 95 % intervals."""
    happened = target_n == 1
    note = f"of P({head.classes[1]})" if head.kind == "binary" else "each class against the rest"
    if head.kind != "binary":
        happened = np.eye(len(head.classes), dtype=bool)[target_n]
    weight_m = None if weight_n is None else weight_n.repeat(happened.size // len(happened))
    mean, share, count = curves.calibration(happened.ravel(), probability.ravel(), weight_m)
    low, high = curves.wilson_interval(share, count)
    gap = float(np.average(np.abs(mean - share), weights=count))
    marks = [
        Line([0, 1], [0, 1], "grey"),
        Spans(mean, low, high),
        Line(mean, share, dots=True),
    ]
    svg = draw.draw(
        "Calibration",
        SHARES,
        SHARES,
        marks,
        xlabel="predicted probability",
        ylabel="share that happened",
        height=300,
    )
    keys = [Key("truthful", "grey"), Key("this net, 95 % interval", "blue")]
    return figure("Calibration", f"{note}; mean gap {number(gap, 2)}", svg, keys=keys)


def _thinned(n: int) -> Array:
    """Which of n places of a curve to draw, both ends among them."""
    return np.unique(np.linspace(0, n - 1, min(n, MAX_POINTS)).astype(int))
