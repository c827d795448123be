"""What all tests of files share."""

from __future__ import annotations

import pyarrow as pa
import pytest
from reading import as_kinds

from train.data.files.read import read_table


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Writes the content to a file, reads it as a table; cells of text as the kinds they are of."""
    monkeypatch.chdir(tmp_path)

    def load_content(content: str | bytes, name: str = "x.csv", **options) -> pa.Table:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return as_kinds(read_table(name, **options))

    return load_content
