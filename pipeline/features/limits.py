"""Items that only some users may be shown: what is said of each item against what is known of each user."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

EVERYBODYS = 0
"""The code of an item that is not limited."""
LIMITED = pa.schema(
    [
        pa.field("user_index", pa.int32()),
        pa.field("name", pa.string()),  # of the attribute
        pa.field("word", pa.string()),
        pa.field("number", pa.float64()),
        pa.field("years", pa.int64()),  # since a date, on the day that the tables are for
    ]
)
"""One row per attribute that limits ask about and user of whom it is known."""


@dataclass(frozen=True)
class Limits:
    """Who may be shown which limited items; users and items that are alike share a code.

    Attributes:
        users: [U] int64 codes.
        items: [I] int64 codes, EVERYBODYS: not limited.
        allowed: bool [user codes, item codes].
    """

    users: np.ndarray
    items: np.ndarray
    allowed: np.ndarray

    @property
    def limited(self) -> np.ndarray:
        """bool [I], items that not everybody may be shown."""
        return np.asarray(self.items != EVERYBODYS)

    def forbidden(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Whether each user may not be shown each item: bool, in the common shape of both; item -1 is not forbidden."""
        return np.asarray((items >= 0) & ~self.allowed[self.users[users], self.items[items]])

    def withheld(self, shown: np.ndarray) -> np.ndarray:
        """[U] int64, how many items of those in `shown`, bool [I], each user may not be shown."""
        counts = np.bincount(self.items[shown], minlength=self.allowed.shape[1])
        return np.asarray((~self.allowed @ counts)[self.users], dtype=np.int64)


@dataclass(frozen=True)
class One:
    """One limit.

    Attributes:
        asked: [I] what the item asks for: numbers, nan where nothing, or texts, None where nothing.
        known: [U] what is known of the user, likewise.
        among: whether the user's text must be one of the item's, which has commas between them; else the user's number
            must not be below the item's.
    """

    asked: np.ndarray
    known: np.ndarray
    among: bool

    def codes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Codes of users [U] and of items [I], and whether they go together: bool [user codes, item codes].

        User code 0 stands for who is unknown, item code 0 for what asks for nothing.
        """
        users, known = _coded(self.known)
        items, asked = _coded(self.asked)
        fits = _fit_words(known, asked) if self.among else known[:, None] >= asked[None, :]
        allowed = np.zeros((len(known) + 1, len(asked) + 1), dtype=bool)
        allowed[:, EVERYBODYS] = True
        allowed[1:, 1:] = fits
        return users, items, allowed


def together(limits: Sequence[One]) -> Limits:
    """All limits as one: an item must pass each."""
    users, items, allowed = limits[0].codes()
    for limit in limits[1:]:
        more_users, more_items, more = limit.codes()
        users, pairs = _joint(users, more_users)
        items, things = _joint(items, more_items, keep=(EVERYBODYS, EVERYBODYS))
        allowed = allowed[pairs[0][:, None], things[0][None, :]] & more[pairs[1][:, None], things[1][None, :]]
    return Limits(users, items, allowed)


def _coded(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes from 1 of values, 0 where there is none, and the different values in the order of their codes."""
    column = pa.array(values, from_pandas=True)
    there = np.asarray(pc.is_valid(column))
    found, place = np.unique(column.filter(pa.array(there)).to_numpy(zero_copy_only=False), return_inverse=True)
    codes = np.zeros(len(values), dtype=np.int64)
    codes[there] = place + 1
    return codes, found


def _joint(
    one: np.ndarray, other: np.ndarray, keep: tuple[int, int] | None = None
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """A code for each pair of codes that occurs, and the pair of each; `keep` occurs in any case, as the first."""
    pairs = np.column_stack([one, other])
    if keep is not None:
        pairs = np.vstack([keep, pairs])
    found, code = np.unique(pairs, axis=0, return_inverse=True)
    code = code.reshape(-1)[0 if keep is None else 1 :]
    return code, (found[:, 0], found[:, 1])


def _fit_words(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """bool [known, asked]: whether a text is one of those that another one has with commas between them."""
    sets = [{plain(word) for word in str(one).split(",")} - {""} for one in asked]
    users = [plain(str(one)) for one in known]
    return np.array([[user in words for words in sets] for user in users], dtype=bool).reshape(len(users), len(sets))


def plain(word: str) -> str:
    """A word as it is compared."""
    return word.strip().casefold()
