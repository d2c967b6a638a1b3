"""A stage that is followed: events when it begins and when it ends, where anybody collects them.

    with following.stage("als", night, config, reads) as tell:
        tell(manifest)

A stage that several tasks share is begun in one of them and ended in another: `begun` keeps, beside what is handed on,
when it began, from which its run's id follows.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.lineage import switch
from pipeline.lineage.followed import Followed, moment
from pipeline.settings.config import Config

if TYPE_CHECKING:
    from pipeline.lineage.telling import Telling

Tell = Callable[[Mapping[str, Any]], None]
"""Told the manifest when the stage has made what it says."""
NOTE = "lineage.began"
"""The file beside what a shared stage hands on."""


def _nobody(manifest: Mapping[str, Any]) -> None:
    """Where nobody collects, or the stage goes on in another task."""


@contextlib.contextmanager
def stage(
    name: str,
    night: date,
    config: Config,
    reads: Iterable[str] = (),
    *,
    begun: Path | None = None,
    first: date | None = None,
) -> Iterator[Tell]:
    """Follow a stage to its end: START, unless it was begun in another task, then COMPLETE, FAIL or ABORT.

    Args:
        name, night, config: which.
        reads: the stages whose tables it reads, as far as they are switched on.
        begun: what was handed on, where it was begun.
        first: of a stage that makes several nights the first of them, as far as it is known yet.
    """
    began = _began(begun)
    told = _teller(Followed(name, night, config, tuple(reads), began or moment(), first))
    if told is None:
        yield _nobody
        return
    if began is None:
        told.starts()
    try:
        yield told.remember
    except BaseException as error:
        told.failed(error)
        raise
    told.done()


@contextlib.contextmanager
def beginning(name: str, night: date, config: Config, reads: Iterable[str], begun: Path) -> Iterator[None]:
    """Follow the beginning of a stage that other tasks end: START, and where it goes wrong FAIL or ABORT.

    Args:
        name, night, config, reads: as of `stage`.
        begun: the folder that is handed on when this ends well.
    """
    told = _teller(Followed(name, night, config, tuple(reads), moment()))
    if told is None:
        yield
        return
    told.starts()
    try:
        yield
    except BaseException as error:
        told.failed(error)
        raise
    (begun / NOTE).write_text(told.began.isoformat(), encoding="utf-8")


@contextlib.contextmanager
def shard(name: str, night: date, config: Config, reads: Iterable[str], begun: Path) -> Iterator[None]:
    """Follow a shard of a stage that was begun: RUNNING, with what went wrong where it did. It is tried again, so that
    the stage's run goes on; arguments as of `beginning`."""
    began = _began(begun)
    told = None if began is None else _teller(Followed(name, night, config, tuple(reads), began))
    error: BaseException | None = None
    try:
        yield
    except BaseException as problem:
        error = problem
        raise
    finally:
        if told is not None:
            told.goes_on(error)


def _teller(followed: Followed) -> "Telling | None":
    """Who tells of a stage; None: nobody collects, or what is needed for it is not installed."""
    if not switch.is_on():
        return None
    from pipeline.lineage import sending

    try:
        from pipeline.lineage.telling import Telling
    except ImportError:
        sending.give_up(sending.EXTRA)
        return None
    return Telling(followed)


def _began(begun: Path | None) -> datetime | None:
    """When a stage was begun in another task; None: nobody followed that."""
    try:
        return None if begun is None else datetime.fromisoformat((begun / NOTE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
