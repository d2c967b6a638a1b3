"""The registry of figures: their names, what they say, by what they are told apart. All are gauges.

The names are Prometheus' (base units, at their end); OpenTelemetry gets the same.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import groupby
from zoneinfo import ZoneInfo

PREFIX = "nightjar_"
LONGEST_LABEL = 200
"""Characters of a label's value: names and reasons are the shop's, and may be any text."""


@dataclass(frozen=True)
class Metric:
    """A figure.

    Attributes:
        name: without PREFIX.
        meaning: what it says, in words.
        labels: what its samples are told apart by.
    """

    name: str
    meaning: str
    labels: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """As it is exported."""
        return f"{PREFIX}{self.name}"

    @property
    def unit(self) -> str:
        """OpenTelemetry's word for its unit (UCUM), by the end of its name."""
        return {"seconds": "s", "bytes": "By"}.get(self.name.rpartition("_")[2], "1")


@dataclass(frozen=True)
class Sample:
    """A value of a figure.

    Attributes:
        name: the figure's.
        value: a number.
        labels: their values, by name.
    """

    name: str
    value: float
    labels: dict[str, str] = field(default_factory=dict)


METRICS = (
    Metric("build_info", "1; the version of the code that wrote this", ("version",)),
    Metric("target_up", "1 where the target could be read, else 0, and nothing is said of the tables"),
    Metric("active_run_info", "1; the run that applications read", ("run_id",)),
    Metric("tables_valid_from_timestamp_seconds", "when the active run's tables began to hold"),
    Metric("nights_behind", "nights that the active run is behind the newest night in the lake that has events"),
    Metric("runs_kept", "runs that are loaded, so that a rollback can go to them"),
    Metric("table_rows", "rows of the active run", ("table",)),
    Metric("ndcg", "NDCG at evaluate.k of the active run's lists, judged before they were published", ("surface",)),
    Metric("ndcg_low", "lower end of its 95 % interval", ("surface",)),
    Metric("ndcg_high", "upper end of its 95 % interval", ("surface",)),
    Metric("best_sellers", "1 where lists are best-sellers, as what was learned lost to them", ("surface",)),
    Metric("churn", "share of users' first 10 items that were not there in the run before", ("surface",)),
    Metric("gate_passed", "1 where the gate let the newest judged night pass, 0 where it was closed"),
    Metric("newest_night_timestamp_seconds", "when the newest night's day began, of those whose logs are in the lake"),
    Metric("log_rows", "rows of the newest night's log, events and all that was refused"),
    Metric("duplicate_rows", "rows of the newest night's log that repeat another"),
    Metric("left_out_rows", "rows of the newest night's log of which the mapping makes no event"),
    Metric("input_rows", "rows of the newest night that were taken", ("input",)),
    Metric("rejected_rows", "rows of the newest night's log that were refused; beyond 20 reasons, other", ("reason",)),
    Metric("unusable_rows", "rows of other inputs of the newest night that were of no use", ("fault",)),
    Metric("check_findings", "what a check that only warns found in the newest night", ("stage", "check")),
    Metric("stage_success", "1 where the stage ended well when it was last run, 0 where it failed", ("flow", "stage")),
    Metric("stage_night_timestamp_seconds", "when the day began that the stage was last run for", ("flow", "stage")),
    Metric("stage_seconds", "how long the stage took when it was last finished", ("stage",)),
    Metric("stage_peak_memory_bytes", "resident memory that it took at most", ("stage",)),
    Metric("stage_rows", "rows of the Parquet files that it wrote", ("stage",)),
    Metric("stage_bytes", "size of all files that it wrote", ("stage",)),
    Metric("outcome_days", "days by which the newest run is judged that was read and can be", ("surface",)),
    Metric("outcome_users", "users that it is judged by", ("surface",)),
    Metric("outcome_hit_rate", "share of them who acted on one of their first items", ("surface",)),
    Metric("outcome_ndcg", "its NDCG at evaluate.k on what users did since", ("surface",)),
    Metric("outcome_ndcg_low", "lower end of its 95 % interval", ("surface",)),
    Metric("outcome_ndcg_high", "upper end of its 95 % interval", ("surface",)),
    Metric("outcome_impressions", "rows of it that the application logged as shown", ("surface",)),
    Metric("outcome_clicks", "of these, clicked", ("surface",)),
)  # fmt: skip
"""In the order in which they are written."""
BY_NAME = {metric.name: metric for metric in METRICS}


def grouped(samples: Iterable[Sample]) -> Iterator[tuple[Metric, list[Sample]]]:
    """The figures that there are, in the registry's order, each with its samples in the order of their labels."""
    order = {name: number for number, name in enumerate(BY_NAME)}
    ordered = sorted(samples, key=lambda sample: (order[sample.name], list(sample.labels.values())))
    for name, group in groupby(ordered, key=lambda sample: sample.name):
        yield BY_NAME[name], list(group)


def label(value: object) -> str:
    """A label's value: text of any kind, of a bounded length, without halves of characters, which UTF-8 cannot hold."""
    text = str(value).encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 3]}..."


def day_began(day: date, timezone: str) -> float:
    """When a day of a zone began, as a unix timestamp in seconds."""
    return datetime.combine(day, time(), ZoneInfo(timezone)).timestamp()
