"""What a search came to, for a terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from train.config.options import Config
from train.population.study import SearchResult, trial_in_words
from train.report.result_check import checked_result
from train.results.summary import summary
from train.run.manifest import read_listed

MAX_TRIALS = 5  # trials


def tell_trials(
    result: SearchResult, config: Config, best: Path, echo: Callable[[str], None]
) -> None:
    """Says which trials are the best, and what the best one came to."""
    for line in best_lines(result, config.train.monitor):
        echo(line)
    content = read_listed(best, "result.json", "a finished run")
    echo(summary(checked_result(content, best / "result.json"), best))
    echo(f"best: {best}")


def best_lines(result: SearchResult, measure: str) -> list[str]:
    """The best trials by a measure, for a terminal."""
    finite = []
    for trial in result["trials"]:
        if trial["value"] is not None:
            words = trial_in_words(trial["values"])
            finite.append(f"  {trial['value']:.4g}  trial {trial['trial']}: {words}")
    n_shown = min(MAX_TRIALS, len(finite))
    return [
        f"the best {n_shown} of {len(result['trials'])} trials, by validation {measure}:",
        *finite[:MAX_TRIALS],
    ]
