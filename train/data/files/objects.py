"""Tables of objects, of which each may lack a name that others have: JSON lines, lists of dicts."""

from __future__ import annotations

import pyarrow as pa

OBJECTS = b"objects"  # in the metadata of a table


def of_objects(table: pa.Table, are_objects: bool = True) -> pa.Table:
    """The table, marked as one of objects, of which each may lack a name that others have."""
    return table.replace_schema_metadata({OBJECTS: b"1"}) if are_objects else table


def may_lack_names(table: pa.Table) -> bool:
    """Whether a column that is not there may be one that no row has."""
    return OBJECTS in (table.schema.metadata or {})
