"""Options that nothing reads with these rows: the user is told, for a recipe may have set them."""

from __future__ import annotations

from collections.abc import Iterator

from train.config.members import settings_of, with_values
from train.config.options import Config
from train.config.own_net import Own
from train.config.unread import idle_by_auto
from train.data.dataset import Dataset
from train.data.resolve import resolve_config, window_of
from train.data.sequences.encoder import SequenceEncoder

OF_TOKENS = (
    "data.min_count",
    "data.fold_case",
    "data.fold_digits",
    "data.characters",
    "net.token_size",
    "net.character_size",
    "net.rare",
)
OF_ONE_ANSWER = ("net.readout", "net.head", "net.head_activation")


def unread_of_rows(config: Config, dataset: Dataset) -> Iterator[str]:
    """Lines on options that nothing reads, with these rows or with what "auto" stands for."""
    yield from _idle_by_recipe(config, dataset)
    encoder = dataset.encoder
    if not isinstance(encoder, SequenceEncoder):
        return
    if config.train.truncate is not None and window_of(config, dataset) is None:
        yield (
            f"config.train.truncate: not used, for the longest training sequence has "
            f"{encoder.longest} steps"
        )
    if not encoder.traits.tokens:
        yield from _line(config, OF_TOKENS, "the inputs have no tokens")
    if not encoder.labels.targets:
        yield from _line(config, OF_ONE_ANSWER, "every target has a value at each step")


def _idle_by_recipe(config: Config, dataset: Dataset) -> Iterator[str]:
    """A line for what every setting of the config leaves idle once its "auto" is resolved."""
    everywhere: dict[str, str] | None = None
    for setting in settings_of(config):
        asked = with_values(config, setting)
        idle = idle_by_auto(asked, resolve_config(asked, dataset))
        if everywhere is not None:
            idle = {path: why for path, why in everywhere.items() if path in idle}
        everywhere = idle
    by_reason: dict[str, list[str]] = {}
    for path, why in (everywhere or {}).items():
        by_reason.setdefault(why, []).append(f"config.{path}")
    for why, paths in by_reason.items():
        yield f"not used, for {why} here: {', '.join(paths)}"


def _line(config: Config, paths: tuple[str, ...], why: str) -> Iterator[str]:
    found = []
    for path in paths:
        group_name, _, name = path.partition(".")
        group = getattr(config, group_name)
        if isinstance(group, Own):
            continue
        if getattr(group, name) not in ("auto", getattr(type(group)(), name)):
            found.append(f"config.{path}")
    if found:
        yield f"not used, for {why}: {', '.join(found)}"
