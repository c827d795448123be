"""Folders of runs in memory: a fitted estimator is pickled as the bytes of its folder."""

from __future__ import annotations

import io
import shutil
import tempfile
import weakref
import zipfile
from pathlib import Path

from train.run.folder import fresh_folder

LEFT_OUT = ("tensorboard", ".lock")


class TemporaryFolder:
    """A fresh folder that is deleted with this object, or at the end of the process."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="denseq-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def new_folder(workdir: str | Path | None, name: str) -> tuple[Path, TemporaryFolder | None]:
    """A fresh folder within `workdir`; without one a temporary one, and what it lasts with."""
    if workdir is not None:
        return fresh_folder(name, str(workdir)), None
    temporary = TemporaryFolder()
    return temporary.path, temporary


def packed(folder: Path) -> bytes:
    """All that a folder of a run holds, but for what only TensorBoard reads."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            inner = path.relative_to(folder)
            if path.is_file() and inner.parts[0] not in LEFT_OUT:
                archive.write(path, inner.as_posix())
    return buffer.getvalue()


def unpack(content: bytes, folder: Path) -> None:
    """Puts back into a folder what `packed` took from one."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
