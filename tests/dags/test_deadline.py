"""The deadline of a real Airflow: whoever is to be told is told once, of the newest night, and of no other."""

import os
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipeline.operations import stages
from tests import tiny_log
from tests.conftest import ROOT
from tests.dags.live_airflow import AIRFLOW, LiveAirflow
from tests.dags.story import NIGHTLY, Webhook
from tests.operations.monitoring.test_watching import figure
from tests.postgres import Server

pytestmark = pytest.mark.slow
VALID_BY = "00:01"
SETTINGS = """
timezone = "{zone}"
[monitoring]
valid_by = "{valid_by}"
textfile = "metrics.prom"
[ingest.events]
files = "log.jsonl"
sql = "events.sql"
"""


@pytest.fixture
def zone() -> str:
    """Where it is about noon: a test of minutes that begins before midnight would end on another day."""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"  # whose sign is the other way round


@pytest.fixture
def newest(zone: str) -> datetime:
    """The newest night, at the hour at which it begins."""
    today = datetime.now(ZoneInfo(zone)).replace(hour=2, minute=0, second=0, microsecond=0)
    return today - timedelta(days=1)


@pytest.fixture
def environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, newest: datetime
) -> Iterator[dict[str, str]]:
    """A shop that was to have valid tables a minute after midnight, and somebody who is told."""
    monkeypatch.setattr(Webhook, "got", [])
    webhook = ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=webhook.serve_forever, daemon=True).start()
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "pipeline.toml").write_text(SETTINGS.format(zone=zone, valid_by=VALID_BY))
    (folder / "events.sql").write_text(tiny_log.MAPPING)
    tiny_log.write(folder / "log.jsonl", [tiny_log.row("u1", "a", f"{newest.date()} 10:00:00")])
    yield {
        "NIGHTJAR_CONFIG": str(folder / "pipeline.toml"),
        "NIGHTJAR_HOME": str(tmp_path / "home"),
        "NIGHTJAR_NOTIFIER": f"http://127.0.0.1:{webhook.server_port}/hook",
    }
    webhook.shutdown()


def test_only_the_newest_night_is_told_to_be_late(
    tmp_path: Path, postgres: Server, environment: dict[str, str], zone: str, newest: datetime
) -> None:
    nights = (newest - timedelta(days=4), newest)
    live = LiveAirflow.make(tmp_path / "airflow", postgres, environment)
    with live.running():
        # the DAG is paused, as a scheduler's may be that is behind: no task of these runs begins
        for night in nights:
            body = {"logical_date": night.isoformat(), "conf": {}}
            live.api("POST", f"/api/v2/dags/{NIGHTLY}/dagRuns", body)
        live.api("POST", f"/api/v2/dags/{NIGHTLY}/dagRuns", {"logical_date": None, "conf": {}})  # has no deadline
        due = live.rows("select deadline_time from deadline order by 1")
        assert [moment for (moment,) in due] == [night + timedelta(days=1, hours=-1, minutes=-59) for night in nights]
        ended = "select state from callback where state in ('success', 'failed')"
        live.wait(lambda: len(live.rows(ended)) == 2, 180, "callbacks of two deadlines")
        assert live.rows(ended) == [("success",), ("success",)]
    (message,) = Webhook.got
    assert (message["event"], message["night"], message["dag"]) == ("late", newest.date().isoformat(), NIGHTLY)
    assert message["text"] == (
        f"Nightjar {newest.date()} is late: its tables were to be valid by {VALID_BY} in {zone}: nothing is published"
    )


def test_a_night_by_hand_is_run_as_ever(tmp_path: Path, environment: dict[str, str], newest: datetime) -> None:
    """`dags test` knows no stored DAG, and an alert would break its end; tasks tell who watches as ever."""
    env = (
        os.environ
        | environment
        | {
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PYTHONPATH": str(ROOT),
        }
    )
    subprocess.run([AIRFLOW, "db", "migrate"], cwd=ROOT, env=env, check=True, capture_output=True)
    others = "|".join(["approval", *(stage for stage in stages.EVERYWHERE if stage != "ingest")])
    command = [AIRFLOW, "dags", "test", NIGHTLY, newest.isoformat(), "--mark-success-pattern", others]
    done = subprocess.run(command, cwd=ROOT, env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    file = Path(environment["NIGHTJAR_HOME"]) / "metrics.prom"
    assert figure(file, "stage_success") == {("night", "ingest"): 1}
    assert figure(file, "input_rows")["events",] == 1
