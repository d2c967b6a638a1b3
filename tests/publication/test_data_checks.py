"""What the table `data_checks` says, against the manifests and the checks' files read by hand."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts, lists
from pipeline.publication import checks
from pipeline.publication.tables import data_checks
from pipeline.settings.sections.checks import Checks
from tests.conftest import ROOT
from tests.small_shop import NIGHT, Shop, go, shop

EVENTS = {path.stem for path in (ROOT / "sql" / "checks" / "events").glob("*.sql")}
OF_DOCUMENTS = {"document_labels", "labels_wanted", "entity_sentiment", "entity_events"}
NOT_ASKED_FOR = {*OF_DOCUMENTS, "topics", "question_clusters", "answers", "unanswered", "search_terms", "explanations"}
"""The checks of those who have documents or ask for more tables, which this shop does not."""
TABLES = {path.stem for path in (ROOT / "sql" / "checks" / "tables").glob("*.sql")} - NOT_ASKED_FOR
LOG = {
    "quality": {"rows": 1000},
    "unusual": {"nulls": ["price is null in 50 % of the events", "user_id is null in 60 % of the events"]},
    "rejected: no item_id": 7,
    "rejected: private-word": 2,
    "rejected: duplicate of an earlier event": 100,
}


def logged(made: Shop, report: dict[str, Any], **config: Any) -> Shop:
    """The shop with a night's log whose manifest has a report."""
    section = made.config.model_dump(mode="json")
    folder = made.folder("ingest")
    folder.mkdir(parents=True)
    artifacts.write_manifest(folder, {"files": {}, "report": report, "config": section | config})
    return made


def reported(made: Shop, stage: str, **report: Any) -> None:
    path = made.folder(stage) / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"report": manifest["report"] | report}))


def rows(made: Shop) -> dict[tuple[str, str], dict[str, Any]]:
    (path,) = made.config.tables.glob("parquet/*/data_checks.parquet")
    return {(row["stage"], row["check_name"]): row for row in pq.read_table(path, partitioning=None).to_pylist()}


def test_every_check_that_was_made_has_a_row(tmp_path: Path) -> None:
    made = logged(shop(tmp_path).write(), LOG)
    reported(made, "features", missing_nights=0)
    report = go(made)
    found = rows(made)
    wanted = {("ingest", name) for name in EVENTS | {"rejected"}} | {("publish", name) for name in TABLES}
    assert set(found) == wanted | {("features", "missing_nights"), ("evaluate", "gate"), ("evaluate", "fallback")}
    assert {row["run_id"] for row in found.values()} == {report["run_id"]}
    unlike = {key: row for key, row in found.items() if row["status"] != "passed"}
    assert list(unlike) == [("ingest", "nulls")]
    nulls = unlike["ingest", "nulls"]
    assert (nulls["status"], nulls["found"], nulls["allowed"], nulls["about"]) == ("warned", 2, 0, "events")
    assert nulls["message"] == "; ".join(LOG["unusual"]["nulls"])
    assert {row["message"] for key, row in found.items() if key not in unlike} == {""}
    rejected = found["ingest", "rejected"]
    assert rejected["found"] == 7 + 2
    assert rejected["allowed"] == pytest.approx((1000 - 100) * made.config.ingest.max_reject_share)


def test_what_was_overruled_has_failed(tmp_path: Path) -> None:
    ingest = {"max_reject_share": 0.001}
    severity = Checks.model_validate({"severity": {"nulls": "stop", "volume": "off"}}).model_dump()
    made = logged(shop(tmp_path).write(), LOG, ingest=ingest, checks=severity)
    reported(made, "features", missing_nights=3)
    reported(made, "evaluate", gate="overridden", fallback="new")
    part = f"cutoff={NIGHT.isoformat()}"
    lists.write_list(
        made.folder("als") / part, "new", "popularity", *lists.read_list(made.folder("ensemble") / part, "new", "final")
    )
    go(made)
    found = rows(made)
    said = {key: (row["status"], row["found"]) for key, row in found.items() if row["status"] != "passed"}
    assert said == {
        ("ingest", "nulls"): ("failed", 2),
        ("ingest", "rejected"): ("failed", 9),
        ("features", "missing_nights"): ("warned", 3),
        ("evaluate", "gate"): ("failed", 1),
        ("evaluate", "fallback"): ("warned", 1),
    }
    assert ("ingest", "volume") not in found
    assert "private-word" not in " ".join(row["message"] for row in found.values())


def test_a_check_of_the_tables_tells_how_many_rows_and_names_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offending = {"recommendations_ranks": (7, ["rank 3 of private-word"]), "one_product": (1, ["private-word"])}
    monkeypatch.setattr(checks, "offences", lambda *_: offending)
    section = Checks.model_validate({"severity": {**dict.fromkeys(offending, "warn"), "search_results": "off"}})
    made = shop(tmp_path)
    made.config = made.config.model_copy(update={"checks": section})
    go(made.write())
    found = rows(made)
    said = {name: (row["about"], row["found"]) for (_, name), row in found.items() if row["status"] == "warned"}
    assert said == {"recommendations_ranks": ("recommendations", 7), "one_product": ("recommendations", 1)}
    head = (ROOT / "sql" / "checks" / "tables" / "recommendations_ranks.sql").read_text().splitlines()[0]
    assert found["publish", "recommendations_ranks"]["message"].startswith(head.removeprefix("-- "))
    assert "private-word" not in str(found)
    assert ("publish", "search_results") not in found
    assert found["publish", "user_profiles"]["about"] == "user_profiles"


def test_nothing_is_usual_in_a_part_of_a_day(tmp_path: Path) -> None:
    made = logged(shop(tmp_path).write(), LOG | {"until": "2011-10-02T12:00:00+00:00", "unusual": {}})
    go(made)
    assert {name for stage, name in rows(made) if stage == "ingest"} == {"rejected"}


def test_the_same_night_gives_the_same_bytes_whatever_readers_saw_before(tmp_path: Path) -> None:
    written = []
    for number in range(2):
        made = logged(shop(tmp_path / str(number)).write(), LOG)
        go(made)
        (path,) = made.config.tables.glob("parquet/*/data_checks.parquet")
        written.append(path.read_bytes())
        go(made)
        assert path.read_bytes() == written[-1]
    assert written[0] == written[1]


def test_a_log_of_hundreds_of_millions_has_a_row() -> None:
    row = data_checks._row(("ingest", "rejected", "events"), 331_401_789, "failed", "some", allowed=400_000_001)
    (made,) = pa.Table.from_pylist([{"run_id": "r"} | row], schema=data_checks.TABLE.schema).to_pylist()
    assert made["found"] == pytest.approx(331_401_789, rel=1e-6)
    assert (made["allowed"], made["status"]) == (pytest.approx(400_000_001, rel=1e-6), "passed")
