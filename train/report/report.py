"""report.html of a run: one file that opens anywhere, its sections in the order of `SECTIONS`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from train.data.files.storage import written_whole
from train.data.table.reading import HEAD, Reading
from train.errors import StorageError
from train.report.answers import answer_sections
from train.report.clusters import cluster_sections
from train.report.codes import code_sections
from train.report.data import MAX_TARGETS, ReportData
from train.report.decisions import decision_sections
from train.report.importance import importance_sections
from train.report.learning import learning_sections
from train.report.monitor import weights_in_words
from train.report.page import document, escape, number, section, table
from train.report.population import population_sections
from train.report.scores import headlines, intervals_in_words, score_sections
from train.report.series import forecast_sections
from train.report.weights import weight_sections


def title(data: ReportData) -> Iterator[str]:
    """The run's name and what was learned, with a sentence for every target that is drawn."""
    targets = ", ".join(f"{name} ({kind})" for name, kind in data.columns)
    about = f"{'Target' if len(data.columns) == 1 else 'Targets'}: {targets}"
    yield f'<h1>{escape(data.config["name"])}</h1>\n<p class="muted">{escape(about)}</p>'
    yield from headlines(data)
    if len(data.columns) > MAX_TARGETS:
        few = f"The first {MAX_TARGETS} of {len(data.columns)} targets are drawn"
        yield f'<p class="muted">{few}; the table has all.</p>'


def note_sections(data: ReportData) -> Iterator[str]:
    """How the columns of a table were read, and what was found in the data, a line each."""
    notes = "\n".join(f"<li>{escape(note)}</li>" for note in data.result["notes"])
    body = _reading_table(data.reading) + (f"<ul>{notes}</ul>" if notes else "")
    yield section("Data", body)


def _reading_table(reading: Reading) -> str:
    if not reading.columns:
        return ""
    rows = []
    for column in reading.columns:
        rows.append([escape(cell) for cell in column.cells()])
    more = f'<p class="muted">and {reading.n_more:,} more columns</p>' if reading.n_more else ""
    return table(rows, HEAD, words=True) + more


def run_sections(data: ReportData) -> Iterator[str]:
    """How large the net is, how long it took, and with which versions."""
    rows = [(name, escape(value)) for name, value in _facts(data).items()]
    yield section("Run", table(rows, words=True))


def config_sections(data: ReportData) -> Iterator[str]:
    """The whole config, folded away."""
    source = json.dumps(data.config, indent=2, ensure_ascii=False, default=str)
    yield f"<details><summary>Config</summary>\n<pre>{escape(source)}</pre></details>"


# In the order of the page. Where a run has nothing to show, a section is "" or none.
SECTIONS: tuple[Callable[[ReportData], Iterable[str]], ...] = (
    title,
    score_sections,
    population_sections,
    learning_sections,
    weight_sections,
    forecast_sections,
    decision_sections,
    code_sections,
    cluster_sections,
    answer_sections,
    importance_sections,
    note_sections,
    run_sections,
    config_sections,
)


def write_report(path: Path | str, data: ReportData) -> None:
    """Writes one HTML file, whole or not at all. Raises StorageError if it cannot be written."""
    path = Path(path)
    sections = [html for draw_sections in SECTIONS for html in draw_sections(data)]
    content = document(str(data.config["name"]), sections).encode("utf-8", "replace")
    try:
        with written_whole(path) as file:
            file.write(content)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from None


def _facts(data: ReportData) -> dict[str, str]:
    result = data.result
    seconds = result["seconds"]
    parts = [f"{name} {number(value, 3)}" for name, value in seconds.items() if name != "total"]
    updates = f"{result['steps']:,} in {result['epochs']:g} epochs"
    versions = [f"{name} {version}" for name, version in result["versions"].items()]
    facts = {
        "parameters": f"{result['n_parameters']:,}",
        "updates": f"{updates}; {weights_in_words(result)}",
        "seconds": f"{number(seconds['total'], 3)} ({', '.join(parts)})",
        "speed": f"{number(result['examples_per_second'], 3)} examples/s",
    }
    if result["interval"]:
        facts["intervals"] = intervals_in_words(result["interval"])
    facts["versions"] = ", ".join(versions)
    facts["config sha256"] = result["config_sha256"]
    return facts
