"""How much worse the answers become when one column is shuffled: a bar for each of the largest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from train.report.data import ReportData, Target
from train.report.page import bar, figure, heading, number, table

MAX_BARS = 15


def importance_pictures(data: ReportData) -> Iterator[str]:
    """One table, where importance was measured."""
    if data.importance:
        yield _importance(data.importance, data.columns)


def _importance(importance: Mapping[str, Mapping[str, float]], targets: Sequence[Target]) -> str:
    ranked = sorted(importance, key=lambda name: -importance[name]["mean"])[:MAX_BARS]
    note = "by how much the error grows when one column is shuffled; all in importance.csv"
    if len(importance) > MAX_BARS:
        note += f"; the {MAX_BARS} largest of {len(importance)} columns"
    rows = []
    largest = max(max(importance[name]["mean"] for name in ranked), 1e-300)
    for name in ranked:
        rise = importance[name]
        value = f"{number(rise['mean'], 3)} \N{PLUS-MINUS SIGN} {number(rise['sd'], 2)}"
        rows.append([heading(name), value, bar(max(rise["mean"], 0.0) / largest)])
    head = ["column", f"rise in {_error_name(targets)}", ""]
    return figure("Permutation importance", note, table(rows, head), kind="tall")


def _error_name(targets: Sequence[Target]) -> str:
    """What `train.evaluation.importance.prediction_error` measures of these targets."""
    if len(targets) > 1:
        return "error"
    return "rmse" if targets[0].kind == "regression" else "share of wrong answers"
