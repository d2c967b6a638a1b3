"""Which night a run is for. The only place that turns an orchestrator's dates into a `run_date`.

A run of the day so far is for a moment of a day that is going on: its `run_date` is that day, and what had happened by
the moment is all that it knows of it.
"""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.ground.errors import InputError


def resolve_run_date(
    requested: str | None,
    logical_date: datetime | None,
    run_after: datetime | None,
    run_type: str = "manual",
    timezone: str = "UTC",
) -> date:
    """The day whose events are complete.

    Args:
        requested: the parameter `run_date`, YYYY-MM-DD, or None.
        logical_date: start of a scheduled interval or of a backfilled night; None in a date-less manual run.
        run_after: when the orchestrator may start the run; used when there is no logical date.
        run_type: "scheduled", "manual" or "backfill".
        timezone: whose days the shop's are.
    Returns:
        `requested` if given, else the day of `logical_date`, else the day before `run_after`.
    Raises:
        InputError: a backfill names a `run_date` (every night would overwrite that one), the parameter is not a
            date, or there is no date at all.
    """
    if requested:
        if run_type == "backfill":
            raise InputError(
                "a backfill takes its nights from --from-date and --to-date: remove the parameter run_date"
            )
        try:
            return _night(requested)
        except ValueError:
            raise InputError(f"run_date {requested!r} is not a date: write it as YYYY-MM-DD") from None
    if logical_date is not None:
        return logical_date.astimezone(ZoneInfo(timezone)).date()
    if run_after is not None:
        return run_after.astimezone(ZoneInfo(timezone)).date() - timedelta(days=1)
    raise InputError("the run has no date: give the parameter run_date as YYYY-MM-DD")


def resolve_moment(
    requested: str | None, logical_date: datetime | None, run_after: datetime | None, timezone: str = "UTC"
) -> datetime:
    """The moment of a run of the day so far, in the shop's time zone, in whole minutes.

    Args:
        requested: the parameter `at`, YYYY-MM-DDTHH:MM in the shop's time zone, or None.
        logical_date: when a scheduled run was due; None in a date-less manual run.
        run_after: when the orchestrator may start the run; used when there is no logical date.
        timezone: whose days the shop's are.
    Raises:
        InputError: `at` is no such moment, or there is none at all.
    """
    if requested:
        return parse_moment(requested, timezone)
    if (due := logical_date or run_after) is None:
        raise InputError("the run has no time: give the parameter at as YYYY-MM-DDTHH:MM")
    return _within_a_day(due.astimezone(ZoneInfo(timezone)).replace(second=0, microsecond=0))


def parse_moment(text: str, timezone: str = "UTC") -> datetime:
    """ "2011-10-02T14:00" as a moment up to which a day is known; see parse_time.

    Raises:
        InputError: as of parse_time, or it is the start of a day, of which nothing can have arrived.
    """
    return _within_a_day(parse_time(text, timezone))


def parse_time(text: str, timezone: str = "UTC") -> datetime:
    """ "2011-10-02T14:00" as a moment in a time zone; of two such moments, as clocks are put back, the first.

    Raises:
        InputError: it is none, has a zone of its own, or is skipped as clocks are put forward.
    """
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", text):
            raise ValueError
        _night(text[:10])
        told = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is no moment: write it as YYYY-MM-DDTHH:MM, in the shop's time zone") from None
    moment = told.replace(tzinfo=ZoneInfo(timezone))
    if moment.astimezone(UTC).astimezone(ZoneInfo(timezone)).replace(tzinfo=None) != told:
        raise InputError(f"{text} does not exist in {timezone}, where clocks are put forward then: take a later time")
    return moment


def _within_a_day(moment: datetime) -> datetime:
    """A moment that is not the start of a day."""
    if (moment.hour, moment.minute) == (0, 0):
        day = moment.date()
        raise InputError(f"at {day}T00:00 nothing of {day} has happened yet: run the night {day - timedelta(days=1)}")
    return moment


def require_past(moment: datetime, now: datetime) -> None:
    """A day is published as far as it has come, never further.

    Args:
        moment: up to which events should have happened.
        now: asked of the clock by whoever talks to people, for this question only.
    Raises:
        InputError: it has not come yet.
    """
    if moment.astimezone(UTC) > now.astimezone(UTC):  # of one zone, clocks would be compared
        said = f"{now.astimezone(moment.tzinfo):%Y-%m-%dT%H:%M} in {moment.tzinfo}"
        raise InputError(f"{moment:%Y-%m-%dT%H:%M} has not come yet (it is {said}): is it mistyped?")


def _night(text: str) -> date:
    """A date of a calendar with room before and behind it; else a ValueError."""
    night = date.fromisoformat(text)
    if not 1900 <= night.year <= 9000:
        raise ValueError(f"the year {night.year} is mistyped")
    return night


def parse_nights(text: str) -> list[date]:
    """One night "2011-10-02", or an inclusive range "2011-10-02..2011-10-15", as dates.

    Raises:
        InputError: not a date, or the range ends before it starts.
    """
    first, dots, last = text.partition("..")
    try:
        start = _night(first)
        end = _night(last) if dots else start
    except ValueError:
        raise InputError(f"{text!r} is neither a night (2011-10-02) nor a range (2011-10-02..2011-10-15)") from None
    if end < start:
        raise InputError(f"{text!r} ends before it starts")
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def require_over(night: date, today: date, timezone: str = "UTC") -> None:
    """A night is run once its day is over: before, its log is empty or a part, and its run would hide every true night.

    Args:
        night: the day whose events should be complete.
        today: in the shop's time zone. Asked of the clock by whoever talks to people, for this question only.
        timezone: its name.
    Raises:
        InputError: the day is not over.
    """
    if night >= today:
        raise InputError(
            f"the day {night} is not over (today is {today} in {timezone}), so its events are not complete: run "
            f"{today - timedelta(days=1)} or an earlier night; is the date mistyped?"
        )
