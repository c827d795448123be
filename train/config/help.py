"""--help: the groups of options, and of each its meaning, what it may be, and its default."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple, get_type_hints

from train.config import fields, values
from train.config.meanings import first_sentence, meanings_of
from train.config.options import Config, Group
from train.config.own_net import Own
from train.errors import UserError

WIDTH = 110
NAME_WIDTH = 25  # of the column of names, its indentation included
PATH_WIDTH = 32  # of a column of whole paths
# What is set most often, and stands in the short help.
FREQUENT = (
    *("data.path", "data.target", "net.hidden", "net.dropout"),
    *("optim.name", "optim.learning_rate", "optim.l2"),
    *("train.epochs", "train.batch_size", "train.patience"),
    *("seed", "population.seeds", "population.folds"),
)


class Section(NamedTuple):
    """A group of options, or one kind of it, and where it stands in a config."""

    path: str
    group: Group

    @property
    def title(self) -> str:
        """The path, and the kind's name where there are several."""
        kind = "my_nets.MyNet" if isinstance(self.group, Own) else type(self.group).__name__
        return f"{self.path}={kind}" if self.path in GROUPS_WITH_KINDS else self.path


def describe(topic: str = "") -> str:
    """The help on a topic: "" in short, "all", a group, a kind, or whatever options it names.

    Raises UserError where it names none.
    """
    if not topic:
        return _in_short()
    sections = list(_sections())
    if topic != "all":
        named = topic.removeprefix("config.").lower()
        chosen = [section for section in sections if named in _names(section)]
        if not chosen:
            return _options_called(named, sections)
        sections = chosen
    return "\n\n".join(map(_whole, sections))


def _sections() -> Iterator[Section]:
    """The config and the groups in it, of every kind that they may be of."""
    yield Section("config", Config())
    for name, kinds in _groups().items():
        for kind in kinds:
            yield Section(f"config.{name}", kind())


def _groups() -> dict[str, Sequence[type[Group]]]:
    found = {}
    for name, annotation in get_type_hints(Config).items():
        if kinds := fields.group_kinds(annotation):
            found[name] = kinds
    return found


GROUPS_WITH_KINDS = tuple(f"config.{name}" for name, kinds in _groups().items() if len(kinds) > 1)


def _names(section: Section) -> tuple[str, str]:
    """What a section may be called: its group, or its kind, in small letters."""
    return section.path.rpartition(".")[2], type(section.group).__name__.lower()


def _in_short() -> str:
    """Every group in a line, and the options that are set most often."""
    lines = [
        "Options, set in the config's file or by --config.GROUP.FIELD=VALUE (+= adds to a list):",
        "",
    ]
    for section in _sections():
        meaning = first_sentence(inspect.getdoc(type(section.group)) or "")
        lines.append(_entry(section.title, meaning, PATH_WIDTH))
    lines += ["", "Set most often [default]:", ""]
    config = Config()
    leaves = fields.leaves_of(config)
    for path in FREQUENT:
        leaf = leaves[f"config.{path}"]
        meaning = first_sentence(meanings_of(type(leaf.group)).get(leaf.name, ""))
        default = values.to_text(leaf.value)
        lines.append(_entry(leaf.path, f"{meaning} [{default}]", PATH_WIDTH))
    lines += [
        "",
        "--help=optim shows a group with what each may be, --help=LSTM a kind, --help=dropout",
        "options of that name, --help=all everything. --config.net=LSTM takes another kind of net.",
    ]
    return "\n".join(lines)


def _whole(section: Section) -> str:
    """A section with its docstring and all its options."""
    lines = [section.title, *_paragraphs(type(section.group)), ""]
    for leaf in fields.walk(section.group, section.path):
        if leaf.group is section.group:
            lines.append(_describe(leaf))
    return "\n".join(lines)


def _paragraphs(kind: type[Group]) -> list[str]:
    """The docstring of a kind, wrapped."""
    lines: list[str] = []
    for paragraph in (inspect.getdoc(kind) or "").split("\n\n"):
        text = " ".join(paragraph.split())
        lines += textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")
    return lines


def _options_called(name: str, sections: Sequence[Section]) -> str:
    """The options whose path holds a name, each under its section."""
    blocks = []
    known = {"all"}
    for section in sections:
        lines = [section.title]
        for leaf in fields.walk(section.group, section.path):
            if leaf.group is not section.group:
                continue
            known |= {leaf.name, *_names(section)}
            if name in leaf.name or leaf.path.removeprefix("config.") == name:
                lines.append(_describe(leaf))
        if len(lines) > 1:
            blocks.append("\n".join(lines))
    if not blocks:
        hint = fields.did_you_mean(name, sorted(known))
        raise UserError(
            f"--help: no group and no option is called {name!r}{hint}; --help=all shows all"
        )
    return "\n\n".join(blocks)


def _describe(leaf: fields.Leaf) -> str:
    """One option: what it means, then what it may be, and its default."""
    meaning = meanings_of(type(leaf.group)).get(leaf.name, "")
    expected = values.describe(leaf.annotation, leaf.limits)
    default = values.to_text(leaf.value)
    lines = [_entry(leaf.name, meaning, NAME_WIDTH)] if meaning else []
    name = "" if meaning else leaf.name
    lines.append(_entry(name, f"{expected} [{default}]", NAME_WIDTH))
    return "\n".join(lines)


def _entry(name: str, text: str, width: int) -> str:
    """A name, and beside it a text in a column of its own."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=f"  {name}  ".ljust(width),
        subsequent_indent=" " * width,
    )
