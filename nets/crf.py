"""Sequences of tags by their scores: the best one, and the likelihood of a given one.

Lafferty et al. 2001.

A path y of row b scores start[y_0] + sum_t logits[b, t, y_t] + sum_t transition[y_(t-1), y_t] over
its lengths_b[b] steps. Shapes: b batch, t time, k tags.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from nets.base import Array


def viterbi(
    logits_btk: Array,
    start_k: Array,
    transition_kk: Array,
    lengths_b: Array,
    end_k: Array | None = None,
) -> Array:
    """The path of the highest score, int32 [b, t]; -1 beyond a row's end.

    Steps there do not count. `end_k` is added to the score of a path by its last tag.
    """
    _, n_steps, k = logits_btk.shape
    mask_tb = jnp.arange(n_steps)[:, None] < lengths_b[None]
    logits_tbk = jnp.moveaxis(logits_btk, 1, 0)

    def forward(score_bk: Array, step: tuple[Array, Array]) -> tuple[Array, Array]:
        logits_bk, mask_b = step
        total_bkk = score_bk[:, :, None] + transition_kk[None]
        new_bk = total_bkk.max(1) + logits_bk
        # Beyond the end every tag points back at itself, so that the path found there is carried to
        # its last step.
        from_bk = jnp.where(mask_b[:, None], total_bkk.argmax(1), jnp.arange(k)[None])
        return jnp.where(mask_b[:, None], new_bk, score_bk), from_bk

    first_bk = start_k[None] + logits_tbk[0]
    score_bk, from_tbk = lax.scan(forward, first_bk, (logits_tbk[1:], mask_tb[1:]))

    def backward(tag_b: Array, from_bk: Array) -> tuple[Array, Array]:
        before_b = jnp.take_along_axis(from_bk, tag_b[:, None], 1)[:, 0]
        return before_b, before_b

    if end_k is not None:
        score_bk = score_bk + end_k[None]
    last_b = score_bk.argmax(-1)
    _, before_tb = lax.scan(backward, last_b, from_tbk, reverse=True)
    path_tb = jnp.concatenate([before_tb, last_b[None]])
    return jnp.where(mask_tb, path_tb, -1).T.astype(jnp.int32)


def log_likelihood(
    logits_btk: Array, tags_bt: Array, start_k: Array, transition_kk: Array, lengths_b: Array
) -> Array:
    """log P(tags) of each row [b]; 0 without steps.

    It is the path's score less the log of the sum of exp over all paths.
    """
    n_steps = logits_btk.shape[1]
    mask_bt = jnp.arange(n_steps)[None] < lengths_b[:, None]
    tags_bt = jnp.where(mask_bt, tags_bt, 0)
    emitted_bt = jnp.take_along_axis(logits_btk, tags_bt[:, :, None], -1)[:, :, 0]
    moved_bt = transition_kk[tags_bt[:, :-1], tags_bt[:, 1:]]
    score_b = (
        start_k[tags_bt[:, 0]] + (emitted_bt * mask_bt).sum(1) + (moved_bt * mask_bt[:, 1:]).sum(1)
    )

    def forward(total_bk: Array, step: tuple[Array, Array]) -> tuple[Array, None]:
        logits_bk, mask_b = step
        new_bk = jax.nn.logsumexp(total_bk[:, :, None] + transition_kk[None], axis=1) + logits_bk
        return jnp.where(mask_b[:, None], new_bk, total_bk), None

    logits_tbk = jnp.moveaxis(logits_btk, 1, 0)
    total_bk, _ = lax.scan(forward, start_k[None] + logits_tbk[0], (logits_tbk[1:], mask_bt.T[1:]))
    return jnp.where(lengths_b > 0, score_b - jax.nn.logsumexp(total_bk, axis=-1), jnp.zeros(()))
