"""Sending events with the official client, which never keeps a night from going on.

A consumer that is away, or hangs, costs a night LIMIT_SECONDS and one warning; then nothing is sent for PAUSE_SECONDS.
"""

import logging
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from pipeline.ground import shipped, time_limits

log = logging.getLogger(__name__)

LIMIT_SECONDS = 5.0
"""Longest that a stage waits for its events to be sent."""
PAUSE_SECONDS = 300.0
"""After what was not sent: so long nothing is tried."""
THREAD = "lineage"
EXTRA = f"openlineage-python is not installed: {shipped.installed_by('lineage')}"


class _Pause:
    """Until when nothing is sent, by the clock that only runs on."""

    until = 0.0
    is_said = False


def send(make: Callable[[], list[Any]]) -> None:
    """Make events and send them, in order; whatever becomes of that, the stage goes on."""
    if time.monotonic() < _Pause.until:
        return
    try:
        client, events = _client(), make()
    except ImportError:
        return give_up(EXTRA)
    except Exception as error:
        log.debug("lineage", exc_info=True)
        return give_up(type(error).__name__)
    if problem := time_limits.within(LIMIT_SECONDS, lambda: _deliver(client, events), THREAD):
        give_up(problem)


def give_up(problem: str) -> None:
    """Say once what went wrong, and send nothing for a while."""
    _Pause.until = time.monotonic() + PAUSE_SECONDS
    if not _Pause.is_said:
        log.warning("lineage is not sent, which keeps no night from going on: %s", problem)
        _Pause.is_said = True


def _is_of_others(record: logging.LogRecord) -> bool:
    """Whether a line of a log is not about sending events: what is said of that is said once, here."""
    return record.threadName != THREAD


@cache
def _client() -> Any:
    from openlineage.client import OpenLineageClient

    logging.getLogger("urllib3.connectionpool").addFilter(_is_of_others)  # of every attempt a warning
    return OpenLineageClient()


def _deliver(client: Any, events: list[Any]) -> None:
    for event in events:
        client.emit(event)
    flush = getattr(client.transport, "wait_for_completion", None)  # of a transport that sends later
    if flush is not None:
        flush(LIMIT_SECONDS)
