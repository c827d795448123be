"""How sure a finished run's nets are of classes, set right on the validation rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from train.evaluation.temperature import fit_temperatures, scaled
from train.inference.predictor import Predicted
from train.results.outcome import Outcome
from train.run.run import Run
from train.run.temperature import write_temperatures


@dataclass(frozen=True)
class Scaled:
    """An outcome whose probabilities are scaled, by what, {head: temperature}, and lines on it."""

    outcome: Outcome
    temperatures: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def scale_answers(run: Run, outcome: Outcome) -> Scaled:
    """The outcome with each head's temperature fitted, and written into the run's folder.

    It is fitted on the validation rows, as those nets answer them that did not see them; as it is
    where the config asks for none, or there are no such rows.
    """
    encoder = run.dataset.encoder
    if not run.config.train.temperature:
        return Scaled(outcome)
    if outcome.valid is not None:
        judged = _with_axis(outcome.valid)
    elif len(run.dataset.splits["valid"]):
        judged = _each_on_valid(run, outcome)
    else:
        return Scaled(outcome)
    temperatures = fit_temperatures(encoder.heads, judged.predictions, judged.target, judged.weight)
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
    if outcome.valid is not None:
        answers = dict(outcome.valid.predictions)
        for head in encoder.heads:
            if head.name in temperatures:
                answers[head.name] = scaled(head, answers[head.name], temperatures[head.name])
        outcome = replace(outcome, valid=outcome.valid._replace(predictions=answers))
    return Scaled(outcome, temperatures, tuple(notes))


def _each_on_valid(run: Run, outcome: Outcome) -> Predicted:
    """The validation rows as each of the answering nets answers them [m, n, ...]."""
    dataset = run.dataset
    places = dataset.splits["valid"]
    predictor = outcome.predictor
    if not predictor.ensemble.has_members:
        return _with_axis(predictor.predict_rows(dataset, places))
    batch = dataset.take(dataset.arrays, places)
    return Predicted(batch.target, batch.weight, predictor.each(batch.inputs))


def _with_axis(predicted: Predicted) -> Predicted:
    """With an axis of the one net that answers."""
    each = {name: array[None] for name, array in predicted.predictions.items()}
    return predicted._replace(predictions=each)
