"""Tags of steps: the path that answers, of one net or of several together.

Shapes: m nets, b batch, t time, k tags.
"""

from __future__ import annotations

import jax

from nets.base import Array, Arrays, Statistics
from nets.crf import viterbi


def best_path(outputs: Arrays, name: str, statistics: Statistics) -> Array:
    """The tags of a head [b, t] that score best by its outputs; -1 beyond a row's end.

    What may follow what is among the targets' statistics; what a CRF has learned of it is added.
    """
    fitted = statistics[name]
    start_k = fitted["start"]
    transition_kk = fitted["transition"]
    if _is_crf(outputs, name):
        start_k = start_k + outputs[f"{name}.start"]
        transition_kk = transition_kk + outputs[f"{name}.transition"]
    return viterbi(outputs[name], start_k, transition_kk, outputs["length"], fitted.get("end"))


def joint_path(outputs: Arrays, name: str, statistics: Statistics) -> Array:
    """The tags of a head [b, t] that score best by the outputs [m, ...] of several nets together.

    Each step's tags have the mean of the nets' probabilities, as logarithms. A CRF has none of a
    step alone: all that paths are scored by is averaged.
    """
    joint = {"length": outputs["length"][0]}
    if _is_crf(outputs, name):
        for part in (name, f"{name}.start", f"{name}.transition"):
            joint[part] = outputs[part].mean(0)
    else:
        # The sum's logarithm is that of the mean but for a number that all paths have alike.
        joint[name] = jax.nn.logsumexp(jax.nn.log_softmax(outputs[name]), axis=0)
    return best_path(joint, name, statistics)


def _is_crf(outputs: Arrays, name: str) -> bool:
    return f"{name}.start" in outputs
