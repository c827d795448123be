"""Options of the optimizer: its formula, its schedule, and every penalty."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from train.config.bounded import Auto, bounded
from train.config.imported import Imported


@dataclass
class Optim:
    """The optimizer, its schedule and every penalty.

    Formulas and defaults are those of Keras 3, but that Keras' learning rate of sgd is .01, and its
    weight decay of adamw .004: here "adamw" is "adam", and any optimizer may have `weight_decay`.
    Nesterov's momentum of rmsprop, which Keras has not, is that of optax.
    """

    name: Literal["rmsprop", "adam", "adamw", "nadam", "sgd", "lion"] | Imported = "rmsprop"
    """The rule that turns gradients into steps.

    An import path such as optax.adabelief(learning_rate=1e-3) makes an optimizer of optax, which
    has its own learning rate and decay; config.optim=partial(optax.adabelief, ...) is the same.
    """
    learning_rate: float | Auto = bounded(1e-3, above=0)
    """How long a step is; too high and the loss is not finite, too low and little is learned."""
    decay: float = bounded(0.9, 0, below=1)
    """rmsprop: the share of its mean of squared gradients that each update keeps."""
    momentum: float = bounded(0.0, 0, below=1)
    """rmsprop, sgd: the share of the last step that goes into the next one."""
    nesterov: bool = False
    """Whether momentum looks a step ahead."""
    beta1: float = bounded(0.9, 0, below=1)
    """adam, nadam, lion: the share of its mean of gradients that each update keeps."""
    beta2: float | Auto = bounded("auto", 0, below=1)
    """adam, nadam, lion: that of squared gradients; "auto" is .999, of lion .99."""
    epsilon: float = bounded(1e-7, above=0)
    """What is added where gradients are divided by their size, against division by 0."""
    schedule: Literal[
        "constant", "cosine", "flat_cosine", "exponential", "one_cycle", "plateau"
    ] = "constant"
    """How the learning rate changes over a run; "plateau" cuts it where nothing gets better."""
    final: float = bounded(0.0, 0, 1)
    """The share of the learning rate that "cosine" and "exponential" end at."""
    plateau_factor: float = bounded(0.1, above=0)
    """What "plateau" multiplies the learning rate by."""
    plateau_patience: int = bounded(10, 0)
    """After how many evaluations without a better one "plateau" does so."""
    warmup: float | int = bounded(0, 0)
    """Updates, or below 1 a share of all, over which the learning rate rises to its value."""
    clip_norm: float | None = bounded(None, above=0)
    """Gradients longer than this, all together, are cut to it."""
    l1: float = bounded(0.0, 0)
    """The penalty on sizes of weights, which leaves few of them."""
    l1_step: Literal["gradient", "proximal"] = "gradient"
    """How `l1` acts: by its gradient, or as a step that makes weights exactly 0.

    "proximal" takes `l1` out of the gradient: after each update kernels shrink by learning_rate *
    l1, times their rate in `rates`, and stop at 0.
    """
    l2: float = bounded(0.0, 0)
    """The penalty on squared weights, which keeps them small; it is a part of the loss."""
    weight_decay: float = bounded(0.0, 0)
    """By what weights shrink at each update, times the learning rate; no part of the loss."""
    weight_decay_schedule: Literal["auto", "constant", "flat_cosine"] = "constant"
    """Whether weight decay stays, or fades in the second half of a run."""
    ema: float = bounded(0.0, 0, 0.999999)
    """Weights averaged over updates answer; this share of the average stays at each. 0: off."""
    rates: dict[str, float] = bounded({}, 0)
    """What the learning rate is multiplied by for parameters of a name, such as {"bias": 0.1}."""

    def own_beta2(self) -> float:
        """`beta2`; where it is "auto", what Keras has for the optimizer."""
        if not isinstance(self.beta2, str):
            return self.beta2
        return 0.99 if self.name == "lion" else 0.999

    def has_own_beta2(self) -> bool:
        """Whether `beta2` is what "auto" stands for, as the config of a saved run has it."""
        return self.beta2 in ("auto", replace(self, beta2="auto").own_beta2())
