"""Callbacks of scikit-learn, which it has from 1.9 on: they see each evaluation, and the end."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING

from train.data.files.arrow import Foreign
from train.run.listener import Watch

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.callback import CallbackContext, CallbackSupportMixin, with_callbacks
elif importlib.util.find_spec("sklearn.callback"):
    from sklearn.callback import CallbackSupportMixin, with_callbacks
else:

    class CallbackSupportMixin:
        """What stands in its place where scikit-learn has no callbacks."""

    def with_callbacks(method):
        """A method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "begin_fit", "end_fit", "watch_of", "with_callbacks"]


def begin_fit(estimator: CallbackSupportMixin) -> CallbackContext | None:
    """Tells callbacks that training begins; None where nobody listens."""
    if not getattr(estimator, "_skl_callbacks", None):
        return None
    begin: Foreign = estimator._init_callback_context
    context = begin(max_subtasks=None)
    return context.call_on_fit_task_begin(estimator=estimator)


def watch_of(estimator: CallbackSupportMixin, context: CallbackContext | None) -> Watch:
    """Tells callbacks of each evaluation, a task of the fit whose metadata are its scores."""

    def watch(epoch: int, loss: float, scores: Mapping[str, float]) -> None:
        if context is None:
            return
        metadata = {"epoch": epoch, "loss": loss, **scores}
        task = context.subcontext(task_name="evaluation")
        task.call_on_fit_task_begin(estimator=estimator)
        task.call_on_fit_task_end(estimator=estimator, metadata=metadata)

    return watch


def end_fit(
    estimator: BaseEstimator, context: CallbackContext | None, X: object, y: object
) -> None:
    """Tells callbacks that training is over, with the estimator as it answers."""
    if context is None:
        return
    fitted = {name: value for name, value in vars(estimator).items() if name.endswith("_")}
    context.call_on_fit_task_end(
        estimator=estimator, X=X, y=y, metadata={}, reconstruction_attributes=fitted
    )
