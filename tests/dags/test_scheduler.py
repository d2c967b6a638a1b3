"""The three uses on a real scheduler with a real PostgreSQL, side by side, while a reader watches the active table.

The story is told once (`story`); the tests look at what it left. A real shop's log is moved to today, so that the night
the scheduler runs by itself is a night of it.
"""

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.operations import load_history
from pipeline.publication import publish
from pipeline.sources import configuration
from tests.dags import shop_of_today
from tests.dags.live_airflow import LiveAirflow
from tests.postgres import Server

pytestmark = pytest.mark.slow

NIGHTLY = "nightly_recommendations"
BACKFILLED = 14
SECRET = "a-webhook-path-nobody-may-see"


@dataclass
class Watch:
    """A reader of the active table: what it saw, and whether a run was ever half there."""

    dsn: str
    parquet: Path
    looks: int = 0
    seen: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def look(self, connection: psycopg.Connection[Any]) -> None:
        """One look: all rows of the view belong to one run, and they are as many as that run has."""
        query = "select run_id, count(*) from nightjar.current_recommendations group by run_id"
        with contextlib.suppress(psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            found = connection.execute(query).fetchall()
            self.looks += 1
            if len(found) != 1 and (self.seen or found):
                self.wrong.append(f"{found} after {self.seen[-1:]}")
            for run_id, rows in found[:1]:
                whole = pq.read_metadata(self.parquet / f"run_id={run_id}" / "recommendations.parquet").num_rows
                if rows != whole:
                    self.wrong.append(f"{rows} of {whole} rows of {run_id}")
                if self.seen[-1:] != [run_id]:
                    self.seen.append(run_id)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Look ten times a second until the block ends."""
        over = threading.Event()

        def watch() -> None:
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                while not over.wait(0.1):
                    self.look(connection)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


class Webhook(BaseHTTPRequestHandler):
    """Keeps what is posted to it."""

    got: list[dict[str, Any]] = []  # noqa: RUF012

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@dataclass
class Story:
    """What happened.

    Attributes:
        nights: the backfilled ones, then the scheduled one.
        runs: run_id of each manual run, by what it was for.
        active: the active run after each step.
    """

    live: LiveAirflow
    config: configuration.FullConfig
    watch: Watch
    nights: list[date]
    runs: dict[str, str] = field(default_factory=dict)
    active: dict[str, str] = field(default_factory=dict)
    questions: dict[str, Any] = field(default_factory=dict)

    def state(self, run_id: str) -> str:
        return str(self.live.rows("select state from dag_run where run_id = %s", run_id)[0][0])

    def report(self, stage: str, night: date) -> dict[str, Any]:
        """What a stage's manifest reports."""
        return dict(artifacts.read_manifest(artifacts.stage_dir(self.config.lake, stage, night))["report"])

    def note(self, step: str) -> None:
        """Remember which run is active."""
        found = publish.active_run(self.config)
        self.active[step] = found.run_id if found else ""

    def finish(self, *names: str, seconds: float = 600) -> None:
        """Wait until manual runs have ended."""
        for name in names:
            run_id = self.runs[name]
            self.live.wait(lambda r=run_id: self.state(r) in ("success", "failed"), seconds, f"end of {name}")

    def answer(self, name: str, option: str) -> None:
        """Wait for the approval of a run, remember what it asks, answer it as a person does."""
        run_id = self.runs[name]
        waiting = "awaiting_input"
        self.live.wait(lambda: self.live.states(run_id).get("approval") == waiting, 300, f"question of {name}")
        task = f"/api/v2/dags/{NIGHTLY}/dagRuns/{run_id}/taskInstances/approval/-1/hitlDetails"
        self.questions[name] = self.live.api("GET", task)
        time.sleep(1)
        self.live.api("PATCH", task, {"chosen_options": [option], "params_input": {}})


@pytest.fixture(scope="module")
def story(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Everything, once: about ten minutes on two cores."""
    home = tmp_path_factory.mktemp("scheduler")
    webhook = ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=webhook.serve_forever, daemon=True).start()
    # The night the scheduler runs first is the day before, once its 02:00 has come.
    now = datetime.now(UTC)
    last = (now - timedelta(hours=2)).date() - timedelta(days=1)
    nights = [last - timedelta(days=n) for n in range(BACKFILLED, -1, -1)]
    shop = shop_of_today.write(home / "shop", last, 'target = "postgres"\n')
    environment = {
        "NIGHTJAR_HOME": str(home / "nightjar"),
        "NIGHTJAR_CONFIG": str(shop),
        "NIGHTJAR_DSN": postgres.create_database("shop"),
        "NIGHTJAR_NOTIFIER": f"http://127.0.0.1:{webhook.server_port}/{SECRET}",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    with pytest.MonkeyPatch.context() as patched:
        for name, value in environment.items():
            patched.setenv(name, value)
        config = configuration.load()
        load_history.load_history(config, until=nights[-2])
        live = LiveAirflow.make(home / "airflow", postgres, environment)
        watch = Watch(environment["NIGHTJAR_DSN"], config.tables / "parquet")
        told = Story(live, config, watch, nights)
        with live.running(), watch.watching():
            tell(told)
        yield told
    webhook.shutdown()


def tell(story: Story) -> None:
    """The scheduled night and the backfill side by side, manual runs among them, then people in the loop."""
    live, (first, *_, newest_but_one, last) = story.live, story.nights
    live.cli("pools", "set", "gpu", "1", "one GPU")
    backfill = ["--from-date", str(first), "--to-date", f"{newest_but_one}T23:59:59", "--max-active-runs", "1"]
    live.cli("backfill", "create", "--dag-id", NIGHTLY, *backfill)
    for dag_id in (NIGHTLY, "export_surface"):
        live.api("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})

    scheduled = "select run_id, state from dag_run where run_type = 'scheduled' and dag_id = %s order by run_after"
    live.wait(lambda: [s for _, s in live.rows(scheduled, NIGHTLY)] == ["success"], 900, "scheduled night")
    story.runs["scheduled"] = live.rows(scheduled, NIGHTLY)[0][0]
    story.note("scheduled")

    twice = beginning_backfill(live)
    story.runs["twice"] = live.trigger(NIGHTLY, run_date=str(twice))
    manual = {"run_date": str(first), "surfaces": ["discover"], "overrides": {"als": {"factors": 8}}}
    story.finish("twice")
    story.runs["manual"] = live.trigger(NIGHTLY, **manual)
    blocked = {"evaluate": {"block": True, "k": 200}}  # nobody's list is that long
    story.runs["blocked"] = live.trigger(NIGHTLY, run_date=str(last), overrides=blocked)
    story.runs["misspelt"] = live.trigger(NIGHTLY, run_date=str(last), overrides={"als": {"factorz": 1}})
    going = "select count(*) from dag_run where run_type = 'backfill' and state in ('queued', 'running')"
    live.wait(lambda: live.rows(going) == [(0,)], 2400, "end of the backfill")
    story.finish("manual", "blocked", "misspelt")
    story.note("backfilled")

    older = {"run_date": str(newest_but_one), "approval": True, "overrides": {"publish": {"activate_older": True}}}
    for name, option in (("refused", "Reject"), ("approved", "Approve")):
        story.runs[name] = live.trigger(NIGHTLY, **older)
        story.answer(name, option)
        story.finish(name)
        story.note(name)
    exported = "select partition_key, state from dag_run where dag_id = 'export_surface'"
    wanted = {(str(night), "success") for night in story.nights}
    live.wait(lambda: set(live.rows(exported)) == wanted, 300, "exports of all nights")


def beginning_backfill(live: LiveAirflow) -> date:
    """The night of a backfill run that has just begun."""
    query = """
        select logical_date from dag_run join task_instance using (dag_id, run_id)
        where run_type = 'backfill' and dag_run.state = 'running'
        group by logical_date having count(*) filter (where task_instance.state = 'success') <= 2
    """
    live.wait(lambda: live.rows(query), 200, "backfilled night that begins")
    return live.rows(query)[0][0].astimezone(UTC).date()


def test_a_backfill_runs_every_night_also_those_of_a_closed_shop(story: Story) -> None:
    found = story.live.rows("select logical_date, state from dag_run where run_type = 'backfill' order by 1")
    assert [(day.astimezone(UTC).date(), state) for day, state in found] == [(n, "success") for n in story.nights[:-1]]
    published = {run.run_date for run in publish.published_runs(story.config)}
    assert set(story.nights) <= published
    events = {night: story.report("ingest", night)["events"] for night in story.nights}
    assert [night for night in events if events[night] == 0] == [n for n in events if n.weekday() == 5]


def test_the_scheduled_night_ran_beside_the_backfill_and_stayed_active(story: Story) -> None:
    last = story.nights[-1]
    assert story.state(story.runs["scheduled"]) == "success"
    assert story.active["scheduled"].startswith(last.isoformat())
    assert story.active["backfilled"] == story.active["scheduled"]
    beside = """
        select count(*) from dag_run a, dag_run b where a.run_id = %s and b.run_type = 'backfill'
        and a.start_date < b.end_date and b.start_date < a.end_date
    """
    assert story.live.rows(beside, story.runs["scheduled"])[0][0] >= 1


def test_two_runs_of_one_night_at_the_same_time_end_in_one_table(story: Story) -> None:
    run_id = story.runs["twice"]
    assert story.state(run_id) == "success"
    night = story.live.rows("select conf from dag_run where run_id = %s", run_id)[0][0]["run_date"]
    together = """
        select count(*) from dag_run a, dag_run b where a.run_id = %s and b.run_type = 'backfill'
        and b.logical_date::date = %s and a.start_date < b.end_date and b.start_date < a.end_date
    """
    assert story.live.rows(together, run_id, night) == [(1,)]
    runs = [run.run_id for run in publish.published_runs(story.config) if run.run_id.startswith(night)]
    assert len(runs) == 1


def test_a_manual_run_takes_its_parameters(story: Story) -> None:
    assert story.state(story.runs["manual"]) == "success"
    first = story.nights[0]
    manifest = artifacts.read_manifest(artifacts.stage_dir(story.config.lake, "als", first))
    assert manifest["config"]["als"]["factors"] == 8
    newest = next(run for run in publish.published_runs(story.config) if run.run_date == first)
    surfaces = pq.read_table(newest.folder / "recommendations.parquet", columns=["surface"]).column(0).unique()
    assert surfaces.to_pylist() == ["discover"]


def test_a_reader_saw_whole_runs_only_and_never_an_older_night_unless_asked(story: Story) -> None:
    watch = story.watch
    assert watch.looks > 500
    assert watch.wrong == []
    scheduled = watch.seen.index(story.active["scheduled"])
    assert set(watch.seen[scheduled:]) == {story.active["scheduled"], story.active["approved"]}


def test_an_approval_shows_the_comparison_and_a_refusal_leaves_the_table(story: Story) -> None:
    night = story.nights[-2].isoformat()
    asked = story.questions["refused"]
    assert night in asked["subject"]
    decision = story.report("evaluate", story.nights[-2])["gate"]
    assert decision in asked["body"]
    assert "report.html" in asked["body"]
    refused, approved = (story.live.states(story.runs[name]) for name in ("refused", "approved"))
    assert (refused["approval"], refused["publish"]) == ("success", "skipped")
    assert (approved["approval"], approved["publish"]) == ("success", "success")
    assert story.active["refused"] == story.active["backfilled"]
    assert story.active["approved"].startswith(night)
    assert story.live.states(story.runs["scheduled"])["approval"] == "skipped"


def test_the_notifier_tells_a_gate_block_from_a_failure_and_a_refusal(story: Story) -> None:
    by_event = {message["event"]: message for message in Webhook.got}
    assert sorted(by_event) == ["blocked", "failed", "refused"]
    last = story.nights[-1].isoformat()
    assert (by_event["blocked"]["task"], by_event["blocked"]["night"]) == ("evaluate", last)
    assert (by_event["failed"]["task"], by_event["failed"]["error"]) == ("ingest", "InputError")
    assert "factorz" in by_event["failed"]["text"]
    assert by_event["refused"]["task"] == "approval"
    assert story.live.states(story.runs["blocked"])["publish"] == "upstream_failed"
    everything = json.dumps(Webhook.got)
    assert SECRET not in everything
    assert os.environ["NIGHTJAR_DSN"] not in everything


def test_no_secret_is_in_a_log(story: Story) -> None:
    from tests.postgres import PASSWORD

    logs = [path for path in story.live.home.glob("logs/**/*.log") if path.is_file()]
    assert len(logs) > 100
    for path in logs:
        text = path.read_text(encoding="utf-8", errors="replace")
        assert SECRET not in text, path
        assert PASSWORD not in text, path


def test_every_published_night_is_exported_once_it_is_there(story: Story) -> None:
    found = story.live.rows("select partition_key, state from dag_run where dag_id = 'export_surface'")
    assert {state for _, state in found} == {"success"}
    assert {key for key, _ in found} == {night.isoformat() for night in story.nights}
    newest = story.config.home / "exports" / f"run_date={story.nights[-1]}" / "for_you.jsonl"
    lines = [json.loads(line) for line in newest.read_text(encoding="ascii").splitlines()]
    assert {line["run_id"] for line in lines} == {story.active["scheduled"]}
    assert len(lines) == story.report("publish", story.nights[-1])["users"]
