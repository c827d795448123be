"""Rows that a file lacks of the steps to come, as rows of their own.

t flat rows, g groups, c columns, n rows that are added.
"""

from __future__ import annotations

import numpy as np

from train.data.columns import Notes
from train.data.number_words import counted
from train.data.series.flat import Flat
from train.data.series.grid import continue_stamps
from train.data.series.schema import SeriesSchema
from train.errors import UserError


def with_blank_rows(
    schema: SeriesSchema,
    flat: Flat,
    values_tc: np.ndarray,
    last_g: np.ndarray,
    horizon: int,
    where: str,
    notes: Notes,
) -> tuple[Flat, np.ndarray]:
    """The rows and encoded columns with a row of -1 for each step to come that the file lacks.

    `last_g` is the place of the last target of each group. What such a row lacks is missing, which
    is said. Raises UserError where no group has a row to come, or its stamp is not known.
    """
    given_g = flat.sizes - 1 - last_g
    lacks_g = np.maximum(horizon - given_g, 0)
    if not lacks_g.any():
        return flat, values_tc
    known = [column.source or column.name for column in schema.columns[-schema.n_known :]]
    names = " and ".join(map(repr, dict.fromkeys(known)))
    first = int(lacks_g.argmax())
    given = counted(int(given_g[first]), "row", "rows")
    found = f"{flat.group_name(first)} has {given} after its last target"
    if not (given_g.any() or schema.has_ahead) or not goes_on(schema, flat):
        needs = f"{names} must be given for the {horizon} rows to come"
        raise UserError(f"{where}: {found}; {needs}")
    n_others = int((lacks_g > 0).sum()) - 1
    others = f", as {'does' if n_others == 1 else 'do'} {counted(n_others, 'other', 'others')}"
    stand = "stands" if len(dict.fromkeys(known)) == 1 else "stand"
    notes.append(
        f"{where}: {found}, fewer than the {horizon} to come{others if n_others else ''}; "
        f"{names} {stand} as missing in the rest"
    )
    return extended(schema, flat, values_tc, lacks_g)


def goes_on(schema: SeriesSchema, flat: Flat) -> bool:
    """Whether the stamps of all steps to come follow from those before."""
    if flat.stamps is None or schema.time is None:
        return True
    steps = [] if flat.steps is None else flat.steps.tolist()
    return schema.time.step is not None or (len(steps) > 0 and None not in steps)


def extended(
    schema: SeriesSchema, flat: Flat, values_tc: np.ndarray, lacks_g: np.ndarray
) -> tuple[Flat, np.ndarray]:
    """Each group with so many rows more [g], of which static columns alone are known.

    Where its step is not known these bear its last stamp.
    """
    ends_g = flat.firsts + flat.sizes
    at = np.repeat(ends_g, lacks_g)
    blank_nc = np.full((len(at), values_tc.shape[1]), np.nan, values_tc.dtype)
    for i, column in enumerate(schema.columns):
        if column.static:
            blank_nc[:, i] = np.repeat(values_tc[ends_g - 1, i], lacks_g)
        elif column.of == "category":
            blank_nc[:, i] = 0
    stamps = flat.stamps
    if stamps is not None and schema.time is not None:
        ahead = [np.zeros(0)]
        for g in np.flatnonzero(lacks_g):
            own = None if flat.steps is None else flat.steps[g]
            step = own or schema.time.step
            last = float(stamps[ends_g[g] - 1])
            n = int(lacks_g[g])
            if step is None:
                ahead.append(np.full(n, last))
            else:
                ahead.append(continue_stamps(last, step, n, schema.time.clock))
        stamps = np.insert(stamps, at, np.concatenate(ahead))
    longer = flat._replace(
        rows=np.insert(flat.rows, at, -1), sizes=flat.sizes + lacks_g, stamps=stamps
    )
    return longer, np.insert(values_tc, at, blank_nc, axis=0)
