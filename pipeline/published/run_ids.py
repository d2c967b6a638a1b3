"""The names of runs, which say what a run is of and how much of it was known."""

from datetime import date, datetime

WHOLE_DAY = "2400"


def run_id_of(run_date: date, until: datetime | None, key: str) -> str:
    """The name of a run.

    Args:
        run_date: its night.
        until: the moment up to which that day was known; None: all of it.
        key: a hash of what the run was made from.
    """
    so_far = "" if until is None else f"T{until:%H%M}"
    return f"{run_date.isoformat()}{so_far}-{key[:8]}"


def run_date_of(run_id: str) -> date:
    """The night of a run; a run_id is its date and a hash: 2011-10-02-1f0c9a7e, or 2011-10-02T1400-1f0c9a7e."""
    return date.fromisoformat(run_id[:10])


def partition_of(run_id: str) -> str:
    """What a run is of: its night, 2011-10-02, or the moment of a day so far, 2011-10-02T1400."""
    return run_id.rpartition("-")[0]


def is_of_day_so_far(run_id: str) -> bool:
    """Whether a run knew its day only up to a moment of it."""
    return run_id[10:11] == "T"


def known_until(run_id: str) -> tuple[date, str]:
    """How much a run knew, to compare runs by: its night, and the time up to which that day was known."""
    return run_date_of(run_id), run_id[11:15] if is_of_day_so_far(run_id) else WHOLE_DAY
