"""What goes between the server and the branches: words and arrays, and nothing that has a row for a user.

    catalogue   the server asks for a run date; a branch answers with the ids of items that its customers have, its
                cut-offs, its settings of `als`, and a public key for this fit
    agree       the server sends the ids of all branches' items, and their keys if sums are masked; once more, without
                the ids, when a branch was lost
    sums        the server sends a cut-off, a step and the items' factors or a direction; a branch answers with sums
    keep        the server sends the factors of all cut-offs; a branch writes them into its home, and says their hash

The ids are those of items. No message names a user.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol

import numpy as np

from pipeline.ground.errors import InputError

Kind = Literal["catalogue", "agree", "sums", "keep"]
Word = str | int | float | bool | list[str]


@dataclass(frozen=True)
class Content:
    """What a message says.

    Attributes:
        words: texts, numbers and lists of texts.
        arrays: float32; uint64 where they are masked.
    """

    words: Mapping[str, Word] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def text(self, name: str, whose: str) -> str:
        """A text; InputError where there is none."""
        found = self.words.get(name)
        if not isinstance(found, str):
            raise InputError(f"{whose} sent no text '{name}': it runs another version of this program")
        return found

    def day(self, name: str, whose: str) -> str:
        """A day, YYYY-MM-DD; InputError where it is none."""
        return require_days([self.text(name, whose)], whose)[0]


class Channel(Protocol):
    """How the server reaches branches."""

    def ask(self, kind: Kind, content: Content, to: Sequence[int]) -> dict[int, Content]:
        """The answers, by branch; one that failed, or did not answer in time, is not among them."""


def require_days(found: object, whose: str) -> list[str]:
    """Distinct days YYYY-MM-DD that came from outside, ascending; InputError where they are none."""
    try:
        days = [date.fromisoformat(one) for one in found] if isinstance(found, list) else None
    except (TypeError, ValueError):
        days = None
    if days is None or found != sorted({str(day) for day in days}):
        raise InputError(f"{whose} sent no ascending days YYYY-MM-DD: it runs another version of this program")
    return [str(day) for day in days]
