"""States with everything in them that a run may have, and folders that they are saved in."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nets.heads import readable_names
from train.config.options import Optim
from train.core.optim import make_optimizer
from train.core.state import State, init_state
from train.core.weights import Weights
from train.run.checkpoint import Checkpoints

ODD_COLUMNS = ("a/b", "", "x y", "größe", "..", "a.b", "kernel")


@cache
def make_state(name: str = "adamw", width: int = 3, layer: str = "layer_0") -> State:
    """A state with everything in it that a run may have."""
    random = np.random.default_rng(0)

    def draw(*shape: int) -> jax.Array:
        return jnp.asarray(random.normal(size=shape), jnp.float32)

    params = {"body": {layer: {"kernel": draw(2, width), "bias": draw(width)}}}
    params["output"] = {head: {"kernel": draw(width, 1)} for head in readable_names(ODD_COLUMNS)}
    stats = {"body": {"norm_0": {"mean": draw(width), "var": draw(width)}}}
    momentum = 0.5 if name == "rmsprop" else 0.0
    optim = Optim(name, momentum=momentum, weight_decay=0.1, clip_norm=1.0, rates={"bias": 0.1})
    return init_state(Weights(params, stats), make_optimizer(optim, 10), average=True)


def at(step: int, **options: Any) -> State:
    """That state at a step, every number another one than at the next."""
    state = jax.tree.map(
        lambda leaf: leaf + step if leaf.dtype == jnp.float32 else leaf, make_state(**options)
    )
    return state.replace(step=jnp.int32(step))


def model_of(state: State) -> dict[str, Any]:
    targets = {name: {"rate": jnp.full(2, i)} for i, name in enumerate(ODD_COLUMNS)}
    statistics = {"inputs": {"fill": jnp.arange(3.0)}, "targets": targets}
    weights = state.best.weights
    return {"params": weights.params, "batch_stats": weights.batch_stats, "statistics": statistics}


def save(folder: Path, *steps: int, keep: int = 2) -> None:
    checkpoints = Checkpoints(folder, keep)
    for step in steps:
        checkpoints.save(step, at(step), model_of(at(step)))
    checkpoints.close()


def files_of(folder: Path, step: int) -> list[Path]:
    return sorted(
        path for path in (folder / "checkpoints" / str(step)).rglob("*") if path.is_file()
    )


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def assert_same_bits(ours: Any, wanted: Any) -> None:
    assert jax.tree.structure(ours) == jax.tree.structure(wanted)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(wanted), strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
