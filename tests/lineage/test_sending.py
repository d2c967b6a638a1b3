"""Events on their way: over HTTP, to a consumer that is away, hangs, or refuses; and nobody who collects."""

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.lineage import sending, switch
from pipeline.operations import stages
from pipeline.operations.load_history import load_history
from tests.conftest import ROOT
from tests.lineage import consumer, shop
from tests.lineage.conftest import FollowedNight
from tests.tiny_log import digests


class Consumer(http.server.ThreadingHTTPServer):
    """Takes events as Marquez does: POST /api/v1/lineage; hangs, where it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.got: list[dict[str, object]] = []
        self.paths: set[str] = set()
        self.hangs = threading.Event()
        self.ends = threading.Event()

    @property
    def url(self) -> str:
        return f"http://someone:hunter22@127.0.0.1:{self.server_port}"


class Taking(http.server.BaseHTTPRequestHandler):
    """Of one request."""

    server: Consumer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.hangs.is_set():
            self.server.ends.wait(60)
        self.server.paths.add(self.path)
        self.server.got.append(json.loads(body))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def marquez() -> Iterator[Consumer]:
    server = Consumer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.ends.set()
    server.shutdown()
    server.server_close()


def test_an_http_consumer_gets_the_events_in_order(marquez: Consumer, tmp_path: Path) -> None:
    config = shop.write(tmp_path / "shop")
    with shop.collected({"OPENLINEAGE_URL": marquez.url, "OPENLINEAGE_NAMESPACE": "corner.shop"}):
        stages.run_stage("ingest", shop.NIGHT, config)
    assert [event["eventType"] for event in marquez.got] == ["START", "COMPLETE"]
    assert marquez.paths == {"/api/v1/lineage"}
    for event in marquez.got:
        consumer.validate(event)
        assert event["job"]["namespace"] == "corner.shop"  # type: ignore[index]
    assert "hunter22" not in json.dumps(marquez.got)


def test_a_consumer_that_hangs_costs_a_night_its_limit_once(
    marquez: Consumer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sending, "LIMIT_SECONDS", 0.2)
    marquez.hangs.set()
    config = shop.write(tmp_path / "shop")
    with shop.collected({"OPENLINEAGE_URL": marquez.url}):
        for _ in range(2):
            stages.run_stage("ingest", shop.NIGHT, config, force=True)
    said = [record for record in caplog.records if "lineage is not sent" in record.getMessage()]
    assert [record.getMessage().partition(": ")[2] for record in said] == ["no answer within 0.2 s"]
    assert not any(secret in caplog.text for secret in ("hunter22", "someone"))
    assert not marquez.got


def test_a_consumer_that_is_away_fails_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = shop.write(tmp_path / "shop")
    variables = {"TYPE": "http", "URL": "http://someone:hunter22@127.0.0.1:9", "RETRY": '{"total": 2}'}
    with shop.collected({f"OPENLINEAGE__TRANSPORT__{name}": value for name, value in variables.items()}):
        stages.run_stage("ingest", shop.NIGHT, config)
    assert caplog.text.count("lineage is not sent") == 1
    assert "Retrying" not in caplog.text
    assert "hunter22" not in caplog.text


def test_a_transport_that_is_none_fails_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = shop.write(tmp_path / "shop")
    with shop.collected({"OPENLINEAGE__TRANSPORT__TYPE": "no.such.Transport"}):
        stages.run_stage("ingest", shop.NIGHT, config)
    assert caplog.text.count("lineage is not sent") == 1


@pytest.mark.slow
def test_what_is_told_changes_no_byte(night: FollowedNight, tmp_path: Path) -> None:
    config = shop.write(tmp_path / "shop")
    load_history(config, shop.NIGHT - timedelta(days=1))
    stages.run(shop.NIGHT, config)
    assert night.events
    for stage in stages.EVERYWHERE:
        folders = (artifacts.stage_dir(one.lake, stage, shop.NIGHT) for one in (night.config, config))
        told, untold = ({n: d for n, d in digests(folder).items() if not n.endswith(".html")} for folder in folders)
        assert told == untold, stage


def test_who_collects_nothing_imports_nothing(tmp_path: Path) -> None:
    config = shop.write(tmp_path / "shop")
    code = f"""
import sys, datetime
from pathlib import Path
from pipeline.operations import stages
from pipeline.sources.configuration import FullConfig
config = FullConfig.model_validate_json(Path({str(tmp_path / "config.json")!r}).read_text())
stages.run_stage("ingest", datetime.date({shop.NIGHT.year}, {shop.NIGHT.month}, {shop.NIGHT.day}), config)
print([name for name in sys.modules if name.startswith(("openlineage", "sqlglot", "requests", "pipeline.lineage"))])
"""
    (tmp_path / "config.json").write_text(config.model_dump_json())
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    light = ["pipeline.lineage", "pipeline.lineage.switch", "pipeline.lineage.followed", "pipeline.lineage.following"]
    assert sorted(eval(done.stdout)) == sorted(light)


def test_what_is_not_installed_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = shop.write(tmp_path / "shop")
    with shop.sent_to(tmp_path / "events.jsonl"):
        monkeypatch.setitem(sys.modules, "pipeline.lineage.telling", None)  # as where its imports fail
        stages.run_stage("ingest", shop.NIGHT, config)
    assert caplog.text.count("pip install '.[lineage]'") == 1


def test_it_is_on_where_the_client_would_find_where_to_send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert not switch.is_on({})
    assert switch.is_on({"OPENLINEAGE_URL": "http://marquez:5000"})
    assert switch.is_on({"OPENLINEAGE__TRANSPORT__TYPE": "console"})
    assert switch.is_on({"OPENLINEAGE__TRANSPORT": "{}"})
    assert not switch.is_on({"OPENLINEAGE_URL": "http://marquez:5000", "OPENLINEAGE_DISABLED": "True"})
    assert not switch.is_on({"OPENLINEAGE_CONFIG": "absent.yml", "OPENLINEAGE_NAMESPACE": "shop"})
    (tmp_path / "other.yml").write_text("transport: {type: console}\n")
    assert switch.is_on({"OPENLINEAGE_CONFIG": str(tmp_path / "other.yml")})
    (tmp_path / "openlineage.yml").write_text("transport: {type: console}\n")
    assert switch.is_on({})


def test_a_broken_log_fails_with_its_reason_and_quotes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_DSN", "postgresql://writer:s3cr3t-word@db/shop")
    config = shop.write(tmp_path / "shop")
    log = tmp_path / "shop" / "logs" / f"{shop.NIGHT}.csv"
    log.write_text(log.read_text() + "u1,,when,PURCHASE,private-word,1,x\n" * 500)
    with shop.sent_to(tmp_path / "events.jsonl"), pytest.raises(InputError):
        stages.run_stage("ingest", shop.NIGHT, config)
    start, failed = shop.events(tmp_path / "events.jsonl")
    consumer.validate(failed)
    assert (start["eventType"], failed["eventType"]) == ("START", "FAIL")
    assert start["run"]["runId"] == failed["run"]["runId"]
    assert failed["outputs"] == []
    message = failed["run"]["facets"]["errorMessage"]["message"]
    assert message.startswith("InputError: ")
    assert str(shop.NIGHT) in message
    assert not any(secret in json.dumps([start, failed]) for secret in ("private-word", "s3cr3t-word"))


def test_a_night_that_is_not_as_usual_fails_with_the_check_that_says_so(tmp_path: Path) -> None:
    config = shop.write(tmp_path / "shop")
    log = tmp_path / "shop" / "logs" / f"{shop.NIGHT}.csv"
    with shop.sent_to(tmp_path / "events.jsonl"):
        load_history(config, shop.NIGHT - timedelta(days=1))
        log.write_text("\n".join(log.read_text().splitlines()[:4]) + "\n")
        with pytest.raises(InputError, match="volume"):
            stages.run_stage("ingest", shop.NIGHT, config)
    *_, failed = shop.events(tmp_path / "events.jsonl")
    (read,) = [place for place in failed["inputs"] if "logs" in place["name"]]
    said = {a["name"]: a for a in read["inputFacets"]["dataQualityAssertions"]["assertions"]}
    assert (said["volume"]["success"], said["volume"]["severity"]) == (False, "error")
    consumer.validate(failed)


def test_who_is_stopped_aborts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    config = shop.write(tmp_path / "shop")
    monkeypatch.setattr(stages, "call", stopped)
    with shop.sent_to(tmp_path / "events.jsonl"), pytest.raises(KeyboardInterrupt):
        stages.run_stage("ingest", shop.NIGHT, config)
    assert [event["eventType"] for event in shop.events(tmp_path / "events.jsonl")] == ["START", "ABORT"]


def test_an_attempt_is_a_run_of_its_own_and_the_night_is_the_same(tmp_path: Path) -> None:
    config = shop.write(tmp_path / "shop")
    with shop.sent_to(tmp_path / "events.jsonl"):
        for _ in range(2):
            stages.run_stage("ingest", shop.NIGHT, config, force=True)
        stages.run_stage("ingest", shop.NIGHT, config)  # up to date: nothing runs
    told = shop.events(tmp_path / "events.jsonl")
    assert [event["eventType"] for event in told] == ["START", "COMPLETE"] * 2
    assert len({event["run"]["runId"] for event in told}) == 2
    assert len({event["run"]["facets"]["parent"]["run"]["runId"] for event in told}) == 1


def test_the_environment_can_say_what_a_stage_is_a_part_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = "01a22550-ddf5-7000-8000-000000000001"
    monkeypatch.setenv("OPENLINEAGE_PARENT_ID", f"airflow://shop/nightly_recommendations/{run_id}")
    config = shop.write(tmp_path / "shop")
    with shop.sent_to(tmp_path / "events.jsonl"):
        stages.run_stage("ingest", shop.NIGHT, config)
    for event in shop.events(tmp_path / "events.jsonl"):
        consumer.validate(event)
        parent = event["run"]["facets"]["parent"]
        assert parent["run"]["runId"] == run_id
        assert parent["job"] == {"facets": {}, "namespace": "airflow://shop", "name": "nightly_recommendations"}
