"""How tags mark entities: which letter begins, continues or ends one, and what may follow what.

A tag is a letter, a hyphen and a kind, as B-X, or the letter alone where there is one kind; O is
outside. IOB1: I-X, and B-X only right behind another X (Ramshaw & Marcus 1995). IOB2: B-X begins
every one (Tjong Kim Sang & Veenstra 1999). IOBES, BILOU, BMES, BMEWO: the last step bears a letter
of its own, and so do entities of one step (Ratinov & Roth 2009). IO: bare kinds, and O.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from train.data.sequences.steps import StepText

FORBIDDEN = -1e9
# The share of training entities that may break the rules of the scheme that a file keeps to.
MAX_BROKEN = 0.01
# {scheme: its letters, by the part of an entity that each stands for}.
LETTERS = {
    "IOB2": {"B": "B", "I": "I"},
    "IOB1": {"B": "B", "I": "I"},
    "IOBES": {"B": "B", "I": "I", "E": "E", "S": "S"},
    "BILOU": {"B": "B", "I": "I", "L": "E", "U": "S"},
    "BMES": {"B": "B", "M": "I", "E": "E", "S": "S"},
    "BMEWO": {"B": "B", "M": "I", "E": "E", "W": "S"},
}


def as_iobes(tags: Sequence[str]) -> list[str] | None:
    """Tags in the letters of IOBES, bare kinds as I-KIND; None if they mark no entities.

    IOB1 and IOB2 are left as they are: the set of tags does not tell which of the two it is.
    """
    inside = [tag for tag in tags if tag != "O"]
    if not inside:
        return None
    for letters in LETTERS.values():
        if all(_letter(tag) in letters for tag in inside):
            are_bare = all(len(tag) == 1 for tag in inside)
            if are_bare and len(inside) < 2:
                return None  # of one letter nothing says that it is one
            return [_rewritten(tag, letters) for tag in tags]
    if "O" in tags and all(len(tag) > 1 and _letter(tag) is None for tag in inside):
        return [tag if tag == "O" else f"I-{tag}" for tag in tags]
    return None


def _letter(tag: str) -> str | None:
    """The letter of a tag, if it has one."""
    return tag[0] if len(tag) == 1 or tag[1:2] == "-" else None


def _rewritten(tag: str, letters: dict[str, str]) -> str:
    return tag if tag == "O" else f"{letters[tag[0]]}-{tag[2:]}"


def has_ends(tags: Iterable[str]) -> bool:
    """Whether some of these tags, in the letters of IOBES, say where an entity ends."""
    return any(tag[0] in "ES" for tag in tags if tag != "O")


def scheme_of(text: StepText) -> str:
    """The scheme that tags of training rows keep to, but for a few mistakes; "" if to none."""
    inside = {tag for tag in text.values if tag != "O"}
    if as_iobes(text.values) is None:
        return ""
    for scheme, letters in LETTERS.items():
        if all(_letter(tag) in letters for tag in inside):
            start_k, transition_kk, end_k = allowed(text.values, scheme)
            n_broken = _n_broken(text, start_k, transition_kk, end_k)
            roles = np.array([_role(tag, scheme) for tag in text.values])[text.codes]
            n_begun = np.isin(roles, ("B", "S") if scheme != "IOB1" else ("B", "I")).sum()
            if n_broken <= MAX_BROKEN * (n_broken + n_begun):
                return scheme
    return ""


def odd_tags(text: StepText) -> dict[str, int]:
    """{tag without a letter of the scheme that nearly all others have: its steps}, if there are."""
    counts = np.bincount(text.codes[text.codes >= 0], minlength=len(text.values))
    inside = [k for k, tag in enumerate(text.values) if tag != "O"]
    for letters in LETTERS.values():
        odd = [k for k in inside if _letter(text.values[k]) not in letters]
        if len(odd) < len(inside) and counts[odd].sum() <= MAX_BROKEN * counts[inside].sum():
            return {text.values[k]: int(counts[k]) for k in odd}
    return {}


def _role(tag: str, scheme: str) -> str:
    return "O" if tag == "O" else LETTERS[scheme][tag[0]]


def _n_broken(
    text: StepText, start_k: np.ndarray, transition_kk: np.ndarray, end_k: np.ndarray
) -> int:
    """How often a tag stands where it may not."""
    ends = np.cumsum(text.lengths)[text.lengths > 0]
    is_first = np.zeros(len(text.codes), bool)
    is_first[ends - text.lengths[text.lengths > 0]] = True
    before = np.roll(text.codes, 1)
    follows = ~is_first & ~transition_kk[before, text.codes]
    begins = is_first & ~start_k[text.codes]
    return int(follows.sum() + begins.sum() + (~end_k[text.codes[ends - 1]]).sum())


def allowed(tags: Sequence[str], scheme: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which tags may begin a row [k], which may follow which [k from, k to], which may end one [k].

    Without a scheme any may.
    """
    k = len(tags)
    start_k = np.ones(k, bool)
    transition_kk = np.ones((k, k), bool)
    end_k = np.ones(k, bool)
    if not scheme:
        return start_k, transition_kk, end_k
    roles = np.array([_role(tag, scheme) for tag in tags])
    kinds = np.array([tag[2:] for tag in tags], object)
    is_in = roles != "O"
    same_kk = (kinds[:, None] == kinds[None]) & is_in[:, None] & is_in[None]
    if scheme in ("IOB1", "IOB2"):
        bound_k = roles == ("I" if scheme == "IOB2" else "B")
        return ~bound_k, same_kk | ~bound_k[None], end_k
    is_open = np.isin(roles, ("B", "I"))
    goes_on = np.isin(roles, ("I", "E"))
    transition_kk = np.where(is_open[:, None], same_kk & goes_on[None], ~goes_on[None])
    return ~goes_on, transition_kk, ~is_open


def scores(mask: np.ndarray) -> np.ndarray:
    """0 where a tag may stand, else FORBIDDEN, float32."""
    return np.where(mask, 0, FORBIDDEN).astype(np.float32)
