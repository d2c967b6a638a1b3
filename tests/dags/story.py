"""The shop and its three uses of a real scheduler, told once for the tests that look at what came of it."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow.parquet as pq

from pipeline.ground import artifacts
from pipeline.publication import publish
from pipeline.sources import configuration
from tests.dags.live_airflow import LiveAirflow

NIGHTLY = "nightly_recommendations"
BACKFILLED = 8
"""Nights: a week, so that one is a Saturday, on which the shop is closed, and a new week's work; and one more."""
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
        """Look four times a second until the block ends: each look counts all rows, and has a core for a while."""
        over = threading.Event()

        def watch() -> None:
            with psycopg.connect(self.dsn, autocommit=True) as connection:
                while not over.wait(0.25):
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

    def nights_without_a_line(self) -> list[date]:
        """The nights on which nobody known bought, by the log itself: Saturdays, and a holiday in some weeks."""
        logs = str(self.config.folder / "logs" / "*.csv")
        query = "select distinct InvoiceDate::timestamp::date from read_csv(?) where CustomerID is not null"
        with duckdb.connect() as connection:
            open_days = {day for (day,) in connection.execute(query, [logs]).fetchall()}
        return [night for night in self.nights if night not in open_days]

    def report(self, stage: str, night: date) -> dict[str, Any]:
        """What a stage's manifest reports."""
        return dict(artifacts.read_manifest(artifacts.stage_dir(self.config.lake, stage, night))["report"])

    def note(self, step: str) -> None:
        """Remember which run is active."""
        found = publish.active_run(self.config)
        self.active[step] = found.run_id if found else ""

    def finish(self, *names: str, seconds: float = 1200) -> None:
        """Wait until manual runs have ended."""
        for name in names:
            run_id = self.runs[name]
            self.live.wait(lambda r=run_id: self.state(r) in ("success", "failed"), seconds, f"end of {name}")

    def answer(self, name: str, option: str) -> None:
        """Wait for the approval of a run, remember what it asks, answer it as a person does.

        The process that asked ends in the scheduler's hands a moment after the question is there. An answer before that
        fails the task, as one that ended without saying so: no person is that fast, a test is.
        """
        run_id = self.runs[name]
        waiting = "awaiting_input"
        self.live.wait(lambda: self.live.states(run_id).get("approval") == waiting, 900, f"question of {name}")
        task = f"/api/v2/dags/{NIGHTLY}/dagRuns/{run_id}/taskInstances/approval/-1/hitlDetails"
        self.questions[name] = self.live.api("GET", task)
        asked = f"TaskInstance Finished: dag_id={NIGHTLY}, task_id=approval, run_id={run_id},"
        log = self.live.home / "scheduler.log"
        self.live.wait(lambda: asked in log.read_text(errors="replace"), 60, f"end of who asked in {name}")
        self.live.api("PATCH", task, {"chosen_options": [option], "params_input": {}})


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
    live.wait(lambda: set(live.rows(exported)) == wanted, 900, "exports of all nights")


def beginning_backfill(live: LiveAirflow) -> date:
    """The night of a backfill run that has just begun."""
    query = """
        select logical_date from dag_run join task_instance using (dag_id, run_id)
        where run_type = 'backfill' and dag_run.state = 'running'
        group by logical_date having count(*) filter (where task_instance.state = 'success') <= 2
    """
    live.wait(lambda: live.rows(query), 900, "backfilled night that begins")
    return live.rows(query)[0][0].astimezone(UTC).date()
