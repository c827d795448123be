"""How scores spread over the groups of a series: a line for each metric that compares them."""

from __future__ import annotations

from collections.abc import Iterator

from train.report.data import ReportData
from train.report.page import figure, heading, number, table

HEAD = {"min": "least", "q10": "10%", "median": "median", "q90": "90%", "max": "most"}


def group_pictures(data: ReportData) -> Iterator[str]:
    """A table, where the series have names."""
    groups = data.result.get("groups", {}).get(data.split)
    if groups is None or not groups["spread"]:
        return
    rows = []
    for name, spread in groups["spread"].items():
        rows.append([heading(name), *(number(spread[key], 3) for key in HEAD)])
    note = f"quantiles over {groups['count']} groups of the {data.split} rows; all in groups.csv"
    yield figure("Scores by group", note, table(rows, ["", *HEAD.values()], many=True))
