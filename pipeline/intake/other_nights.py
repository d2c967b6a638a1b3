"""What the nights of the lake that stay as they are have taken already, of what is staged."""

from datetime import date, timedelta
from pathlib import Path

import duckdb

from pipeline.ground import artifacts, sql, zones
from pipeline.intake import logs
from pipeline.intake.inputs import EVENTS, NightTable
from pipeline.settings.config import Config


def staying(connection: duckdb.DuckDBPyConnection, config: Config, last: date, night: date | None) -> list[Path]:
    """The finished partitions that are not about to be written anew; arguments as in `look_up`.

    Without a night those are written on which a row arrived, and those between them where nights may be empty.
    """
    folders = artifacts.partitions_until(config.lake, "ingest", date.max)
    if night is not None:
        return [folder for folder in folders if artifacts.run_date_of(folder) != night]
    arrivals = [arrival for (arrival,) in sql.execute(connection, "ingest/arrivals", last=last).fetchall()]
    written = set(arrivals)
    if folders and arrivals and config.ingest.allow_empty:
        written |= {arrivals[0] + timedelta(days=n) for n in range((last - arrivals[0]).days + 1)}
    stays = [folder for folder in folders if artifacts.run_date_of(folder) not in written]
    # a night whose days are of another time zone goes where history is loaded anew: pipeline.operations.load_history
    return [f for f in stays if artifacts.run_date_of(f) > last or zones.of_night(f) == config.timezone]


def look_up(connection: duckdb.DuckDBPyConnection, config: Config, last: date, night: date | None) -> None:
    """Make the table other_nights; of the partitions only the ids of their events are read.

    Args:
        connection: with staged_events.
        config: whose lake.
        last: the last night that is written.
        night: the only one; None: all on which a row arrived.
    """
    if folders := staying(connection, config, last, night):
        sql.execute(connection, "ingest/other_nights", last=last, **places(folders))
    else:
        sql.execute(connection, "ingest/other_nights_none")


def read_what(connection: duckdb.DuckDBPyConnection, config: Config, last: date, night: date | None) -> None:
    """Let other_nights say what the events are that have an id of those that are about to be written; others go.

    It is to be asked where ids are the shop's, so that different events may have the same: a hash of all that an event
    is needs no comparison. Arguments as in `look_up`; of partitions without such an event nothing is read.
    """
    arrivals = {"first": night or date.min, "last": last}
    found = {found for (found,) in sql.execute(connection, "ingest/other_nights_found", **arrivals).fetchall()}
    if found:
        folders = [artifacts.stage_dir(config.lake, "ingest", night) for night in sorted(found)]
        sql.execute(connection, "ingest/other_nights_what", **arrivals, **places(folders))


def places(folders: list[Path], table: NightTable = EVENTS) -> dict[str, list[str] | list[date]]:
    """Partitions as the statements take them: of each the file of a table."""
    paths = [str(table.path(folder)) for folder in folders]
    return {
        "partitions": logs.literal(paths),
        "paths": paths,
        "nights": [artifacts.run_date_of(folder) for folder in folders],
    }
