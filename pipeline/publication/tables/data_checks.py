"""The table `data_checks`: what was checked on the way to the run, and what was found.

It is made last, when the other tables are written and checked, so that it has their checks; itself it is not checked.
Not in it: how many items of the lists changed (publish.max_churn), which depends on what readers saw before and not on
what the run is made of, and whatever follows the writing: rows counted in the target, copies. Nor is a check that is
off, or one that stopped, as then there is no run.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from pipeline.ground import artifacts, sql
from pipeline.intake import refusals
from pipeline.intake.ingest import UNTIL
from pipeline.intake.quality import KEY
from pipeline.publication.night import FALLBACK, Night
from pipeline.published.contract import OF_RUN, Column, PublishedTable
from pipeline.settings.sections.checks import names

PASSED, WARNED, FAILED = "passed", "warned", "failed"
STATUS = {"warn": WARNED, "stop": FAILED}
"""What it is called that a check found something, by its severity."""
LISTS = "recommendations"
"""What a check of the tables is about that names none."""
AFTER_CHECKS = True
"""See pipeline.publication.tables."""

TABLE = PublishedTable(
    name="data_checks",
    grain="one row per check that was made on the way to the run",
    columns=(
        Column("stage", pa.string(), "what it was part of: ingest, features, evaluate or publish", of=OF_RUN),
        Column("check_name", pa.string(), "its name: that of its file in sql/checks, where it has one", of=OF_RUN),
        Column("about", pa.string(), "the input or the published table that was checked", of=OF_RUN),
        Column(
            "status",
            pa.string(),
            "passed; warned: it found what is only warned of; failed: it found what stops, and was overruled",
            of=OF_RUN,
        ),
        Column("found", pa.float32(), "how many rows, nights or facts are not as they should be", of=OF_RUN),
        Column("allowed", pa.float32(), "how many of them pass", of=OF_RUN),
        Column(
            "message",
            pa.string(),
            "what was found, in words that name no user and no item; empty where nothing was",
            of=OF_RUN,
        ),
    ),
    key=("check_name", "stage"),
    added_later=True,
)
Row = dict[str, Any]


def make(night: Night) -> Iterable[pa.Table]:
    """The checks of the night's log, of the features, of the lists and of the tables, in this order."""
    rows = [*_of_log(night), *_of_features(night), *_of_lists(night), *_of_tables(night)]
    return [pa.Table.from_pylist([{"run_id": night.run_id} | row for row in rows], schema=TABLE.schema)]


def _row(check: tuple[str, str, str], found: float, status: str, said: str, allowed: float = 0.0) -> Row:
    """A row of a check (stage, name, what it is about); `status` and `said` are of more than is allowed."""
    verdict = (status, said) if found > allowed else (PASSED, "")
    row = dict(zip(("stage", "check_name", "about", "status", "message"), (*check, *verdict), strict=True))
    return row | {"found": float(found), "allowed": float(allowed)}  # a whole number must not need more digits


def _of_log(night: Night) -> Iterator[Row]:
    """As the manifest of the night's log has them; of a day that is not over nothing is compared with other days."""
    folder = artifacts.stage_dir(night.config.lake, "ingest", night.run_date)
    manifest = artifacts.read_manifest(folder) if artifacts.is_finished(folder) else {}
    report: Mapping[str, Any] = manifest.get("report", {})
    if KEY not in report:
        return
    if UNTIL not in report:
        severity = manifest["config"].get("checks", {}).get("severity", {})  # a night's log may be an older version's
        for name in sorted(name for name in names("events") if severity.get(name, "off") != "off"):
            said = report.get("unusual", {}).get(name, [])
            yield _row(("ingest", name, "events"), len(said), STATUS[severity[name]], "; ".join(said))
    harmless = sum(report.get(f"{refusals.REJECTED}{reason}", 0) for reason in refusals.HARMLESS)
    allowed = manifest["config"]["ingest"]["max_reject_share"] * (report[KEY]["rows"] - harmless)
    said = "rows of the log were refused: its manifest has the reasons"  # a mapping's own reasons could hold ids
    yield _row(("ingest", "rejected", "events"), refusals.refused(report), FAILED, said, allowed)


def _of_features(night: Night) -> Iterator[Row]:
    missing = artifacts.read_manifest(night.features)["report"].get("missing_nights")
    if missing is not None:
        said = f"no log of the {missing} nights before was ingested"
        yield _row(("features", "missing_nights", "events"), missing, WARNED, said)


def _of_lists(night: Night) -> Iterator[Row]:
    """What the gate says of the lists, and whether the baseline's are shown instead."""
    report = artifacts.read_manifest(night.evaluate)["report"]
    if "gate" in report:
        overruled = report["gate"] in ("blocked", "overridden")
        yield _row(("evaluate", "gate", LISTS), int(overruled), FAILED, f"{report['gate']}: see the report")
    fallen = sorted(filter(None, report.get(FALLBACK, "").split(",")))
    said = f"the lists of {', '.join(fallen)} are the baseline's"
    yield _row(("evaluate", FALLBACK, LISTS), len(fallen), WARNED, said)


def _of_tables(night: Night) -> Iterator[Row]:
    """How many rows offend and what a check looks for: the rows themselves would name people."""
    for name, about, found in night.checked:
        severity = night.config.checks.severity[name]
        yield _row(("publish", name, about), found, STATUS[severity], sql.heading(f"checks/tables/{name}"))
