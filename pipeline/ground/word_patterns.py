"""What a word is, in every script: a letter, digit or underscore, and those and the marks that follow it.

Python's own pattern has no marks, so that it cuts the words of Hindi, Tamil or Burmese at each vowel sign. Joiners
stand inside words of Sinhala, Malayalam or Persian, and between signs that are no words, so that none begins with one.
Source: Unicode Standard Annex 29, "Unicode Text Segmentation", rule WB4.
"""

import itertools
import re
import unicodedata

_PLANES = (range(0x300, 0x20000), range(0xE0100, 0xE01F0))
"""Where Unicode has marks."""
_JOINERS = "\u200c\u200d"
_DOTTED = "i\u0307"
"""What Python makes of the Turkish capital of i."""


def _marks() -> str:
    """The marks, as ranges of a pattern's class of characters."""
    every = [code for codes in _PLANES for code in codes if unicodedata.category(chr(code))[0] == "M"]
    runs = itertools.groupby(enumerate(every), key=lambda place: place[1] - place[0])
    ends = ([code for _, code in run] for _, run in runs)
    return "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in ends)


FOLLOWS = rf"\w{_marks()}{_JOINERS}"
"""What may follow in a word, to be put into a class of characters."""
WORD = rf"\w[{FOLLOWS}]*"
LONGER_WORD = rf"\w[{FOLLOWS}]+"
"""Of at least two characters."""
_WORDS = re.compile(WORD)


def folded(text: str) -> str:
    """A text in small letters, composed (NFC), so that the same word is the same string."""
    small = unicodedata.normalize("NFC", text).lower().replace(_DOTTED, "i")
    return unicodedata.normalize("NFC", small)  # a capital and its mark may be one letter only when they are small


def words(text: str) -> list[str]:
    """The words of a text, folded, in its order."""
    return _WORDS.findall(folded(text))
