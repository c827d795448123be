"""MODEL_CARD.md of a finished run: data, columns, scores beside baselines, intervals, limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from train.config.options import Config
from train.data.dataset import Encoder
from train.data.sequences.encoder import SequenceEncoder
from train.data.series.encoder import SeriesEncoder
from train.data.table.encoder import TableEncoder
from train.report.result import Result, Scores
from train.report.scores import BASELINE_NAMES, SPLIT_NAMES, intervals_in_words

SHOWN = 50  # columns, or classes, that are named


def model_card(config: Config, encoder: Encoder, result: Result) -> str:
    """The file's text, in Markdown."""
    return "\n".join(
        [
            *_what_it_is(config, encoder, result),
            *_columns(encoder),
            *_scores(result),
            *_limits(config, encoder, result),
            "",
        ]
    )


def _what_it_is(config: Config, encoder: Encoder, result: Result) -> Iterator[str]:
    kind = type(config.data).__name__.lower()
    targets = ", ".join(
        f"`{column}`" for head in encoder.heads for column in dict.fromkeys(head.columns)
    )
    yield f"# {targets}"
    yield ""
    yield f"A {type(config.net).__name__} net on a {kind}, trained by denseq."
    yield ""
    rows = ", ".join(f"{count:,} {split}" for split, count in result["rows"].items())
    yield f"- Data: `{config.data.path}`; rows: {rows}."
    yield f"- Parameters: {result['n_parameters']:,}; nets that answer: {result['members']}."
    yield f"- Trained for {result['epochs']:g} epochs ({result['steps']:,} steps)."
    yield f"- Config: SHA-256 `{result['config_sha256']}`."
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    yield f"- Made with {versions}."
    yield ""


def _columns(encoder: Encoder) -> Iterator[str]:
    """What the net reads."""
    yield "## Columns"
    yield ""
    match encoder:
        case TableEncoder():
            yield "| column | kind | known categories |"
            yield "|---|---|---|"
            for column in encoder.columns[:SHOWN]:
                known = len(column.vocabulary) if column.kind == "category" else ""
                yield f"| {_cell(column.name)} | {column.kind} | {known} |"
            yield from _rest(len(encoder.columns), "columns")
            for name, reason in list(encoder.dropped.items())[:SHOWN]:
                yield f"- left out: `{name}`: {reason}"
        case SeriesEncoder():
            targets = ", ".join(f"`{column.name}`" for column in encoder.targets)
            yield f"- forecast: {targets}"
            yield f"- from {encoder.lookback} steps, for {encoder.horizon} steps"
        case SequenceEncoder():
            yield f"- read at every step: {', '.join(f'`{name}`' for name in encoder.input_names)}"
            yield f"- steps of the longest training row: {encoder.longest}"
    yield ""


def _scores(result: Result) -> Iterator[str]:
    """Each split's metrics beside the baselines of that split."""
    yield "## Scores"
    yield ""
    for split, scores in result["metrics"].items():
        baselines = result["baselines"].get(split, {})
        names = [BASELINE_NAMES.get(name, name) for name in baselines]
        yield f"{SPLIT_NAMES.get(split, split)} rows:"
        yield ""
        yield " | ".join(["| metric", "this net", *names]) + " |"
        yield "|---" * (2 + len(names)) + "|"
        for metric in scores:
            shown = [_number(of, metric) for of in (scores, *baselines.values())]
            yield f"| {metric} | {' | '.join(shown)} |"
        yield ""
    if result["interval"]:
        yield f"Intervals: {intervals_in_words(result['interval'])}."
        yield ""


def _limits(config: Config, encoder: Encoder, result: Result) -> Iterator[str]:
    """What the run itself says against its net, and what holds of every such net."""
    yield "## Limits"
    yield ""
    for line in (*result.get("warnings", ()), *result["notes"]):
        yield f"- {line}"
    if isinstance(encoder, TableEncoder) and any(c.kind == "category" for c in encoder.columns):
        yield "- A category that no training row has is answered as one that is not known."
    if config.data.valid and result["members"] == 1:
        yield "- Validation rows chose when training stopped, or which weights answer: their scores"
        yield "  are a little better than those of new rows. Test rows chose nothing."
    yield "- The scores are of rows like those of the file; of others they say nothing."


def _number(scores: Scores | Mapping[str, float | None], metric: str) -> str:
    value = scores.get(metric)
    return "" if value is None else f"{value:.4g}"


def _rest(count: int, what: str) -> Iterator[str]:
    if count > SHOWN:
        yield ""
        yield f"and {count - SHOWN:,} further {what}"


def _cell(text: str) -> str:
    """A name within a table."""
    return text.replace("|", "\\|").replace("\n", " ")
