"""A user's own code, imported by its path: a module as a body, a loss, an optimizer.

Only here is anything imported that a config names. What goes wrong in it is one line.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping

import flax.linen as nn
import jax.numpy as jnp
import optax

from nets.base import Array, Tree
from nets.own import OwnBody, OwnSteps
from train.config.imported import FieldValue, Imported
from train.config.options import Optim
from train.config.own_net import Own
from train.core.rates import scale_by_name
from train.errors import UserError


def body_of(net: Own) -> OwnBody:
    """The Linen module of a net's options as the body of a net on rows. Raises UserError."""
    return OwnBody(_make_module(net), functools.partial(in_one_line, "config.net", net.path))


def steps_of(net: Own) -> OwnSteps:
    """The Linen module of a net's options as the body of a net on steps. Raises UserError."""
    return OwnSteps(_make_module(net), functools.partial(in_one_line, "config.net", net.path))


def _make_module(net: Own) -> nn.Module:
    with in_one_line("config.net", net.path):
        module = _import_path(net.path)(**_build_fields(dict(vars(net))))
        if not isinstance(module, nn.Module):
            made = type(module).__name__
            raise UserError(f"config.net: {net.path} makes no Linen module, but a {made}")
        return module


def is_own_loss(loss: str, kind: str) -> bool:
    """Whether a loss is a user's own, and a head of this kind has a number for each row."""
    return isinstance(loss, Imported) and kind in ("regression", "binary", "multiclass")


def find_loss(losses: Mapping[str, Callable[..., Array]], name: str) -> Callable[..., Array]:
    """The loss of a name, or of an import path. Raises UserError."""
    return loss_of(name) if isinstance(name, Imported) else losses[name]


@functools.cache
def loss_of(name: Imported) -> Callable[[Array, Array], Array]:
    """The loss at an import path: outputs and targets of a batch -> [b]. Raises UserError."""
    with in_one_line("config.loss", name.path):
        function = _import_path(name.path)
    if name.is_call:
        function = functools.partial(function, **_build_fields(name.fields))

    def loss(outputs: Array, target: Array, _: float | Array = 0.0) -> Array:
        with in_one_line("config.loss", name.path):
            losses = function(outputs, target)
            if jnp.shape(losses) != outputs.shape[:1]:
                raise UserError(
                    f"config.loss: {name.path} gives an array {jnp.shape(losses)} of outputs "
                    f"{outputs.shape}; expected a loss for each row, {outputs.shape[:1]}"
                )
            return losses

    return loss


def optimizer_of(options: Optim) -> optax.GradientTransformationExtraArgs:
    """The optimizer of an import path, its gradients clipped and its steps by `rates`.

    Raises UserError.
    """
    name = options.name
    assert isinstance(name, Imported)
    transforms = []
    if options.clip_norm is not None:
        transforms.append(optax.clip_by_global_norm(options.clip_norm))
    with in_one_line("config.optim", name.path):
        own = _import_path(name.path)(**_build_fields(name.fields))
        if not (hasattr(own, "init") and hasattr(own, "update")):
            raise UserError(
                f"config.optim: {name.path} makes a {type(own).__name__}, no optimizer of optax"
            )
    transforms.append(_with_named_errors(own, name.path))
    if options.rates:
        transforms.append(scale_by_name(options.rates))
    return optax.with_extra_args_support(optax.chain(*transforms))


def _with_named_errors(
    own: optax.GradientTransformation, path: str
) -> optax.GradientTransformationExtraArgs:
    """The optimizer, with each of its errors a UserError of one line."""
    own = optax.with_extra_args_support(own)

    def init(params: optax.Params) -> optax.OptState:
        with in_one_line("config.optim", path):
            return own.init(params)

    def update(
        updates: optax.Updates,
        state: optax.OptState,
        params: optax.Params | None = None,
        **extra: Array,
    ) -> tuple[optax.Updates, optax.OptState]:
        with in_one_line("config.optim", path):
            return own.update(updates, state, params, **extra)

    return optax.GradientTransformationExtraArgs(init, update)


def _import_path(path: str) -> Callable[..., Tree]:
    """What stands at an import path; modules of the folder that one is in are found last."""
    folder = os.getcwd()
    if folder not in sys.path:
        sys.path.append(folder)
    return pkgutil.resolve_name(path)


def _build_fields(fields: Mapping[str, FieldValue]) -> dict[str, Tree]:
    return {name: _build_value(value) for name, value in fields.items()}


def _build_value(value: FieldValue) -> Tree:
    """A field's value, with what it names imported, and called where it is a call."""
    if isinstance(value, Imported):
        found = _import_path(value.path)
        if not value.is_call:
            return found
        made = _build_fields(value.fields)
        is_kind = isinstance(found, type)
        return found(**made) if is_kind else functools.partial(found, **made)
    if isinstance(value, tuple):
        return tuple(map(_build_value, value))
    if isinstance(value, Mapping):
        return _build_fields(value)
    return value


@contextlib.contextmanager
def in_one_line(where: str, path: str) -> Iterator[None]:
    """What fails within is a UserError that names the user's line."""
    try:
        yield
    except UserError:
        raise
    except (ImportError, AttributeError) as error:
        if error.__traceback__ is not None and _error_location(error, path):
            raise UserError(_error_text(where, path, error)) from error
        raise UserError(
            f"{where}: {path} cannot be imported from {os.getcwd()}: {error}; run where its module "
            "lies, or name that folder in PYTHONPATH"
        ) from None
    except Exception as error:
        raise UserError(_error_text(where, path, error)) from error


def _error_text(where: str, path: str, error: Exception) -> str:
    what = " ".join(str(error).split())
    what = what if len(what) <= 300 else f"{what[:300]}..."
    place = _error_location(error, path)
    return f"{where}: {path}{f' ({place})' if place else ''}: {type(error).__name__}: {what}"


def _error_location(error: Exception, path: str) -> str:
    """The last line that an error passed in the module of a path; "" if none."""
    module = path
    while module and module not in sys.modules:
        module = module.rpartition(".")[0]
    file = getattr(sys.modules.get(module), "__file__", None)
    found = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == file:
            found = f"{os.path.basename(frame.filename)} line {frame.lineno}"
    return found
