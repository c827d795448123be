"""What a page begins with: what was learned of which file, how well, when, and by which command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath

from train.report.data import MAX_TARGETS, ReportData
from train.report.monitor import weights_in_words
from train.report.page import escape, facts, fold, number, typed
from train.report.result import has_members
from train.report.score_tables import head_tables
from train.report.scores import SPLIT_NAMES, headlines, intervals_in_words

MAX_NAMES = 3  # targets that a title names
KINDS = {
    "regression": "a number",
    "binary": "one of two classes",
    "multiclass": "one of several classes",
    "tags": "a tag at every step",
    "entities": "entities",
    "cluster": "to judge by; none is learned",
    "reconstruction": "the rows themselves",
    "reconstructed_categories": "the rows themselves",
    "step_numbers": "a number at every step",
    "next_numbers": "the next step",
    "next_binary": "the next step",
}


def title_of(data: ReportData) -> str:
    """What was learned, and of which file."""
    file = PurePath(data.about.file).name or str(data.config["name"])
    if data.clusters is not None:
        kind = "Clusters" if data.clusters.shape is None else "A map"
        return f"{kind} of {file}"
    if data.codes is not None:
        return f"Codes of {file}"
    names = [target.name for target in data.columns]
    what = ", ".join(names[:MAX_NAMES])
    if len(names) > MAX_NAMES:
        what += f" and {len(names) - MAX_NAMES} more"
    how = "learned" if data.forecasts is None else "forecast"
    return f"{what or data.config['name']}, {how} from {file}"


def head_sections(data: ReportData) -> Iterator[str]:
    """The title, a sentence for every target that is drawn, and the facts of the run."""
    lines = list(headlines(data))
    if len(data.columns) > MAX_TARGETS:
        few = f"The first {MAX_TARGETS} of {len(data.columns)} targets are drawn"
        lines.append(f'<p class="muted">{few}; the table of all targets is below.</p>')
    tables = head_tables(data)
    left = "".join([*lines, *tables[:1]])
    right = "".join([facts(_first_facts(data)), *tables[1:]])
    yield f"<header><h1>{escape(title_of(data))}</h1>"
    yield f'<div class="top"><div>{left}</div><div>{right}</div></div></header>'


def run_sections(data: ReportData) -> Iterator[str]:
    """How long the run took, and with which versions, folded away."""
    yield fold("Run", facts(_run_facts(data)))


def _first_facts(data: ReportData) -> dict[str, str]:
    result = data.result
    found = {}
    if data.about.file:
        found["file"] = escape(data.about.file)
    targets = []
    for target in data.columns[: 2 * MAX_TARGETS]:
        kind = KINDS[target.kind]
        targets.append(f"{target.name} ({kind})" if target.name != kind else target.name)
    more = len(data.columns) - len(targets)
    said = ", ".join(targets) + (f" and {more} more" if more > 0 else "")
    word = "target" if len(data.columns) == 1 else "targets"
    if data.clusters is not None:
        word = "label"
    found[word] = escape(said)
    rows = []
    for split in ("train", "valid", "test"):
        if split in result.get("rows", {}):
            rows.append(f"{result['rows'][split]:,} {SPLIT_NAMES[split].lower()}")
    if rows:
        found["rows"] = ", ".join(rows)
    found["net"] = escape(_net_in_words(data))
    seconds = result["seconds"]["total"]
    found["trained"] = escape(f"{data.about.finished}, in {_duration(seconds)}".lstrip(", "))
    if data.about.command:
        found["command"] = typed(data.about.command)
    return found


def _net_in_words(data: ReportData) -> str:
    parameters = f"{data.result['n_parameters']:,} parameters"
    net = data.config.get("net")
    if not isinstance(net, Mapping) or "kind" not in net:
        return parameters
    if has_members(data.result):
        return f"{data.result['members']} nets ({net['kind']}); {parameters} of the best"
    size = net.get("hidden") or net.get("shape") or net.get("units")
    sizes = size if isinstance(size, list | tuple) else [size]
    of = f" of {', '.join(map(str, sizes))}" if size else ""
    return f"{net['kind']}{of}; {parameters}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{number(seconds, 2)} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _run_facts(data: ReportData) -> dict[str, str]:
    result = data.result
    seconds = result["seconds"]
    parts = [f"{name} {number(value, 3)}" for name, value in seconds.items() if name != "total"]
    epochs = "1 epoch" if result["epochs"] == 1 else f"{result['epochs']:g} epochs"
    updates = f"{result['steps']:,} in {epochs}"
    versions = [f"{name} {version}" for name, version in result["versions"].items()]
    found = {
        "updates": f"{updates}; {weights_in_words(result)}",
        "seconds": f"{number(seconds['total'], 3)} ({', '.join(parts)})",
        "speed": f"{number(result['examples_per_second'], 3)} examples/s",
    }
    if result["interval"]:
        found["intervals"] = intervals_in_words(result["interval"])
    found["versions"] = ", ".join(versions)
    found["config sha256"] = result["config_sha256"]
    return {name: escape(value) for name, value in found.items()}
