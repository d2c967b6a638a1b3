"""The three uses on a real scheduler with a real PostgreSQL, side by side, while a reader watches the active table.

The story is told once (`story`); the tests look at what it left. A real shop's log is moved to today, so that the night
the scheduler runs by itself is a night of it.
"""

import json
import os
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import ThreadingHTTPServer

import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.operations import load_history
from pipeline.publication import publish
from pipeline.published import ledger
from pipeline.sources import configuration
from tests.dags import shop_of_today
from tests.dags.live_airflow import LiveAirflow
from tests.dags.story import BACKFILLED, SECRET, Story, Watch, Webhook, tell
from tests.postgres import Server

pytestmark = pytest.mark.slow


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


def test_a_backfill_runs_every_night_also_those_of_a_closed_shop(story: Story) -> None:
    found = story.live.rows("select logical_date, state from dag_run where run_type = 'backfill' order by 1")
    assert [(day.astimezone(UTC).date(), state) for day, state in found] == [(n, "success") for n in story.nights[:-1]]
    published = {run.run_date for run in publish.published_runs(story.config)}
    assert set(story.nights) <= published
    events = {night: story.report("ingest", night)["events"] for night in story.nights}
    closed = story.nights_without_a_line()
    assert any(night.weekday() == 5 for night in closed)
    assert [night for night in events if events[night] == 0] == closed


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
    said = [line for line in ledger.read(story.config.tables) if line.what == ledger.APPROVED]
    assert [list(line.runs) for line in said] == [[story.active["approved"]]], "who let it be published is written down"
    assert said[0].approved["by"]
    assert date.fromisoformat(said[0].approved["at"][:10])


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
    # A night that is published again is exported again: that run may begin after the story has ended.
    assert {state for _, state in found} <= {"success", "running", "queued"}
    assert {key for key, state in found if state == "success"} == {night.isoformat() for night in story.nights}
    newest = story.config.home / "exports" / f"run_date={story.nights[-1]}" / "for_you.jsonl"
    lines = [json.loads(line) for line in newest.read_text(encoding="ascii").splitlines()]
    assert {line["run_id"] for line in lines} == {story.active["scheduled"]}
    assert len(lines) == story.report("publish", story.nights[-1])["users"]
