"""Tokens and their characters as codes: 0 is padding, 1 is unknown, the known ones follow.

s steps, c characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import numpy as np

from train.data.sequences.steps import StepText

PADDING = 0
UNKNOWN = 1
FIRST = 2
# That are read of a token: of a longer one the first and last ten, its prefix and suffix.
MAX_CHARACTERS = 20
DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Vocabulary:
    """The words of the training rows, and their characters where the network reads these too."""

    words: tuple[str, ...]
    characters: tuple[str, ...] = ()
    fold_case: bool = False
    fold_digits: bool = False

    @property
    def n_words(self) -> int:
        """Codes that a token can have."""
        return len(self.words) + FIRST

    @property
    def n_characters(self) -> int:
        """Codes that a character can have; 0 if characters are not read."""
        return len(self.characters) + FIRST if self.characters else 0

    def fold(self, word: str) -> str:
        """What of a word is looked up: in lower case, with 0 for every digit, if so asked."""
        word = word.lower() if self.fold_case else word
        return DIGIT.sub("0", word) if self.fold_digits else word

    def encode(self, text: StepText) -> np.ndarray:
        """The code of each step's token, int32 [s]; a missing one is unknown."""
        code = {word: place for place, word in enumerate(self.words, FIRST)}
        # The last entry is the one that -1, missing, picks.
        table = [*(code.get(self.fold(value), UNKNOWN) for value in text.values), UNKNOWN]
        return np.array(table, np.int32)[text.codes]

    def encode_characters(self, text: StepText) -> np.ndarray:
        """The codes of each token's characters as written [s, MAX_CHARACTERS], without folding.

        Of the smallest unsigned type that holds them.
        """
        code = {character: place for place, character in enumerate(self.characters, FIRST)}
        dtype = np.uint8 if self.n_characters <= 256 else np.uint16
        table = np.zeros((len(text.values) + 1, MAX_CHARACTERS), dtype)
        for row, word in enumerate(text.values):
            codes = [code.get(character, UNKNOWN) for character in _shortened(word)]
            table[row, : len(codes)] = codes
        return table[text.codes]


@dataclass
class Words:
    """How often each word of (training) rows occurs, as it is looked up, and all characters."""

    folding: Vocabulary
    counts: dict[str, int] = field(default_factory=dict)
    letters: set[str] = field(default_factory=set)

    def add(self, text: StepText) -> None:
        """Takes in some rows."""
        counts_of_values = np.bincount(text.codes[text.codes >= 0], minlength=len(text.values))
        for value, count in zip(text.values, counts_of_values, strict=True):
            if count:
                word = self.folding.fold(value)
                self.counts[word] = self.counts.get(word, 0) + int(count)
                self.letters.update(value)

    def vocabulary(self, min_count: int, *, characters: bool) -> Vocabulary:
        """The words that occur `min_count` times, the most frequent first; if asked, characters."""
        frequent = [word for word, count in self.counts.items() if count >= min_count]
        frequent.sort(key=lambda word: (-self.counts[word], word))
        letters = tuple(sorted(self.letters)) if characters else ()
        return replace(self.folding, words=tuple(frequent), characters=letters)


def missing_tokens_note(n_missing: int, n_steps: int, name: str, where: str) -> list[str]:
    """A line on steps without a token."""
    if not n_missing:
        return []
    found = f"{n_missing} of {n_steps} tokens are missing"
    return [f"{where}: column {name!r}: {found}; read as unknown"]


def token_notes(text: StepText, vocabulary: Vocabulary, name: str, where: str) -> list[str]:
    """Lines on tokens that are missing, and on a file most of whose tokens no training row has."""
    is_known_s = text.codes >= 0
    notes = missing_tokens_note(int((~is_known_s).sum()), len(text.codes), name, where)
    is_unknown_s = is_known_s & (vocabulary.encode(text) == UNKNOWN)
    n_unknown = int(is_unknown_s.sum())
    if 2 * n_unknown > is_known_s.sum() and vocabulary.words:
        first = text.values[text.codes[is_unknown_s.argmax()]]
        found = (
            f"{n_unknown} of {is_known_s.sum()} tokens are in no training row, as {first[:40]!r}"
        )
        done = "read as unknown, by their characters alone"
        done = done if vocabulary.characters else "read as unknown"
        known = f"those of training are as {vocabulary.words[0][:40]!r}"
        notes.append(f"{where}: column {name!r}: {found}; {known}; {done}")
    return notes


def fit_vocabulary(
    text: StepText,
    *,
    min_count: int = 1,
    fold_case: bool = False,
    fold_digits: bool = False,
    characters: bool = False,
) -> Vocabulary:
    """The words that occur `min_count` times in these (training) rows, the most frequent first."""
    words = Words(Vocabulary((), (), fold_case, fold_digits))
    words.add(text)
    return words.vocabulary(min_count, characters=characters)


def _shortened(word: str) -> str:
    """The first and the last characters of a word that is too long."""
    half = MAX_CHARACTERS // 2
    return word if len(word) <= MAX_CHARACTERS else word[:half] + word[-half:]
