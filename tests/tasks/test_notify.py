"""What is told, to a real HTTP server and to a function; what a broken notifier may not do."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts, zones
from pipeline.ground.errors import GateError, InputError, UnavailableError
from pipeline.operations.monitoring import deadline
from pipeline.publication.tables import entity_events
from pipeline.sources import configuration
from pipeline.tasks import notify
from tests.tiny_log import shop

GOT: list[dict[str, str]] = []


@pytest.fixture(autouse=True)
def _empty() -> None:
    GOT.clear()


def keep(message: dict[str, str]) -> None:
    GOT.append(message)


def hang(_: dict[str, str]) -> None:
    time.sleep(60)


def leave(_: dict[str, str]) -> None:
    raise SystemExit(3)


def break_down(_: dict[str, str]) -> None:
    raise ValueError("secret://me:hunter22@host")


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        GOT.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(500 if "broken" in self.path else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook-path"
    server.shutdown()


def context(error: BaseException | None, **params: Any) -> dict[str, Any]:
    task = SimpleNamespace(task_id="evaluate", dag_id="nightly", log_url="http://airflow/log")
    run = SimpleNamespace(run_id="manual__1", run_type=SimpleNamespace(value="manual"), run_after=None)
    logical = datetime(2011, 10, 2, 2, tzinfo=UTC)
    found = {"task_instance": task, "dag_run": run, "params": params, "logical_date": logical}
    return found | ({"exception": error} if error else {})


def asked(answer: dict[str, Any]) -> dict[str, Any]:
    return context(None) | {"task": SimpleNamespace(hitl_summary=answer)}


@pytest.mark.parametrize(
    ("error", "event", "said"),
    [
        (GateError("significantly worse"), "blocked", "significantly worse"),
        (InputError("half a log"), "failed", "half a log"),
        (ConnectionError("postgresql://me:hunter22@db"), "crashed", "see the task's log"),
        (None, "crashed", "see the task's log"),  # a killed process has no exception
    ],
)
def test_a_webhook_is_told_what_happened_where(
    url: str, monkeypatch: pytest.MonkeyPatch, error: BaseException | None, event: str, said: str
) -> None:
    monkeypatch.setenv("NIGHTJAR_NOTIFIER", url)
    notify.failed(context(error))
    (message,) = GOT
    assert (message["event"], message["message"], message["night"]) == (event, said, "2011-10-02")
    assert (message["task"], message["dag"], message["run"]) == ("evaluate", "nightly", "manual__1")
    assert message["error"] == (type(error).__name__ if error else "")
    assert message["text"].startswith("Nightjar 2011-10-02 ")
    assert "hunter22" not in json.dumps(message)


def test_a_function_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_NOTIFIER", f"{__name__}:keep")
    notify.failed(context(GateError("worse"), run_date="2011-09-01"))
    assert GOT[0]["night"] == "2011-09-01"


def test_of_a_day_so_far_the_day_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_NOTIFIER", f"{__name__}:keep")
    notify.failed(context(GateError("worse"), at="2011-09-05T13:00"))
    assert GOT[0]["night"] == "2011-09-05"


def test_a_refusal_is_told_and_an_approval_is_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NIGHTJAR_NOTIFIER", f"{__name__}:keep")
    notify.answered(asked({"approved": True}))
    assert GOT == []
    notify.answered(asked({"approved": False, "responded_by_user": {"id": "1", "name": "ada"}}))
    assert GOT[0]["event"] == "refused"
    assert "ada refused it" in GOT[0]["text"]
    assert "2011-10-02 is not published: ada refused it" in caplog.text


def test_nothing_is_sent_where_nobody_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NIGHTJAR_NOTIFIER", raising=False)
    notify.failed(context(GateError("worse")))
    assert GOT == []


@pytest.mark.parametrize(
    "where",
    [
        f"{__name__}:hang",
        f"{__name__}:leave",
        f"{__name__}:break_down",
        "no_such_module:tell",
        "nonsense",
        "http://127.0.0.1:1/refused",
        "file:///etc/passwd",
    ],
)
def test_a_broken_notifier_changes_nothing(
    where: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notify, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setenv("NIGHTJAR_NOTIFIER", where)
    with caplog.at_level(logging.WARNING):
        notify.failed(context(GateError("worse")))
    assert "the notifier (NIGHTJAR_NOTIFIER) failed" in caplog.text
    assert where not in caplog.text
    assert "hunter22" not in caplog.text


def test_a_webhook_that_says_no_is_only_a_warning(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NIGHTJAR_NOTIFIER", f"{url}/broken")
    notify.failed(context(GateError("worse")))
    assert "HTTPError" in caplog.text
    assert "hook-path" not in caplog.text


def missed(night: str, **conf: Any) -> dict[str, Any]:
    """What Airflow gives the callback of a missed deadline: a run as its API describes it."""
    run = {"dag_run_id": f"scheduled__{night}", "dag_id": "nightly", "run_type": "scheduled", "conf": conf}
    run |= {"logical_date": f"{night}T00:00:00Z", "run_after": f"{night}T23:00:00Z"}
    return {"dag_run": run, "deadline": {"id": "1", "deadline_time": "2011-10-03T04:00:00Z"}}


@pytest.fixture
def due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A shop on the morning of 3 October 2011; what its tables lack can be set."""
    found = ["readers see run 2011-10-01-aaaaaaaa; password=hunter22"]
    (tmp_path / "pipeline.toml").write_text(
        'timezone = "Europe/Berlin"\n[monitoring]\nvalid_by = "06:00"\n'
        '[ingest.events]\nfiles = "log.csv"\nsql = "events.sql"\n'
    )
    monkeypatch.setenv("NIGHTJAR_CONFIG", str(tmp_path / "pipeline.toml"))
    monkeypatch.setenv("NIGHTJAR_NOTIFIER", f"{__name__}:keep")
    monkeypatch.setattr(zones, "today", lambda name: date(2011, 10, 3))
    monkeypatch.setattr(deadline, "behind", lambda config, night: found[0])
    return found


def test_the_newest_night_is_told_to_be_late(due: list[str]) -> None:
    notify.late(missed("2011-10-02"))
    (message,) = GOT
    assert (message["event"], message["night"], message["dag"]) == ("late", "2011-10-02", "nightly")
    assert (message["run"], message["task"], message["error"]) == ("scheduled__2011-10-02", "", "LateError")
    assert message["text"] == (
        "Nightjar 2011-10-02 is late: its tables were to be valid by 06:00 in Europe/Berlin: "
        "readers see run 2011-10-01-aaaaaaaa; password=***"
    )


@pytest.mark.parametrize(
    "context", [missed("2011-10-01"), missed("2011-10-02", run_date="2011-09-20")], ids=["backfilled", "by hand"]
)
def test_of_a_night_that_was_due_long_ago_nobody_is_told(due: list[str], context: dict[str, Any]) -> None:
    notify.late(context)
    assert GOT == []


def test_a_night_whose_tables_are_there_is_not_late(due: list[str]) -> None:
    due[0] = ""
    notify.late(missed("2011-10-02"))
    assert GOT == []


def test_a_database_that_is_away_is_late_as_well(due: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> str:
        raise UnavailableError("PostgreSQL: no answer from postgresql://me:hunter22@db/shop")

    monkeypatch.setattr(deadline, "behind", away)
    notify.late(missed("2011-10-02"))
    assert "PostgreSQL: no answer" in GOT[0]["text"]
    assert "hunter22" not in GOT[0]["text"]


def test_unusual_news_are_told_once_they_are_published(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(notify.VARIABLE, f"{__name__}:keep")
    night = date(2024, 1, 30)
    config = shop(tmp_path, entities={"enabled": True, "alert": True})
    monkeypatch.setattr(configuration, "load", lambda: config)
    context = {"params": {"run_date": str(night)}, "task_instance": SimpleNamespace(task_id="publish", dag_id="n")}
    notify.published(context)
    assert GOT == []
    folder = artifacts.stage_dir(config.lake, "publish", night)
    folder.mkdir(parents=True)
    row = {
        "run_id": "r",
        "texts": 14,
        "expected": 2.04,
        "false_share": 0.01,
        "novelty": 0.5,
        "words": ["recall", "<b>"],
    }
    rows = [
        row | {"entity": "<!channel> @here [x](http://y)", "day": night, "document_id": "d", "words": []},
        row | {"entity": "acme", "day": night, "document_id": "d", "false_share": 0.001},
        row | {"entity": "old", "day": date(2024, 1, 29), "document_id": "d"},
        *(row | {"entity": f"z{n:02d}", "day": night, "document_id": "d", "false_share": 0.02} for n in range(20)),
    ]
    pq.write_table(pa.Table.from_pylist(rows, entity_events.TABLE.schema), folder / "entity_events.parquet")
    notify.published(context)
    (message,) = GOT
    assert message["event"] == "unusual"
    assert message["text"].startswith(
        "Nightjar 2024-01-30 is published, and has unusual news: publish: acme (14 texts, 2.0 expected: recall, b); "
        "channel here xhttpy (14 texts, 2.0 expected); z00 ("
    )
    assert message["text"].endswith("; and 12 more, see entity_events")
    assert "old" not in message["text"]
    notify.published(context | {"params": {"run_date": str(night), "at": None}})
    assert len(GOT) == 1
    config = config.model_copy(update={"entities": config.entities.model_copy(update={"alert": False})})
    notify.published(context)
    assert len(GOT) == 1
