"""The end of a message on a name that is not known."""

from __future__ import annotations

import pytest

from train.errors import nearest


@pytest.mark.parametrize(
    ("name", "known", "end"),
    [
        ("laod", ["day", "load"], "; did you mean 'load'?"),
        ("SALES", ["day", "sales"], "; did you mean 'sales'?"),
        ("Umsatz", ["Datum", "umsatz €"], "; did you mean 'umsatz €'?"),
        # Nothing is like it: what there is.
        ("y", ["date", "promo", "temp"], "; there are 'date', 'promo', 'temp'"),
        ("y", ["x", "x"], "; there is 'x'"),
        ("q", list("abcdefghi"), "; there are 'a', 'b', 'c', 'd', 'e', 'f' and 3 more"),
        ("shop,country", ["shop", "country"], "; one column is expected: make one of them, with"),
        ("shop,town", ["shop", "country"], "; did you mean 'shop'?"),
        ("y", [], ""),
    ],
)
def test_nearest(name, known, end):
    assert nearest(name, known).startswith(end) and bool(nearest(name, known)) == bool(end)
