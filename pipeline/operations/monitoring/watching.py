"""Telling those who watch, whenever a stage has ended, well or not. Whatever goes wrong here is said, and no more.

A home whose shop names no file and whose environment no collector is not watched, and nothing here is done.
"""

import contextlib
import logging
from collections.abc import Iterable, Iterator
from datetime import date

from pipeline.ground import time_limits
from pipeline.operations.monitoring import otel, status
from pipeline.operations.monitoring.metrics import Sample
from pipeline.settings.config import Config

log = logging.getLogger(__name__)

FACTS_SECONDS = 15.0
"""How long the figures may take, of which the target has five."""
PUBLISH = "publish"
GIVEN_UP: set[str] = set()
"""What hung once is not asked again by this process: twenty stages would wait for it twenty times."""


def is_watched(config: Config) -> bool:
    """Whether somebody wants to know."""
    return config.monitoring.textfile is not None or otel.is_on()


@contextlib.contextmanager
def ending(config: Config, stage: str, run_date: date, stages: Iterable[str], whole: bool = True) -> Iterator[None]:
    """While a stage runs; when it has ended, those who watch are told.

    Args:
        config: of the run.
        stage, run_date: what runs.
        stages: the names of all stages.
        whole: False for a part of a stage, whose end is told only where it failed.
    """
    if not is_watched(config):
        yield
        return
    try:
        yield
    except BaseException as error:  # a task that is ended from outside, too
        _told(config, stage, run_date, stages, error)
        raise
    if whole:
        _told(config, stage, run_date, stages, None)


def _told(config: Config, stage: str, run_date: date, stages: Iterable[str], error: BaseException | None) -> None:
    def tell() -> None:
        status.note(config, stage, run_date, error)
        if not _knows_the_tables(config):
            return  # the next stage of a worker that does says how this one ended
        # who publishes has just had to do with the target, however it was before
        found.extend(refresh(config, stages, stage == PUBLISH or "target" not in GIVEN_UP))
        if any(sample.name == "target_up" and not sample.value for sample in found):
            GIVEN_UP.add("target")

    found: list[Sample] = []
    if "facts" not in GIVEN_UP:
        _limited("facts", FACTS_SECONDS, tell, "the figures for those who watch could not be written")
    if found and otel.is_on() and "collector" not in GIVEN_UP:
        _limited("collector", otel.SECONDS, lambda: otel.send(found), "the collector did not take the figures")


def _knows_the_tables(config: Config) -> bool:
    """Whether this worker was told how their database is reached, as one that only fine-tunes need not be."""
    from pipeline.published.targets import dsn  # here, as the command line's help needs none of it

    return config.publish.target != "postgres" or dsn.is_configured()


def _limited(what: str, seconds: float, action: time_limits.Action, words: str) -> None:
    if problem := time_limits.within(seconds, action):
        log.warning("%s (%s); the night goes on", words, problem)
        GIVEN_UP.add(what)


def refresh(config: Config, stages: Iterable[str], ask_target: bool = True) -> list[Sample]:
    """The figures as they are now, which are written to monitoring.textfile where there is one.

    Raises:
        ResourceError: the file cannot be written.
    """
    from pipeline.operations.monitoring import text  # here, as a stage of a home that is not watched needs none

    found = figures(config, stages, ask_target)
    if config.monitoring.textfile is not None:
        text.write(text.exposition(found), config.home / config.monitoring.textfile)
    return found


def figures(config: Config, stages: Iterable[str], ask_target: bool = True) -> list[Sample]:
    """The figures as they are now, of a home that may be in an object store; see facts.collect."""
    from pipeline.operations import bringing
    from pipeline.operations.monitoring import facts

    config = config.of_nights()
    bringing.nights(config)
    if config.publish.target == "duckdb":
        bringing.tables(config)
    return facts.collect(config, stages, ask_target)
