"""Tags of steps: how well each kind of entity is found, and sentences with the errors marked."""

from __future__ import annotations

from collections.abc import Iterator

from train.evaluation.classes import entity_scores, step_scores
from train.evaluation.metrics.sequences import are_entities
from train.report.class_answers import scores_by_class
from train.report.data import ReportData, Sentence, Tags
from train.report.page import escape, figure, group

OUTSIDE = "O"


def tag_sections(data: ReportData) -> Iterator[str]:
    """A section for each column of tags that is drawn."""
    drawn = {target.name for target in data.drawn}
    for name, tags in data.tags.items():
        if name in drawn:
            yield group(
                f"{name}: what is found in {len(tags.target_nt):,} {data.split} rows",
                _pictures(tags),
            )


def _pictures(tags: Tags) -> Iterator[str]:
    steps = tags.target_nt, tags.answer_nt, tags.tags, tags.weight_n
    if are_entities(tags.tags):
        yield scores_by_class(entity_scores(*steps), "entity")
    else:
        yield scores_by_class(step_scores(*steps), "tag")
    if not tags.sentences:
        return
    n_wrong = sum(list(row.truth) != list(row.answer) for row in tags.sentences)
    note = f"{n_wrong} with an error, which is red: answered, then what is true"
    items = "".join(f"<li>{_sentence(row)}</li>\n" for row in tags.sentences)
    title = f"{len(tags.sentences)} rows"
    yield figure(title, note, f'<ol class="sentence">{items}</ol>', kind="wide")


def _sentence(row: Sentence) -> str:
    """The tokens, the tag below each that has one; a wrong one stands before the true one."""
    words = []
    for token, truth, answer in zip(row.tokens, row.truth, row.answer, strict=True):
        said = escape(token)
        if answer != truth:
            both = f"{escape(answer)}, true {escape(truth)}"
            said = f'<ruby class="wrong">{said}<rt>{both}</rt></ruby>'
        elif truth not in ("", OUTSIDE):
            said = f"<ruby>{said}<rt>{escape(truth)}</rt></ruby>"
        words.append(said)
    return " ".join(words)
