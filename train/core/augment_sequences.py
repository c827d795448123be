"""Sequences varied in training: where steps are read, what channels measure, which tokens stand.

Inputs are preprocessed ones: channels have mean 0 and deviation 1. Shapes: b batch, t time,
f numbers of a step, k knots.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtri

from nets.base import Array, Arrays
from nets.dropout import is_off, random_bits
from nets.tokens import UNKNOWN
from train.config.bounded import resolved
from train.config.net_options import LSTM
from train.config.options import Augment

Inputs = dict[str, Array]

KNOTS = 5  # of the speed at which a warped sequence is read: slower than what tells classes apart


def vary_steps(
    key: Array,
    inputs: Arrays,
    draw_inputs: Callable[[], Arrays],
    options: Augment,
    net: LSTM,
) -> Inputs:
    """Inputs as they might also have been measured.

    Sequences are cropped, warped and reversed, their channels scaled, noisy and masked, and some of
    their tokens replaced. `draw_inputs()` gives as many other rows.
    """
    step_key, channel_key, token_key = jax.random.split(key, 3)
    varied = _vary_time(step_key, dict(inputs), options, resolved(net.crop))
    if "numbers" in varied:
        varied["numbers"] = _vary_channels(
            channel_key, varied["numbers"], varied["length"], options, net
        )
    if "tokens" in varied:
        varied = _vary_tokens(token_key, varied, draw_inputs, options)
    return varied


def _vary_time(key: Array, inputs: Inputs, options: Augment, crop: float | Array) -> Inputs:
    """A part of each sequence, time warped (Um et al. 2017), some of them read backwards.

    A part is of the share `crop` of the steps at the least.
    """
    if is_off(1 - crop) and is_off(options.warp) and is_off(options.reverse):
        return inputs
    share_key, place_key, warp_key, reverse_key = jax.random.split(key, 4)
    length_b = inputs["length"]
    width = next(a.shape[1] for name, a in inputs.items() if name != "length")
    share_b = crop + (1 - crop) * uniform(share_key, length_b.shape)
    cropped_b = jnp.minimum(jnp.ceil(length_b * share_b).astype(jnp.int32), length_b)
    first_b = jnp.floor((length_b - cropped_b + 1) * uniform(place_key, length_b.shape))
    last_b = jnp.maximum(cropped_b - 1, 0).astype(jnp.float32)
    at_bt = jnp.minimum(jnp.arange(width, dtype=jnp.float32)[None], last_b[:, None])
    if not is_off(options.warp):
        at_bt = _warp(warp_key, at_bt, last_b, options.warp)
    if not is_off(options.reverse):
        reversed_b = uniform(reverse_key, length_b.shape) < options.reverse
        at_bt = jnp.where(reversed_b[:, None], last_b[:, None] - at_bt, at_bt)
    at_bt += first_b[:, None]
    varied = {"length": cropped_b}
    for name, array in inputs.items():
        if name != "length":
            varied[name] = _sample_at(array, at_bt)
    return varied


def _warp(key: Array, at_bt: Array, last_b: Array, strength: float | Array) -> Array:
    """Places in a sequence, read at a speed that varies smoothly.

    Its first and its last step stay where they are.
    """
    speed_bk = jnp.exp(strength * normal(key, (len(last_b), KNOTS)))
    pace_bk = jnp.cumsum((speed_bk[:, 1:] + speed_bk[:, :-1]) / 2, 1)
    passed_bk = jnp.pad(pace_bk / pace_bk[:, -1:], ((0, 0), (1, 0)))
    share_bt = at_bt / jnp.maximum(last_b, 1)[:, None]
    knots_k = jnp.linspace(0.0, 1.0, KNOTS)
    interpolate = jax.vmap(jnp.interp, in_axes=(0, None, 0))
    return interpolate(share_bt, knots_k, passed_bk) * last_b[:, None]


def _sample_at(array: Array, at_bt: Array) -> Array:
    """What stands at these places: numbers interpolated, codes of the nearest step."""
    axes = tuple(range(2, array.ndim))
    if not jnp.issubdtype(array.dtype, jnp.floating):
        nearest_bt = jnp.round(at_bt).astype(jnp.int32)
        return jnp.take_along_axis(array, jnp.expand_dims(nearest_bt, axes), 1)
    before_bt = jnp.floor(at_bt).astype(jnp.int32)
    after_bt = jnp.minimum(before_bt + 1, array.shape[1] - 1)
    share = jnp.expand_dims(at_bt - before_bt, axes)
    before = jnp.take_along_axis(array, jnp.expand_dims(before_bt, axes), 1)
    after = jnp.take_along_axis(array, jnp.expand_dims(after_bt, axes), 1)
    return before + share * (after - before)


def _vary_channels(key: Array, x_btf: Array, length_b: Array, options: Augment, net: LSTM) -> Array:
    """Channels scaled and shifted, with noise on every number, some masked.

    Masked steps and channels are at their mean (SpecAugment, Park et al. 2019).
    """
    b, t, f = x_btf.shape
    noise = resolved(net.noise)
    offset = resolved(net.offset)
    scale_key, noise_key, offset_key, width_key, start_key, channel_key = jax.random.split(key, 6)
    if not is_off(options.scaling):
        x_btf = x_btf * (1 + options.scaling * normal(scale_key, (b, 1, f)))
    if not is_off(noise):
        x_btf = x_btf + noise * normal(noise_key, x_btf.shape)
    if not is_off(offset):
        x_btf = x_btf + offset * normal(offset_key, (b, 1, f))
    if not is_off(options.time_mask):
        n_b = jnp.floor(uniform(width_key, (b,)) * (jnp.floor(options.time_mask * length_b) + 1))
        first_b = jnp.floor(uniform(start_key, (b,)) * (length_b - n_b + 1))
        step_bt = jnp.arange(t)[None]
        masked_bt = (step_bt >= first_b[:, None]) & (step_bt < (first_b + n_b)[:, None])
        x_btf = jnp.where(masked_bt[..., None], jnp.zeros((), x_btf.dtype), x_btf)
    if not is_off(options.channel_mask):
        masked_b1f = uniform(channel_key, (b, 1, f)) < options.channel_mask
        x_btf = jnp.where(masked_b1f, jnp.zeros((), x_btf.dtype), x_btf)
    return x_btf


def _vary_tokens(
    key: Array, inputs: Inputs, draw_inputs: Callable[[], Arrays], options: Augment
) -> Inputs:
    """Some tokens taken from other sequences, and some unknown, spelling included.

    A taken one stands at any place of any sequence, each of these being as likely as another.
    """
    swap_key, place_key, drop_key = jax.random.split(key, 3)
    names = [name for name in ("tokens", "characters") if name in inputs]
    mask_bt = jnp.arange(inputs["tokens"].shape[1])[None] < inputs["length"][:, None]
    if not is_off(options.token_swap):
        others = draw_inputs()
        place_bt = jnp.floor(uniform(place_key, mask_bt.shape) * others["length"][:, None])
        # An empty sequence has no token to give.
        gives_b1 = (others["length"] > 0)[:, None]
        chosen_bt = mask_bt & gives_b1 & (uniform(swap_key, mask_bt.shape) < options.token_swap)
        for name in names:
            given = _sample_at(others[name], place_bt)
            inputs[name] = jnp.where(
                jnp.expand_dims(chosen_bt, tuple(range(2, given.ndim))), given, inputs[name]
            )
    if not is_off(options.token_drop):
        chosen_bt = mask_bt & (uniform(drop_key, mask_bt.shape) < options.token_drop)
        inputs["tokens"] = jnp.where(chosen_bt, UNKNOWN, inputs["tokens"])
        if "characters" in inputs:
            characters = inputs["characters"]
            unknown_c = (jnp.arange(characters.shape[2]) == 0).astype(characters.dtype) * UNKNOWN
            inputs["characters"] = jnp.where(
                chosen_bt[..., None], unknown_c[None, None], characters
            )
    return inputs


def stretch(x_btf: Array, length_b: Array, wanted_b: Array) -> Array:
    """Sequences of these lengths read at such a speed that they last as long as wanted."""
    step_bt = jnp.arange(x_btf.shape[1], dtype=jnp.float32)[None]
    speed_b = jnp.maximum(length_b - 1, 0) / jnp.maximum(wanted_b - 1, 1)
    last_bt = jnp.maximum(length_b - 1, 0).astype(jnp.float32)[:, None]
    return _sample_at(x_btf, jnp.minimum(step_bt * speed_b[:, None], last_bt))


def uniform(key: Array, shape: tuple[int, ...]) -> Array:
    """Between 0 and 1, never either: 23 bits and a half, which float32 holds exactly."""
    return ((random_bits(key, shape) >> 9).astype(jnp.float32) + 0.5) / (1 << 23)


def normal(key: Array, shape: tuple[int, ...]) -> Array:
    """Standard normal, within +-5.3."""
    return ndtri(uniform(key, shape))
