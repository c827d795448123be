"""What a table keeps of the text that it was read from: its delimiter, lines for the user."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

DELIMITER = b"delimiter"  # where the metadata of a table has it
INDEX = b"index"  # there if row names were left out: whether they are once, or repeated
FIRST = b"first"  # their first, where it is no number of the row
NOTES = b"notes"  # lines for the user on the file
SHIFT = b"shift"  # there if rows end with a delimiter, but could begin with a name of theirs


def delimiter_of(table: pa.Table) -> str:
    """The delimiter of the text that a table was read from, "" where it was none."""
    return (table.schema.metadata or {}).get(DELIMITER, b"").decode()


def with_notes(table: pa.Table, notes: list[str]) -> pa.Table:
    """The table with these lines for the user before others on its file."""
    if not notes:
        return table
    metadata = dict(table.schema.metadata or {})
    kept = metadata.get(NOTES, b"").decode().splitlines()
    metadata[NOTES] = "\n".join([*notes, *kept]).encode()
    return table.replace_schema_metadata(metadata)


def index_hint(table: pa.Table) -> str:
    """The end of a message on an unknown name, where a column without one was left out."""
    if INDEX not in (table.schema.metadata or {}):
        return ""
    return "; column 1 has no name: give it one in the header to read it"


def left_out_notes(table: pa.Table, where: str) -> list[str]:
    """A line for an index that was left out, or could be, and for names that several columns have.

    For a table whose columns were all found: what is looked up by such a name is refused.
    """
    metadata = table.schema.metadata or {}
    notes = metadata.get(NOTES, b"").decode().splitlines()
    if INDEX in metadata:
        index = "as an index of the rows"
        has_it_read = "; a name in the header has it read"
        if FIRST in metadata:
            index += f", from {metadata[FIRST].decode()!r} on{has_it_read}"
        elif metadata[INDEX] == b"repeated":
            index += f", though its cells repeat, or are missing{has_it_read}"
        notes.append(f"{where}: column 1 has no name and is left out, {index}")
    if SHIFT in metadata:
        notes.append(
            f"{where}: rows end with a delimiter that the header lacks, so their first cell is "
            f"{table.column_names[0]!r}; if it is a name of the row, give it one in the header"
        )
    names = table.schema.names
    if len(set(names)) == len(names):
        return notes
    for name, count in Counter(names).items():
        if count > 1:
            notes.append(f"{where}: {count} columns are called {name!r}; none of them is used")
    return notes
