"""A report without a run: what it is drawn from, made up, and a page as a browser sees it."""

from __future__ import annotations

from html.parser import HTMLParser

from train.report.data import ReportData, ReportHead
from train.report.result import read_evaluation


class Page(HTMLParser):
    """A page as a browser sees it: its tags, its texts by tag, and what it would fetch."""

    def __init__(self, path):
        super().__init__()
        self.tags = set()
        self.open = []
        self.texts = []
        self.fetched = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.text = " ".join(" ".join(text for _, text in self.texts).split())

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.fetched += [
            value
            for name, value in attrs
            if name in ("src", "href", "xlink:href", "action", "data")
        ]
        if tag not in ("meta", "br", "wbr"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style" and data.strip():
            self.texts.append((self.open[-1], data.strip()))

    def within(self, tag):
        return [text for name, text in self.texts if name == tag]


def make_result(scores, baselines, **changes):
    return {
        "n_parameters": 4929,
        "metrics": {"train": scores, "valid": scores, "test": scores},
        "baselines": {"test": baselines},
        "members": 1,
        "interval": {},
        "steps": 40,
        "epochs": 5,
        "best_step": 24,
        "seconds": {"start": 1.0, "compile": 0.5, "train": 0.25, "total": 1.75},
        "examples_per_second": 123456.0,
        "versions": {"jax": "0.10.1"},
        "config_sha256": "ab12",
        "notes": ["3 missing values were filled"],
        "config": {"name": "diabetes", "net": {"hidden": [64, 64]}},
    } | changes


def make_history(name="rmse"):
    return [
        {
            "step": 8 * epoch,
            "epoch": epoch,
            "split": split,
            "member": 0,
            "loss": 1 / epoch,
            name: 60 / epoch,
        }
        for epoch in range(1, 6)
        for split in ("train", "valid")
    ]


def make_predictions(kind, target, answer, columns=("y",), classes=()):
    name = "value" if kind == "regression" else columns[0]
    head = ReportHead(name, kind, tuple(columns), tuple(classes))
    return {"heads": [head], "targets": {name: target}, "answers": {name: answer}}


def make_data(result, predictions=None, history=None, importance=None, **drawn):
    """`result` has the config beside it; `predictions` are heads, targets and answers."""
    lines = make_history() if history is None else history
    return ReportData(
        result=result,
        config=result["config"],
        history=[read_evaluation(line) for line in lines],
        importance=importance,
        **(predictions or {"heads": [], "targets": {}, "answers": {}}),
        **drawn,
    )
