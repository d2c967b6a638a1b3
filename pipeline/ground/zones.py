"""The time zone whose days are the shop's: what a day is, and that one history has one of them."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pipeline.ground import artifacts, shop_file
from pipeline.ground.errors import InputError

DEFAULT = "UTC"
RUN_TIME = re.compile(r"(?!00:00)([01][0-9]|2[0-3]):[0-5][0-9]")
"""A time of the day at which it is published as far as it has come; at midnight that is the night's run."""


def known(name: str) -> bool:
    """Whether a name is one of the IANA database's; "localtime" is not, as it is another zone on every machine."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return name != "localtime"


def today(name: str) -> date:
    """The day that it is in a zone. Asked by whoever talks to people; nothing that is computed depends on the clock."""
    return datetime.now(ZoneInfo(name)).date()


def now(name: str) -> datetime:
    """The moment that it is, in a zone; as `today`, for whoever talks to people."""
    return datetime.now(ZoneInfo(name))


def of_shop() -> str:
    """The zone in the shop's file, for the orchestrator's schedule and nights: cheap, and never an error.

    A file that is not there, or says what is no zone, has the default; the tasks say what is wrong with it.
    """
    name = shop_file.said().get("timezone", DEFAULT)
    return name if isinstance(name, str) and known(name) else DEFAULT


def run_times_of_shop() -> tuple[str, ...]:
    """`run_at` in the shop's file, "HH:MM" each, for the orchestrator's schedule: as cheap, none where it is wrong."""
    times = shop_file.said().get("run_at", [])
    if not isinstance(times, list) or not all(isinstance(t, str) and RUN_TIME.fullmatch(t) for t in times):
        return ()
    return tuple(sorted(set(times)))


def valid_by_of_shop() -> timedelta | None:
    """`valid_by` of [monitoring] in the shop's file, since midnight, for its deadline: as cheap, none where wrong."""
    section = shop_file.said().get("monitoring")
    said = section.get("valid_by") if isinstance(section, dict) else None
    if not isinstance(said, str) or not RUN_TIME.fullmatch(said):
        return None
    return timedelta(hours=int(said[:2]), minutes=int(said[3:]))


def of_night(folder: Path) -> str:
    """The zone that a finished night's days are of."""
    return str(artifacts.read_manifest(folder).get("config", {}).get("timezone", DEFAULT))


def require_one(folders: Iterable[Path], timezone: str, until: date) -> None:
    """Stop where finished nights of the lake have other days than the configuration.

    Args:
        folders: of ingest; nights are told apart by the zone in their manifests, one without has the default.
        timezone: the configuration's.
        until: the last night that would have to be loaded again.
    Raises:
        InputError: names the night and both remedies.
    """
    for folder in folders:
        if (theirs := of_night(folder)) != timezone:
            raise InputError(
                f"{folder} has days of timezone = '{theirs}', and the configuration says '{timezone}': set it back, or "
                f"load all of it again (load-history --until {until} --force)"
            )
