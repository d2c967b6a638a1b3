"""How far a long loop is and how long it will still take: a line of the log now and then, in a terminal and in Airflow.

Only the log reads the clock; no result does.
"""

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

EVERY_SECONDS = 20.0


def track(what: str, total: int, every: float = EVERY_SECONDS) -> Callable[[int], None]:
    """A function to be told how many of `total` are done; it says so, and how long the rest takes at this rate.

    Args:
        what: what is being done, for the line.
        total: how many there are.
        every: seconds between two lines; a loop that is done sooner says nothing.
    """
    started = said = time.monotonic()

    def report(done: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said < every or not 0 < done < total:
            return
        said = now
        left = (now - started) * (total - done) / done
        log.info("%s: %s of %s, %s left", what, f"{done:,}", f"{total:,}", duration(left))

    return report


def duration(seconds: float) -> str:
    """Seconds in words: "40 s", "12 min", "3 h 5 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
