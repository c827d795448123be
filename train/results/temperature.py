"""Temperature scaling of a finished run's class probabilities, on its validation rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from train.evaluation.temperature import fit_temperatures, scaled
from train.inference.predictor import Predicted
from train.results.outcome import Outcome
from train.run.run import Run
from train.run.temperature import write_temperatures


@dataclass(frozen=True)
class Scaled:
    """An outcome whose probabilities are scaled."""

    outcome: Outcome
    temperatures: dict[str, float] = field(default_factory=dict)
    """{head: its temperature}."""
    notes: tuple[str, ...] = ()
    """Lines for the user on the temperatures."""


def scale_answers(run: Run, outcome: Outcome) -> Scaled:
    """The outcome with each head's temperature fitted, and written into the run's folder.

    A temperature is fitted on validation rows, predicted by nets that were not trained on them.
    Without such rows, or where the config asks for none, the outcome stays as it is.
    """
    encoder = run.dataset.encoder
    if not run.config.train.temperature:
        return Scaled(outcome)
    out_of_fold = outcome.out_of_fold
    if out_of_fold is not None:
        valid = _with_axis(out_of_fold.predicted)
    elif len(run.dataset.splits["valid"]):
        valid = _each_on_valid(run, outcome)
    else:
        return Scaled(outcome)
    temperatures = fit_temperatures(encoder.heads, valid.predictions, valid.target, valid.weight)
    write_temperatures(run.folder, temperatures, outcome.facts.steps)
    outcome.predictor.scale(temperatures)
    notes = []
    for name, temperature in temperatures.items():
        if temperature == 1:
            continue
        notes.append(
            f"probabilities of {name!r}: logits divided by {temperature:.3g}, which makes the "
            "log-loss of the validation rows lowest"
        )
    if out_of_fold is not None:
        answers = dict(out_of_fold.predicted.predictions)
        for head in encoder.heads:
            if head.name in temperatures:
                answers[head.name] = scaled(head, answers[head.name], temperatures[head.name])
        predicted = out_of_fold.predicted._replace(predictions=answers)
        outcome = replace(outcome, out_of_fold=out_of_fold._replace(predicted=predicted))
    return Scaled(outcome, temperatures, tuple(notes))


def _each_on_valid(run: Run, outcome: Outcome) -> Predicted:
    """The validation rows, predicted by each of the answering nets [m, n, ...]."""
    dataset = run.dataset
    places = dataset.splits["valid"]
    predictor = outcome.predictor
    if not predictor.ensemble.has_members:
        return _with_axis(predictor.predict_rows(dataset, places))
    batch = dataset.take(dataset.arrays, places)
    return Predicted(batch.target, batch.weight, predictor.each(batch.inputs))


def _with_axis(predicted: Predicted) -> Predicted:
    """Predictions of one net [n, ...] as those of several [1, n, ...]."""
    each = {name: array[None] for name, array in predicted.predictions.items()}
    return predicted._replace(predictions=each)
