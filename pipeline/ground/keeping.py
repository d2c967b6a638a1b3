"""Homes whose truth lies elsewhere: in an object store, of which the home's folder is a copy.

Whoever keeps such a home is told when a lock on a part of it is taken and given back: what is locked is brought up to
date first, and what was changed under the lock is sent off before others get it. A plain folder has no keeper, and none
of this does anything.
"""

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

Waiter = Callable[[Callable[[], bool], Callable[[], str]], None]
"""Given what tries once to take a lock, and who has it in words: tries until it is taken, or raises."""


class Keeper(Protocol):
    """Who keeps a home."""

    url: str

    def bring(self, path: Path) -> None:
        """Bring a part of the home up to date, whole, for reading; what is no part is left alone."""

    def fetch(self, folder: Path, names: Iterable[str]) -> None:
        """Let a finished folder have those of its files, where it is as the keeper has it."""

    def held(self, path: Path, waiter: Waiter | None) -> contextlib.AbstractContextManager[None]:
        """Keep a part of the home from other machines: up to date when it begins, sent off when it ends."""

    def tell(self, path: Path) -> None:
        """Send off what was changed so far of a part that is held."""


_KEEPERS: dict[Path, Keeper] = {}


def register(home: Path, keeper: Keeper) -> None:
    """Let somebody keep a home of this process."""
    _KEEPERS[home] = keeper


def keeper_of(home: Path) -> Keeper | None:
    """Who keeps a home; None where it is a plain folder."""
    return _KEEPERS.get(home)


def _of(path: Path) -> Keeper | None:
    return next((keeper for home, keeper in _KEEPERS.items() if path.is_relative_to(home)), None)


def bring(path: Path) -> None:
    """See Keeper.bring."""
    if keeper := _of(path):
        keeper.bring(path)


def fetch(folder: Path, names: Iterable[str]) -> None:
    """See Keeper.fetch."""
    if keeper := _of(folder):
        keeper.fetch(folder, names)


def held(path: Path, waiter: Waiter | None = None) -> contextlib.AbstractContextManager[None]:
    """See Keeper.held; without a waiter as long as it takes."""
    keeper = _of(path)
    return keeper.held(path, waiter) if keeper else contextlib.nullcontext()


def tell(path: Path) -> None:
    """See Keeper.tell."""
    if keeper := _of(path):
        keeper.tell(path)


def at_once(take: Callable[[], bool], holder: Callable[[], str]) -> None:
    """A waiter that does not wait.

    Raises:
        BlockingIOError: somebody else has the lock.
    """
    if not take():
        raise BlockingIOError(holder())


def shown(text: str) -> str:
    """A text for people, in which what lies in a store has its URL."""
    for home, keeper in _KEEPERS.items():
        text = text.replace(str(home), keeper.url)
    return text
