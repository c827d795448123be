"""Which weights answer, in words: the best by a measure that is named, or the last."""

from __future__ import annotations

from train.report.result import Monitor, Result

SPLITS = {"valid": "validation", "train": "training"}


def measure_in_words(monitor: Monitor) -> str:
    """What decides, such as "validation loss"."""
    return f"{SPLITS[monitor['split']]} {monitor['measure']}"


def measure_of(result: Result) -> str:
    """The measure that a run went by, in words."""
    return measure_in_words(result["monitor"]) if "monitor" in result else "monitored value"


def weights_in_words(result: Result) -> str:
    """The step of the weights that answer, and the measure they were chosen by, in words.

    A result of an earlier version does not say.
    """
    if "refit" in result:
        return f"the last weights of the net that was trained again, of step {result['steps']:,}"
    if "monitor" not in result or "weights_step" not in result:
        return f"weights of step {result['best_step']:,} of {result['steps']:,}"
    monitor = result["monitor"]
    measure = measure_in_words(monitor)
    lowest = result["best_step"]
    own = result["weights_step"]
    if monitor["restore"] == "best" and (alone := _simple_net(result)):
        return f"{alone}: no step of {result['steps']:,} had a lower {measure}"
    if monitor["restore"] == "best":
        return f"weights of step {own:,} of {result['steps']:,}, where {measure} was lowest"
    if monitor["split"] == "train":
        return f"the last weights, of step {own:,}"
    was_lowest = "then" if lowest == own else f"at step {lowest:,}"
    return f"the last weights, of step {own:,}; {measure} was lowest {was_lowest}"


def _simple_net(result: Result) -> str:
    """What answers in place of weights that training found, and in how many nets; "" if none."""
    steps = [net.get("weights_step") for net in result["per_member"]]
    if 0 not in steps:
        return ""
    simple = "the linear map alone" if "horizon" in result else "the mean alone"
    return simple if len(steps) == 1 else f"{simple} in {steps.count(0)} of {len(steps)} nets"


def mark_in_words(monitor: Monitor | None) -> str:
    """What the mark at the epoch of the answering weights is called."""
    if monitor is None:
        return "weights"
    return "last" if monitor["restore"] == "last" else f"best by {monitor['measure']}"
