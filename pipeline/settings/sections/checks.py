"""How a night's log and the tables made of it are checked, and what a check that finds something does."""

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from pipeline.ground import shipped
from pipeline.settings.sections.base import Days, Section

Severity = Literal["stop", "warn", "off"]
FOLDER = shipped.folder("sql") / "checks"
# A check that is not here stops.
MILD: dict[str, Severity] = {
    "clock": "warn",
    "duplicates": "warn",
    "empty": "warn",
    "exposure_limits": "warn",
    "left_out": "warn",
    "nulls": "warn",
    "prices": "warn",
    "unknown_types": "warn",
}


def names(kind: Literal["events", "tables"]) -> list[str]:
    """The checks of a night's log or of the published tables, sorted: the files of sql/checks/<kind>."""
    return sorted(path.stem for path in (FOLDER / kind).glob("*.sql"))


class Checks(Section):
    """Data quality: a night's log is compared with the same weekdays before it; empty ones do not count."""

    severity: dict[str, Severity] = Field(default={}, validate_default=True)
    """What a check that finds something does, by its file's name in sql/checks: `stop` the run, `warn` in the log and
    the manifest, or `off`. Default: stop; clock, duplicates, empty, exposure_limits, left_out,
    nulls, prices and unknown_types warn."""
    weeks: PositiveInt = Field(default=10, le=104)
    """How far back the usual is looked for."""
    nights: Days = 8
    """How many of the latest same weekdays with events are the usual."""
    min_nights: Days = 4
    """With fewer of them nothing is usual, and only absolute limits hold."""
    min_rows: PositiveInt = 100
    """A night with fewer log rows is not judged by shares of them; freshness: nor is any by when its last event was
    where a usual night has fewer events (their median)."""

    min_share: float = Field(default=0.6, ge=0, le=1)
    """volume: share of the usual number of events (their median) that a night must have..."""
    min_share_of_least: float = Field(default=0.6, ge=0, le=1)
    """volume: ... or this share of the quietest of the usual nights, so that a shop of ups and downs is not stopped."""
    min_events: PositiveInt = 20
    """volume: where a usual night has fewer events (their median), chance decides, and nothing is judged."""
    min_day_hours: PositiveFloat = 4.0
    """freshness: a usual day, first to last event, that is shorter is no day of people but the run of a batch job that
    stamps all events, and nothing is judged."""
    max_early: PositiveFloat = 0.3
    """freshness: share of the usual day, first to last event, that a night may end before the usual end (median)..."""
    max_early_of_earliest: float = Field(default=0.1, ge=0)
    """freshness: ... or this share before the earliest of the usual ends, so that a small shop, whose last event is a
    matter of chance, is not stopped."""
    min_type_events: PositiveInt = 10
    """missing_types: a behaviour is missed when each of the usual nights had at least so many events of it."""
    null_jump: PositiveFloat = 0.3
    """nulls: by how much a column's share of nulls may exceed the highest usual one."""
    max_guests: PositiveFloat = 0.95
    """nulls: highest share of events without a user, whatever is usual."""
    duplicate_jump: PositiveFloat = 0.2
    """duplicates: by how much the share of repeated rows may exceed the highest usual one."""
    max_duplicates: PositiveFloat = 0.5
    """duplicates: highest share of repeated rows, whatever is usual."""
    max_unknown: float = Field(default=0.01, ge=0)
    """unknown_types: by how much the share of rows of a type not in features.event_types may exceed the usual one."""
    free_jump: PositiveFloat = 0.2
    """prices: by how much the share of events with a price of zero or less may exceed the highest usual one."""
    price_factor: float = Field(default=5.0, gt=1)
    """prices: a price so many times above or below the item's latest one is far from it."""
    price_nights: Days = 28
    """prices: how many nights old the item's latest price may be."""
    max_far_prices: PositiveFloat = 0.3
    """prices: highest share of items whose price is far from their latest one."""
    left_out_jump: PositiveFloat = 0.2
    """left_out: by how much the share of rows of which the mapping makes no event may exceed the highest usual one."""
    max_skewed: float = Field(default=0.01, ge=0)
    """clock: by how much the share of rows from after the day they arrived, or of another day than their file's, may
    exceed the highest usual one."""
    late_jump: PositiveFloat = 0.3
    """clock: by how much the share of events that arrive later than their day may exceed the highest usual one."""

    @field_validator("severity")
    @classmethod
    def _every_check_has_one(cls, given: dict[str, Severity]) -> dict[str, Severity]:
        known = [*names("events"), *names("tables")]
        if unknown := sorted(set(given) - set(known)):
            raise ValueError(f"there is no check {', '.join(unknown)}; the checks are {', '.join(known)}")
        return {name: given.get(name, MILD.get(name, "stop")) for name in known}

    def of(self, kind: Literal["events", "tables"]) -> dict[str, Severity]:
        """The checks of a kind that are not off, with their severity."""
        return {name: self.severity[name] for name in names(kind) if self.severity[name] != "off"}
