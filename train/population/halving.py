"""Successive halving (Jamieson & Talwalkar 2016): of many settings only the best train on."""

from __future__ import annotations

import math

import numpy as np

from train.config.bounded import resolved
from train.config.options import Config
from train.core.state import State
from train.parallel.devices import fetch
from train.run.run import Run


def rungs(config: Config) -> list[int]:
    """Epochs after which settings are compared and most of them stop, in whole evaluations.

    E / 9 and E / 3 for a `halving` of 3 in a run of E epochs.
    """
    halving = config.population.halving
    if halving is None:
        return []
    epochs = resolved(config.train.epochs)
    every = config.train.eval_every
    found = {-(-epochs // (halving**power * every)) * every for power in (2, 1)}
    return sorted(epoch for epoch in found if epoch < epochs)


def halve(run: Run, state: State) -> State:
    """The state in which, at a rung, the members of all settings but the best are stopped.

    Settings are compared by the mean of their members' lowest values. Once more at the same rung
    changes nothing.
    """
    halving = run.config.population.halving
    epoch = int(np.max(fetch(state.step))) // run.program.steps_per_epoch
    at = rungs(run.config)
    if halving is None or epoch not in at:
        return state
    setting_k = np.array([member.setting for member in run.members])
    value_k = np.asarray(fetch(state.best.value))
    settings = np.unique(setting_k)
    means = np.array([value_k[setting_k == setting].mean() for setting in settings])
    n_left = math.ceil(len(settings) / halving ** (at.index(epoch) + 1))
    lost = settings[np.argsort(means, kind="stable")[n_left:]]
    return state.replace(stopped=state.stopped | np.isin(setting_k, lost))
