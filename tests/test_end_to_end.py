"""The real DAG on the example shop's real logs, and the same night without Airflow."""

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline.__main__ import main
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import explain, stages
from pipeline.publication import publish
from pipeline.publication.tables import published
from tests.conftest import EXAMPLE, NIGHT, ROOT, SMALL, Run, pipeline, settings
from tests.planted_history import days, plant
from tests.tiny_log import digests

LATER = NIGHT + timedelta(days=1)
NOT_ASKED_FOR = {"document_labels", "labels_wanted", "entity_sentiment", "entity_events", "search_terms"}
NOT_ASKED_FOR |= {"question_clusters", "answers", "unanswered", "topics", "explanations"}


@pytest.fixture(scope="module")
def next_night(airflow_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the small night and the one after it have run without Airflow; nobody writes to it."""
    home = tmp_path_factory.mktemp("next_night")
    shutil.copytree(airflow_run.home / "lake", home / "lake")
    run_both(home)
    return home


def run_both(home: Path) -> None:
    """The night again, once the one after it is ingested, and that one."""
    pipeline("run", "--run-date", LATER.isoformat(), "--stages", "ingest", home=home)
    for night in (NIGHT, LATER):
        pipeline("run", "--run-date", night.isoformat(), home=home)


def contents(home: Path, night: date = NIGHT) -> dict[str, dict[str, str]]:
    """sha256 of every file of the night, by stage: what must not depend on who ran it, or on how often."""
    lake = home / "lake"
    folders = {stage: artifacts.stage_dir(lake, stage, night) for stage in stages.EVERYWHERE}
    manifests = {stage: artifacts.read_manifest(folder) for stage, folder in folders.items()}
    return {stage: {n: f["sha256"] for n, f in m["files"].items()} for stage, m in manifests.items()}


def manifest(home: Path, stage: str) -> dict[str, Any]:
    return artifacts.read_manifest(artifacts.stage_dir(home / "lake", stage, NIGHT))


def test_the_dag_publishes_every_table(airflow_run: Run) -> None:
    active = publish.active_run(airflow_run.config)
    assert active is not None
    assert active.run_date == NIGHT
    with duckdb.connect(str(airflow_run.config.tables / "current.duckdb"), read_only=True) as tables:
        for name, schema in ((table.name, table.schema) for table in published()):
            columns = [row[0] for row in tables.execute(f"describe {name}").fetchall()]
            assert columns == schema.names
            rows = tables.execute(f"select count(*) from {name}").fetchone()[0]
            # a first publication has nobody to judge, this log has no queries, and nobody asks for the others
            assert (rows > 0) is (
                name not in {"recommendation_outcomes", "search_results", "audiences", *NOT_ASKED_FOR}
            )


def test_every_user_with_a_history_has_a_full_list_and_discover_shows_nothing_known(airflow_run: Run) -> None:
    events = f"{airflow_run.home}/lake/ingest/*/events.parquet"
    with duckdb.connect(str(airflow_run.config.tables / "current.duckdb"), read_only=True) as tables:
        tables.execute(
            "create temp table bought as select distinct user_id, item_id from read_parquet($events) "
            "where event_type = 'purchase' and user_id is not null",
            {"events": events},
        )
        users, short = tables.execute(
            "select count(*), count(*) filter (n is distinct from 50) from (select distinct user_id from bought) "
            "left join (select user_id, count(*) n from recommendations where surface = 'for_you' group by 1) "
            "using (user_id)"
        ).fetchone()
        known = tables.execute(
            "select count(*) from recommendations join bought using (user_id, item_id) where surface = 'discover'"
        ).fetchone()[0]
    assert users > 1000
    assert short <= 0.02 * users  # who returned everything has no history left
    assert known == 0


def test_the_run_says_what_it_did(airflow_run: Run) -> None:
    for stage in stages.EVERYWHERE:
        assert f"{stage} {NIGHT} done in" in airflow_run.output, stage


def test_the_terminal_views_answer(
    airflow_run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NIGHTJAR_HOME", str(airflow_run.home))
    monkeypatch.setenv("NIGHTJAR_CONFIG", str(EXAMPLE))

    def said(*arguments: str) -> str:
        assert main([*settings(SMALL), *arguments]) == 0
        return capsys.readouterr().out

    assert NIGHT.isoformat() in said("status")
    user = publish.published_lists(airflow_run.config, publish.active_run(airflow_run.config).run_id)["user_id"][0]
    assert "for_you" in said("show", "--user", user.as_py())
    assert "opular" in said("show", "--user", "nobody'; drop table runs")
    assert "signed: 0 of 1" in said("verify")
    assert "fine_tune" in said("timings", "--run-date", NIGHT.isoformat())


def test_what_is_shown_is_explained_and_what_is_not_too(airflow_run: Run) -> None:
    active = publish.active_run(airflow_run.config)
    assert active is not None
    rows = pq.read_table(active.folder / "recommendations.parquet").to_pylist()
    for row in rows[:: len(rows) // 4]:
        said = explain.item(airflow_run.config, row["user_id"], row["item_id"], row["surface"])
        assert f"{row['surface']}: rank {row['rank']}, score {row['score']:.4f}" in said
        assert "lists that have it: " in said
        assert f"a chance of {row['score']:.4f}" in said
    other = airflow_run.config.ensemble.model_copy(update={"final": "borda"})
    with pytest.raises(InputError, match=r"the night was run with other settings \(ensemble"):
        explain.item(airflow_run.config.model_copy(update={"ensemble": other}), row["user_id"], row["item_id"])
    bought = next(row for row in rows if row["reason"].startswith("You bought it"))
    said = explain.item(airflow_run.config, bought["user_id"], bought["item_id"], "discover")
    assert "discover: not shown\n  the user has had it, and the surface shows nothing twice" in said
    for user, item, why in (
        ("nobody", bought["item_id"], "unknown to the night"),
        (bought["user_id"], "\x1b[2J", "unknown"),
    ):
        with pytest.raises(InputError, match=why) as refused:
            explain.item(airflow_run.config, user, item)
        assert "\x1b" not in str(refused.value)


@pytest.mark.slow
def test_backfilled_months_later_and_without_airflow_the_same_night_has_the_same_bytes(
    airflow_run: Run, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    pipeline("load-history", "--until", (NIGHT + timedelta(days=90)).isoformat(), home=tmp_path)
    everyone = publish.published_lists(airflow_run.config, publish.active_run(airflow_run.config).run_id)
    users = sorted(set(everyone["user_id"].to_pylist()))[:200]
    # the night after brings events of this night's past and label windows, of a product nobody has heard of
    plant(lake, LATER, [NIGHT - timedelta(days=n) for n in (0, 3, 20, 60)], users, "99999 FROM THE FUTURE")
    plant(lake, LATER + timedelta(days=2), days(LATER, 3), users, everyone["item_id"][0].as_py())
    pipeline("run", "--run-date", NIGHT.isoformat(), home=tmp_path)
    assert contents(tmp_path) == contents(airflow_run.home)


@pytest.mark.slow
def test_a_late_event_changes_later_nights_only(airflow_run: Run, next_night: Path, tmp_path: Path) -> None:
    shutil.copytree(airflow_run.home / "lake", tmp_path / "lake")
    users = publish.published_lists(airflow_run.config, publish.active_run(airflow_run.config).run_id)["user_id"]
    pipeline("run", "--run-date", LATER.isoformat(), "--stages", "ingest", home=tmp_path)
    plant(tmp_path / "lake", LATER, [NIGHT - timedelta(days=3)], sorted(set(users.to_pylist()))[:50], "LATE")
    run_both(tmp_path)
    assert contents(tmp_path) == contents(next_night) == contents(airflow_run.home)
    assert contents(tmp_path, LATER)["ensemble"] != contents(next_night, LATER)["ensemble"]
    items = pq.read_table(artifacts.stage_dir(tmp_path / "lake", "publish", LATER) / "similar_items.parquet")
    assert "LATE" in items["item_id"].to_pylist()


@pytest.mark.slow
def test_a_night_after_a_prune_is_the_same_bytes(next_night: Path, tmp_path: Path) -> None:
    shutil.copytree(next_night / "lake", tmp_path / "lake")  # with the tables the first night stays, for a rollback
    folders = sorted(tmp_path.glob(f"lake/*/run_date={LATER}"))
    before = {folder.parent.name: digests(folder) for folder in folders}
    assert "freed" in pipeline("prune", "--keep-days", "0", home=tmp_path).stdout
    assert [f.parent.name for f in tmp_path.glob(f"lake/*/run_date={NIGHT}")] == ["ingest"]
    for folder in folders:
        shutil.rmtree(folder)
    pipeline("run", "--run-date", LATER.isoformat(), home=tmp_path)
    after = {f.parent.name: digests(f) for f in sorted(tmp_path.glob(f"lake/*/run_date={LATER}"))}
    # These look at the runs published before, which went with the tables.
    for stage in before.keys() - {"evaluate", "outcomes", "publish"}:
        assert after[stage] == before[stage], stage


def test_a_second_run_is_up_to_date_at_once(airflow_run: Run) -> None:
    before, written = contents(airflow_run.home), stamps(airflow_run.home)
    said = pipeline("run", "--run-date", NIGHT.isoformat(), home=airflow_run.home)
    assert said.stdout.count("up to date") == len(stages.EVERYWHERE)
    assert said.stderr.count(f" {NIGHT} is up to date: ") == len(stages.EVERYWHERE)
    assert f" {NIGHT} starts" not in said.stderr, "a stage that is up to date computes nothing"
    assert contents(airflow_run.home) == before
    assert stamps(airflow_run.home) == written, "and writes nothing"


def stamps(home: Path) -> dict[Path, tuple[int, int]]:
    """Which file of lake and tables lies under each name, and when it was written; locks are files without content."""
    files = [path for folder in ("lake", "tables") for path in (home / folder).rglob("*") if path.is_file()]
    found = {path: path.stat() for path in files if not path.name.endswith(".lock")}
    return {path: (about.st_ino, about.st_mtime_ns) for path, about in found.items()}


@pytest.mark.slow
def test_a_run_killed_inside_each_stage_and_started_again_gives_the_same_tables(
    airflow_run: Run, tmp_path: Path
) -> None:
    pipeline("load-history", "--before", NIGHT.isoformat(), home=tmp_path)
    for stage in stages.EVERYWHERE:
        kill_inside(stage, tmp_path)
        folder = artifacts.stage_dir(tmp_path / "lake", stage, NIGHT)
        assert not artifacts.is_finished(folder), f"{stage} was over before it could be killed"
        pipeline("run", "--run-date", NIGHT.isoformat(), "--stages", stage, home=tmp_path)
    assert contents(tmp_path) == contents(airflow_run.home)


def kill_inside(stage: str, home: Path) -> None:
    """Start a stage in a process of its own and SIGKILL it as soon as its partial folder exists.

    A stage of a few milliseconds may be over by then, where other tests take the cores: it is removed, and tried again.
    """
    arguments = [sys.executable, "-m", "pipeline", *settings(SMALL), "run", "--run-date", NIGHT.isoformat()]
    environment = os.environ | {"NIGHTJAR_HOME": str(home), "NIGHTJAR_CONFIG": str(EXAMPLE)}
    folder = artifacts.stage_dir(home / "lake", stage, NIGHT)
    partial = folder.with_name(f".{folder.name}.partial")
    for _ in range(10):
        process = subprocess.Popen([*arguments, "--stages", stage], cwd=ROOT, env=environment)
        while process.poll() is None and not partial.exists():
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if not artifacts.is_finished(folder):
            return
        shutil.rmtree(folder)


@pytest.mark.slow
def test_a_lost_stage_is_made_again_with_the_same_bytes(airflow_run: Run, tmp_path: Path) -> None:
    shutil.copytree(airflow_run.home / "lake", tmp_path / "lake")
    shutil.rmtree(artifacts.stage_dir(tmp_path / "lake", "ensemble", NIGHT))
    done = pipeline("run", "--run-date", NIGHT.isoformat(), "--stages", "publish", home=tmp_path, check=False)
    assert done.returncode == 1
    assert "run stage 'ensemble'" in done.stderr
    pipeline("run", "--run-date", NIGHT.isoformat(), home=tmp_path)
    assert contents(tmp_path) == contents(airflow_run.home)
