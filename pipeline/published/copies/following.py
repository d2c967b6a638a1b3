"""Copies follow the target: each is brought to what the target has active, whatever state it was left in.

    hold       the active run's files, under a name that changes with their content
    flip       one step that readers notice
    drop       all but this load and the one that readers saw until then

What was killed anywhere is done again by the next call, and a copy that is as it should be costs one question. The
target is published whatever becomes of its copies: an error names those that are behind.
"""

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence

from pipeline.ground.errors import PublishError, UnavailableError
from pipeline.published.archive import Archive
from pipeline.published.contract import PublishedTable, Target
from pipeline.published.copies.contract import Copy, load_of
from pipeline.settings.config import Config

log = logging.getLogger(__name__)

SETTLE_SECONDS = 1.0
"""How long after a flip no load goes where all but one have to: a reader may have asked for the old one's name."""


def of(name: str, config: Config, tables: Sequence[PublishedTable]) -> Copy:
    """A configured copy; nothing is asked of it yet.

    Raises:
        InputError: what it needs is not installed, or not in the environment.
    """
    section = config.publish.copies[name]
    # here, so that a client is needed only where it is used
    if section.kind == "redis":
        from pipeline.published.copies.redis import RedisCopy

        return RedisCopy(section, config, tables)
    if section.kind == "delta":
        from pipeline.published.copies.delta import DeltaCopy

        return DeltaCopy(section, config, tables)
    from pipeline.published.copies import opensearch

    return opensearch.of(section, config, tables)


def require(config: Config, tables: Sequence[PublishedTable]) -> None:
    """Refuse what no copy could be made with, before anything is published.

    Raises:
        InputError: what a copy needs is not installed, or not in the environment.
    """
    for name in config.publish.copies:
        of(name, config, tables).close()


def follow(config: Config, target: Target, archive: Archive, alone: bool = False) -> None:
    """Bring every copy to the state of the target.

    Args:
        config: with the copies.
        target, archive: what they follow; the target's lock is taken.
        alone: only the active load stays, and nothing of what was before, as where a person is to be forgotten.
    Raises:
        InputError: see `require`.
        UnavailableError: a copy could not be reached; the others were brought up all the same.
        PublishError: a copy could not be made.
    """
    if not config.publish.copies:
        return
    with target.lock():
        active = target.active()
        wanted = _wanted(active, archive)
        if wanted is None and not alone:
            return
        failed: dict[str, PublishError] = {}
        for name, section in config.publish.copies.items():
            try:
                with _opened(name, config, archive.tables) as copy:
                    _bring(name, copy, wanted, archive, alone)
            except PublishError as error:
                failed[f"'{name}' ({section.kind})"] = error
    if failed:
        raise _behind(active, failed)


@contextlib.contextmanager
def _opened(name: str, config: Config, tables: Sequence[PublishedTable]) -> Iterator[Copy]:
    with contextlib.closing(of(name, config, tables)) as copy:
        yield copy


def _wanted(active: str | None, archive: Archive) -> tuple[str, str] | None:
    """The run that copies are to have, and the name of its load; None: the target has no active run."""
    if active is None:
        return None
    if not archive.holds(active):
        raise PublishError(
            f"{archive.path(active)} is not whole, so no copy can be made of it: publish its night again"
        )
    return active, load_of(active, archive.path(active), archive.tables)


def _bring(name: str, copy: Copy, wanted: tuple[str, str] | None, archive: Archive, alone: bool) -> None:
    if wanted is None:
        copy.keep((), alone=True)
        return
    run_id, load = wanted
    if (before := copy.active()) != load:
        if not copy.holds(load):
            log.info("copy '%s' is given run %s", name, run_id)
            copy.load(load, archive.path(run_id))
        copy.activate(load)
        log.info("copy '%s' has run %s (before: %s)", name, run_id, before or "none")
    elif not alone:
        return
    if alone:
        time.sleep(SETTLE_SECONDS)
    copy.keep({load} if alone or before is None else {load, before}, alone)


def _behind(active: str | None, failed: Mapping[str, PublishError]) -> PublishError:
    said = "; ".join(f"copy {name}: {error}" for name, error in failed.items())
    passing = any(isinstance(error, UnavailableError) for error in failed.values())
    return (UnavailableError if passing else PublishError)(
        f"{'copies are' if len(failed) > 1 else 'a copy is'} behind: {said}. The target's tables are whole, with run "
        f"{active} active, and readers of the copy see the run that it had. Run publish for the night again: no table "
        "is made again, only the copies are brought up"
    )
