"""What is done to the files of a finished folder: bits, ends, whole files, JSON by a grammar."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

Random: TypeAlias = np.random.Generator
ODD: tuple[object, ...] = (
    None, True, -1, 0, 2**63, 2**200, 1e300, -0.0, 0.5, "", "..", "../../x", "/etc/passwd",
    "a" * 10_000, "\u0000", [], {}, [[]], [None], {"a": 1}, [1, "2", None], "NaN", "auto", "5",
)  # fmt: skip
TEXTS = (
    b"", b"\n", b"[", b"{}", b"[]", b"5", b"null", b"NaN", b"{'a': 1}", b"\xff\xfe\x00",
    b"[" * 100_000, b'{"a":' * 50_000, b"1" * 10_000, b'{"config": {"config": {}}}',
)  # fmt: skip


def files_of(folder: Path) -> list[Path]:
    """The files of a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def pick_file(folder: Path, random: Random) -> Path:
    """A file of a folder, each as likely, though checkpoints have many."""
    groups: dict[str, list[Path]] = {}
    for path in files_of(folder):
        inner = path.relative_to(folder)
        kind = inner.name if len(inner.parts) == 1 else "/".join((inner.parts[0], inner.suffix))
        groups.setdefault(kind, []).append(path)
    names = sorted(groups)
    group = groups[names[random.integers(len(names))]]
    return group[random.integers(len(group))]


def spoil(folder: Path, random: Random) -> str:
    """Flips a bit, cuts, empties, grows, deletes or replaces a file; what was done, in words."""
    path = pick_file(folder, random)
    size = path.stat().st_size
    kind = str(random.choice(["flip"] * 5 + ["cut", "empty", "grow", "delete", "folder", "zero"]))
    if kind in ("flip", "cut", "zero") and not size:
        kind = "grow"
    match kind:
        case "flip":
            with open(path, "r+b") as file:
                place = int(random.integers(size))
                file.seek(place)
                byte = file.read(1)[0] ^ (1 << int(random.integers(8)))
                file.seek(place)
                file.write(bytes([byte]))
            kind = f"flip of byte {place}"
        case "cut":
            os.truncate(path, int(random.integers(size)))
        case "empty":
            os.truncate(path, 0)
        case "grow":
            with open(path, "ab") as file:
                file.write(random.bytes(int(random.integers(1, 100))))
        case "delete":
            path.unlink()
        case "folder":
            path.unlink()
            path.mkdir()
        case "zero":
            path.write_bytes(bytes(size))
    return f"{kind} in {path.relative_to(folder)}"


def malform(folder: Path, random: Random) -> str:
    """Replaces something in a JSON file, or all of it, as a grammar says; what, in words.

    Half of the time there is no manifest any more, so that what is in it is read.
    """
    trusted = bool(random.integers(2))
    if trusted:
        (folder / "manifest.json").unlink(missing_ok=True)
    paths = [path for path in files_of(folder) if path.suffix in (".json", ".jsonl")]
    paths = [path for path in paths if len(path.relative_to(folder).parts) < 3]
    path = paths[random.integers(len(paths))]
    said = f"{path.relative_to(folder)}{' without a manifest' if trusted else ''}"
    if path.suffix == ".jsonl" or random.integers(5) == 0:
        text = TEXTS[random.integers(len(TEXTS))]
        path.write_bytes(text)
        return f"{said}: {text[:20]!r}"
    value = json.loads(path.read_text())
    where = _change(value, random)
    path.write_text(json.dumps(value))
    return f"{said}: {where}"


def _change(value: Any, random: Random) -> str:
    """Changes one place somewhere in a JSON value, and says which and how."""
    places: list[tuple[Any, Any, str]] = []
    stack: list[tuple[Any, str]] = [(value, "")]
    while stack:
        inner, path = stack.pop()
        items = inner.items() if isinstance(inner, dict) else enumerate(inner)
        for key, item in items:
            places.append((inner, key, f"{path}.{key}"))
            if isinstance(item, list | dict):
                stack.append((item, f"{path}.{key}"))
    if not places:
        return "nothing"
    holder, key, path = places[random.integers(len(places))]
    match str(random.choice(["odd", "odd", "delete", "rename", "twice"])):
        case "delete":
            del holder[key]
            return f"{path[:80]} deleted"
        case "rename" if isinstance(holder, dict):
            holder["other"] = holder.pop(key)
            return f"{path[:80]} renamed"
        case "twice" if isinstance(holder, list):
            holder.append(holder[key])
            return f"{path[:80]} twice"
        case _:
            odd = ODD[random.integers(len(ODD))]
            holder[key] = odd
            return f"{path[:80]} = {str(odd)[:30]!r}"


def replace_by_link(folder: Path, outside: Path, random: Random) -> str:
    """Puts a link to something outside, a pipe or a device in place of what a run writes."""
    names = sorted(path.name for path in folder.iterdir())
    names += [f".{name}.tmp" for name in names if "." in name] + [".lock", "checkpoints/7"]
    name = names[random.integers(len(names))]
    path = folder / name
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    kind = str(random.choice(["file", "folder", "pipe", "device", "nowhere", "giant"]))
    match kind:
        case "file":
            path.symlink_to(outside / "letter.txt")
        case "folder":
            path.symlink_to(outside / "folder")
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "nowhere":
            path.symlink_to(outside / "nowhere")
        case "giant":
            path.touch()
            os.truncate(path, 2**40)
    return f"{name} is a {kind}"
