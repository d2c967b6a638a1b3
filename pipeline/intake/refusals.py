"""Why a log row is refused, and how many refused rows are too many."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import duckdb

from pipeline.ground import sql
from pipeline.ground.errors import InputError
from pipeline.intake import day_zero, delivery, left_out
from pipeline.settings.config import Config

DUPLICATE = "duplicate of an earlier event"
CONFLICT = "its event_id is another event's"
"""Why a row is refused that is no repetition: another user, item, type or time under an id that was taken before."""
UNKNOWN_TYPE = "event_type is not in features.event_types"
FORGOTTEN = "its user asked to be forgotten"
"""Why a row is refused that belongs to somebody on the list of pipeline.privacy.suppression."""
AFTER = "event_time is after the day it arrived"
REJECTED = "rejected: "
"""Before a reason, in a report, where its value is how many rows were refused for it."""
HARMLESS = {DUPLICATE, FORGOTTEN}
"""Reasons that say nothing bad about a log."""
NO_ID = (
    "The log's event ids are not unique: select no event_id in the mapping, which makes it of all that the row says, "
    "and load the history again (load-history --force)"
)
"""What to do about many conflicts."""
ZONE = "If the log's days are those of another time zone, set `timezone` to it"
REMEDIES = {CONFLICT: NO_ID, AFTER: ZONE}


def require_few(
    connection: duckdb.DuckDBPyConnection, config: Config, first: date, last: date, usual: str = ""
) -> None:
    """Stop on nights without any row, unless none ever came, and on too many refused ones, the harmless ones aside.

    Args:
        connection: with the tables of staging.staged.
        config: what is allowed.
        first, last: the range of nights.
        usual: what such nights have, for the message.
    Raises:
        InputError: names the files read, or the first refused rows.
    """
    ((taken,),) = sql.execute(connection, "ingest/taken", first=first, last=last).fetchall()
    reasons = dict(sql.execute(connection, "ingest/reasons", first=first, last=last).fetchall())
    refused = sum(n for reason, n in reasons.items() if reason not in HARMLESS)
    if taken + sum(reasons.values()) == 0 and not config.ingest.allow_empty:
        _require_none_left_out(connection, config, first, last, usual)
        if day_zero.holds(connection, config, first, last):
            return
        read = ", ".join(map(str, delivery.files_of(config, last)[:3])) or "no file"
        raise InputError(
            f"no log row arrived on {last}{usual}; read: {read}. "
            "Has its log been delivered whole? Nothing was written; deliver it and run the night again. "
            "If nothing happened that day, set ingest.allow_empty = true"
        )
    if refused > config.ingest.max_reject_share * (taken + refused):
        worst = sql.execute(connection, "ingest/offenders", first=first, last=last).fetchall()
        shown = "\n".join(f"  {file} row {row}: {reason}: {raw[:200]}" for file, row, reason, raw in worst)
        remedies = [words for reason, words in REMEDIES.items() if reason in reasons]
        raise InputError(
            f"{refused} of {taken + refused} log rows of {first} .. {last} are refused, more than "
            f"ingest.max_reject_share = {config.ingest.max_reject_share}. The first of them:\n{shown}\n"
            + ". ".join([*remedies, "Mend the log or its mapping, or raise ingest.max_reject_share"])
        )


def _require_none_left_out(
    connection: duckdb.DuckDBPyConnection, config: Config, first: date, last: date, usual: str
) -> None:
    """Stop nights of which there are rows, and the mapping makes an event of none; arguments as in `require_few`."""
    if not (left := left_out.found(connection, first, last)).rows:
        return
    ((file, row),) = left.places
    raise InputError(
        f"{delivery.mapping_of(config)} makes no event of any of the {left.rows:,} log rows that arrived on "
        f"{last}{usual}; the first is {file} row {row}. Nothing was written; mend the mapping's `where` or joins, and "
        "run the night again. If they are meant to be left out, and nothing happened that day, set "
        "ingest.allow_empty = true"
    )


def refused(report: Mapping[str, Any]) -> int:
    """How many rows a night refused (the harmless ones are not counted), by its manifest's report."""
    counts = {name.removeprefix(REJECTED): n for name, n in report.items() if name.startswith(REJECTED)}
    return sum(n for reason, n in counts.items() if reason not in HARMLESS)
