"""Packed files -> what they hold."""

from __future__ import annotations

import importlib
import io
import lzma
import os
import zipfile
import zlib
from typing import BinaryIO

from train.data.files.arrow import first_line
from train.errors import UserError

# Endings of packed files, and what unpacks them.
PACKED = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma", ".zip": "zipfile"}


def unpack(file: BinaryIO, path: str) -> tuple[BinaryIO, str]:
    """What is packed in a file, and its name; the file itself if it is none. Raises UserError."""
    stem, ending = os.path.splitext(path)
    module = PACKED.get(ending.lower())
    if module is None:
        return file, path
    try:
        if module == "zipfile":
            return _unzip(file, path)
        with importlib.import_module(module).open(file) as unpacked:
            return io.BytesIO(unpacked.read()), stem
    except (
        OSError,
        EOFError,
        ValueError,
        RuntimeError,  # a zip file with a password
        NotImplementedError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
    ) as error:
        raise UserError(f"{path}: not a readable {module} file: {first_line(error)}") from None


def _unzip(file: BinaryIO, path: str) -> tuple[BinaryIO, str]:
    """The one file in a zip file, and its name. Raises UserError where there are several."""
    with zipfile.ZipFile(file) as archive:
        names = []
        for name in archive.namelist():
            hidden = name.startswith("__MACOSX/") or os.path.basename(name).startswith(".")
            if not name.endswith("/") and not hidden:
                names.append(name)
        if len(names) != 1:
            shown = f": {', '.join(names[:3])}" if names else ""
            raise UserError(f"{path}: holds {len(names)} files{shown}; expected one")
        return io.BytesIO(archive.read(names[0])), names[0]
