"""Reasons that say what moves a score most, of what a sentence for a customer can say.

A reason is about one of five things: what the user did before, the user's taste, similar users, everybody, and that an
item is new. What a list adds to a score speaks for whom the list listens to (`says` of the registry), and kinds of
knowledge for the rest; what activity, the price, offers or attributes add has no sentence. Of a place the reason is of
the thing that adds most, if a sentence about it is true there, or else of the one that adds most after it.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.publication.reasons import Kind
from pipeline.sources import registry

THINGS = ("own", "taste", "peers", "everybody", "new")
"""What a reason can be about: whom a list listens to, and how old an item is."""
_OF_KNOWLEDGE = {"history": "own", "text": "taste", "neighbours": "peers", "popularity": "everybody", "age": "new"}
ABOUT: Mapping[Kind, tuple[str, ...]] = {
    Kind.BOUGHT: ("own",),
    Kind.NEW_LIKE: ("taste", "new"),
    Kind.LIKE: ("taste",),
    Kind.NEW: ("new",),
    Kind.PEERS: ("peers",),
    Kind.POPULAR: ("everybody",),
    Kind.FAVOURITE: ("everybody",),
    Kind.PICKED: ("taste",),
}
"""What the sentence of each kind is about; of several kinds about one thing the first that is true is said."""


def things_of(drivers: Sequence[str]) -> tuple[str | None, ...]:
    """Of each driver what it speaks for; None: what no sentence is about."""
    made = registry.candidate_lists()
    about: dict[str, str] = {name: made[name].says for name in drivers if name in made} | _OF_KNOWLEDGE
    return tuple(about.get(driver) for driver in drivers)


def summed(shares: np.ndarray, things: Sequence[str | None]) -> np.ndarray:
    """[N, THINGS] what is added for each thing; in one order, so that no block of places moves a bit.

    Args:
        shares: [N, D] float64 what each driver adds.
        things: see `things_of`.
    """
    found = np.zeros((len(shares), len(THINGS)))
    for column, thing in enumerate(things):
        if thing is not None:
            found[:, THINGS.index(thing)] += shares[:, column]
    return found


def chosen(adds: np.ndarray, can: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """The kind of reason of each place.

    Args:
        adds: [N, THINGS] log-odds that each thing adds to the score.
        can: [N] whole numbers, bit k set where a sentence of kind k is true; pinned items have none.
        otherwise: [N] int8 the kind where nothing that can be said adds anything.
    Returns:
        [N] int8.
    """
    place = {thing: column for column, thing in enumerate(THINGS)}
    kinds = list(ABOUT)
    worth = np.stack([adds[:, [place[thing] for thing in ABOUT[kind]]].max(axis=1) for kind in kinds], axis=1)
    true = (can[:, None] >> np.array(kinds)) & 1 == 1
    worth = np.where(true & (worth > 0), worth, -np.inf)
    best = worth.argmax(axis=1)
    some = np.isfinite(worth[np.arange(len(best)), best])
    return np.where(some, np.array(kinds, dtype=np.int8)[best], otherwise).astype(np.int8)
