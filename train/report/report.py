"""report.html of a run: one file that opens anywhere, its sections in the order of `SECTIONS`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from train.data.table.reading import HEAD, Reading
from train.report.answers import answer_sections
from train.report.clusters import cluster_sections
from train.report.codes import code_sections
from train.report.data import ReportData
from train.report.head import head_sections, run_sections, title_of
from train.report.learning import learning_sections
from train.report.page import escape, fold, section, table, write_document
from train.report.population import population_sections
from train.report.score_tables import score_sections
from train.report.tags import tag_sections
from train.report.weights import diagnostic_sections


def note_sections(data: ReportData) -> Iterator[str]:
    """How the columns of a table were read, and what was found in the data, a line each."""
    notes = "\n".join(f"<li>{escape(note)}</li>" for note in data.result["notes"])
    yield section("Notes on the data", f"<ul>{notes}</ul>" if notes else "")
    yield fold("How each column was read", _reading_table(data.reading))


def _reading_table(reading: Reading) -> str:
    if not reading.columns:
        return ""
    rows = []
    for column in reading.columns:
        rows.append([escape(cell) for cell in column.cells()])
    more = f'<p class="muted">and {reading.n_more:,} more columns</p>' if reading.n_more else ""
    return table(rows, HEAD, words=True) + more


def config_sections(data: ReportData) -> Iterator[str]:
    """The whole config, folded away."""
    source = json.dumps(data.config, indent=2, ensure_ascii=False, default=str)
    yield fold("Config", f"<pre>{escape(source)}</pre>")


# In the order of the page. Where a run has nothing to show, a section is "" or none.
SECTIONS: tuple[Callable[[ReportData], Iterable[str]], ...] = (
    head_sections,
    score_sections,
    population_sections,
    code_sections,
    cluster_sections,
    tag_sections,
    answer_sections,
    learning_sections,
    note_sections,
    diagnostic_sections,
    run_sections,
    config_sections,
)


def write_report(path: Path | str, data: ReportData) -> None:
    """Writes one HTML file, whole or not at all. Raises StorageError if it cannot be written."""
    sections = [html for draw_sections in SECTIONS for html in draw_sections(data)]
    write_document(Path(path), title_of(data), sections)
