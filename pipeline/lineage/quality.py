"""What checks found and how much there was, as facets of the datasets that it is about."""

from collections.abc import Collection, Mapping
from typing import Any

from openlineage.client.facet_v2 import (
    data_quality_assertions_dataset,
    data_quality_metrics_dataset,
    data_quality_metrics_input_dataset,
    output_statistics_output_dataset,
)

from pipeline.ground.errors import PipelineError
from pipeline.intake.quality import KEY
from pipeline.publication import tables as publication
from pipeline.publication.checks import SHOWN
from pipeline.settings.config import Config
from pipeline.settings.sections.checks import Severity

Assertion = data_quality_assertions_dataset.Assertion
Assertions = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet
SEVERITIES = {"stop": "error", "warn": "warn"}
"""What the specification calls them."""
NULLS = {
    "user_id": "null_users",
    "value": "null_values",
    "quantity": "null_quantities",
    "price": "null_prices",
    "session_id": "null_sessions",
}
"""Columns of events, and what quality.NUMBERS calls the number of their nulls."""


def statistics(
    files: Mapping[str, Mapping[str, Any]],
) -> output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet:
    """Rows, bytes and files of a table, as a manifest has them; rows where all of its files know theirs."""
    rows = [entry.get("rows") for entry in files.values()]
    known = [count for count in rows if count is not None]
    return output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=sum(known) if rows and len(known) == len(rows) else None,
        size=sum(entry["bytes"] for entry in files.values()) if all("bytes" in e for e in files.values()) else None,
        fileCount=len(files) if files and all("bytes" in e for e in files.values()) else None,
    )


def of_log(report: Mapping[str, Any]) -> data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet | None:
    """How many rows of the log were looked at; None where a night was not measured."""
    if (numbers := report.get(KEY)) is None:
        return None
    return data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(
        columnMetrics={}, rowCount=numbers["rows"]
    )


def of_events(report: Mapping[str, Any]) -> data_quality_metrics_dataset.DataQualityMetricsDatasetFacet | None:
    """How many events were taken, and how many of them say nothing of the user, the price, ..."""
    if (numbers := report.get(KEY)) is None:
        return None
    metrics = data_quality_metrics_dataset.ColumnMetrics
    columns = {column: metrics(nullCount=numbers[name]) for column, name in NULLS.items()}
    return data_quality_metrics_dataset.DataQualityMetricsDatasetFacet(
        columnMetrics=columns, rowCount=numbers["events"]
    )


def log_assertions(report: Mapping[str, Any], config: Config) -> list[Assertion]:
    """The checks of a night's log, its refused and repeated rows."""
    if (numbers := report.get(KEY)) is None:
        return []
    refused = {name.removeprefix("rejected: "): n for name, n in report.items() if name.startswith("rejected: ")}
    rows, share = numbers["rows"], config.ingest.max_reject_share
    counted = [
        Assertion(
            "row_count",
            sum(refused.values()) <= share * rows,
            name="rejected",
            severity="error",
            description="rows that break the contract",
            expected=f"at most {share:.2%} of {rows} rows",
            actual=str(sum(refused.values())),
            params=refused,
        ),
        Assertion(
            "unique",
            numbers["duplicates"] == 0,
            name="repeated",
            severity="warn",
            description="rows that say again what another row says; one of them is taken",
            actual=str(numbers["duplicates"]),
        ),
    ]
    found = {check: len(said) for check, said in report.get("unusual", {}).items()}
    return [*checked(found, config.checks.of("events")), *counted]


def at_least(shown: int) -> int | str:
    """How many rows offend, of which a report shows the first few."""
    return shown if shown < SHOWN else f"at least {shown}"


def checked(found: Mapping[str, int | str], severity: Mapping[str, Severity]) -> list[Assertion]:
    """One assertion per check that is not off.

    Args:
        found: offences by check.
        severity: what each check does that finds some.
    """
    return [
        Assertion(
            "custom_sql",
            not found.get(name),
            name=name,
            severity=SEVERITIES[severity[name]],
            actual=str(found.get(name, 0)),
        )
        for name in sorted(severity)
    ]


def failed(error: BaseException, severity: Mapping[str, Severity]) -> list[Assertion]:
    """The checks that a stage was stopped by; none where it was stopped by something else."""
    found = error.found if isinstance(error, PipelineError) else {}
    return checked(found, severity) if found else []


def by_table(found: list[Assertion]) -> dict[str, list[Assertion]]:
    """The checks of published tables by the table that each is about: that whose name it begins with, the longest.

    A check of no single table is one of the recommendations, which every list is.
    """
    names: Collection[str] = sorted((table.name for table in publication.published()), key=len, reverse=True)
    sorted_out: dict[str, list[Assertion]] = {}
    for one in found:
        of = next((name for name in names if str(one.name).startswith(name)), "recommendations")
        sorted_out.setdefault(of, []).append(one)
    return sorted_out


def gate(report: Mapping[str, Any]) -> list[Assertion]:
    """Whether the evaluation let the night's lists pass."""
    said = report.get("gate")
    return (
        []
        if said is None
        else [Assertion("custom", said not in ("blocked", "overridden"), name="gate", actual=str(said))]
    )
