"""Whether the tables are valid that are to be by now. The moment is given; who asks the clock for it is the caller.

`monitoring.valid_by = "06:00"`: from six on, by the shop's clock, readers see tables that know the night before whole;
until then those that know the one before that. A run of a day so far knows the nights before its day, and not its own.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.ground.errors import InputError, LateError
from pipeline.ground.zones import RUN_TIME
from pipeline.operations import bringing
from pipeline.publication import publish
from pipeline.published.run_ids import WHOLE_DAY, known_until
from pipeline.settings.config import Config


def due_night(now: datetime, valid_by: time, timezone: str) -> date:
    """The newest night whose tables are to be valid.

    Args:
        now: a moment, of any zone.
        valid_by: a time of the shop's day; one that is skipped as clocks are put forward is as long after midnight as
            ever, of two such times, as they are put back, it is the first.
        timezone: the shop's.
    """
    here = now.astimezone(ZoneInfo(timezone))
    deadline = datetime.combine(here.date(), valid_by, ZoneInfo(timezone))
    passed = now.astimezone(UTC) >= deadline.astimezone(UTC)  # of one zone, clocks would be compared
    return here.date() - timedelta(days=1 if passed else 2)


def require(config: Config, now: datetime, by: str | None = None) -> str:
    """Say which tables are valid.

    Args:
        config: the shop's.
        now: the moment.
        by: a time of the day, "HH:MM", instead of monitoring.valid_by.
    Raises:
        LateError: the tables that readers see do not know the night that they are to.
        InputError: nobody says by when they are to be valid.
        PublishError: the target does not answer.
    """
    said = by or config.monitoring.valid_by
    if said is None or not RUN_TIME.fullmatch(said):
        raise InputError('set monitoring.valid_by in the shop\'s file, or --by: a time of the day, as "06:00"')
    night = due_night(now, time.fromisoformat(said), config.timezone)
    if problem := behind(config, night):
        raise LateError(f"the tables of {night} were to be valid by {said} in {config.timezone}: {problem}")
    return f"valid: readers see tables that know {night}, which were due by {said} in {config.timezone}"


def behind(config: Config, night: date) -> str:
    """What is wrong where readers do not see tables that know a night whole; "": they do.

    Raises:
        PublishError: the target does not answer.
    """
    if config.publish.target == "duckdb":
        bringing.tables(config)
    active = publish.active_run(config)
    if active is None:
        return "nothing is published"
    if known_until(active.run_id) >= (night, WHOLE_DAY):
        return ""
    loaded = [run.run_id for run in publish.published_runs(config) if known_until(run.run_id) >= (night, WHOLE_DAY)]
    beside = f", and run {loaded[0]} is loaded and not active (rollback --to {loaded[0]})" if loaded else ""
    return f"readers see run {active.run_id}{beside}"
