"""Who watches is told of every stage that ended, and nothing that goes wrong there is the night's."""

import json
import logging
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.ground import artifacts, nights
from pipeline.ground.errors import InputError
from pipeline.operations import day_so_far, in_shards, stages
from pipeline.operations.monitoring import facts, otel, watching
from pipeline.publication import publish
from pipeline.settings.config import Config
from pipeline.settings.sections.publication import Publish
from pipeline.sources.configuration import FullConfig
from tests import tiny_log
from tests.operations.monitoring.test_text import parsed
from tests.small_shop import NIGHT
from tests.tiny_log import digests

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _nothing_has_hung(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "GIVEN_UP", set())


def shop(folder: Path, textfile: str | None = "metrics.prom") -> FullConfig:
    """A shop with a log of one night, and none of the next."""
    tiny_log.write(
        folder / "log" / f"{NIGHT}.csv", [tiny_log.row(f"u{n}", "a", f"{NIGHT} 1{n}:00:00") for n in range(6)]
    )
    return tiny_log.shop(folder, "log/*.csv", monitoring={"textfile": textfile})


def figure(file: Path, name: str) -> dict[tuple[str, ...], float]:
    """A figure in the file: the labels' values in the order of their names -> value."""
    found = parsed(file.read_text(encoding="utf-8"))
    return {
        tuple(value for _, value in sorted(labels)): number
        for (full_name, labels), number in found.items()
        if full_name == f"nightjar_{name}"
    }


def test_the_file_is_there_after_every_stage(tmp_path: Path) -> None:
    config = shop(tmp_path)
    stages.run_stage("ingest", NIGHT, config)
    file = config.home / "metrics.prom"
    assert figure(file, "input_rows")["events",] == 6
    assert figure(file, "stage_success") == {("night", "ingest"): 1}
    stages.run_stage("features", NIGHT, config)
    assert figure(file, "stage_success") == {("night", "ingest"): 1, ("night", "features"): 1}
    file.unlink()
    assert stages.run_stage("features", NIGHT, config)["skipped"]
    assert figure(file, "stage_rows")["features",] > 0
    assert sorted(p.name for p in (config.home / "monitoring").iterdir()) == [
        "night.features.json",
        "night.ingest.json",
    ]


def test_a_night_that_failed_is_seen_and_so_is_its_mending(tmp_path: Path) -> None:
    config = shop(tmp_path, str(tmp_path / "node_exporter" / "nightjar.prom"))
    file = tmp_path / "node_exporter" / "nightjar.prom"
    stages.run_stage("ingest", NIGHT, config)
    with pytest.raises(InputError):
        stages.run_stage("features", NIGHT + DAY, config)
    with pytest.raises(InputError):
        stages.run_stage("ingest", NIGHT + DAY, config)
    assert figure(file, "stage_success") == {("night", "ingest"): 0, ("night", "features"): 0}
    assert figure(file, "stage_rows")["ingest",] > 0  # what the last good night had
    tiny_log.write(tmp_path / "log" / "more.csv", [tiny_log.row("u1", "b", f"{NIGHT + DAY} 10:00:00")])
    stages.run_stage("ingest", NIGHT + DAY, config)
    assert figure(file, "stage_success") == {("night", "ingest"): 1, ("night", "features"): 0}
    assert figure(file, "newest_night_timestamp_seconds") == {(): facts.day_began(NIGHT + DAY, "UTC")}


def test_a_part_of_a_stage_is_told_where_it_fails(tmp_path: Path) -> None:
    config = shop(tmp_path)
    with pytest.raises(InputError):
        in_shards.begin("fusion", NIGHT, config)
    file = config.home / "metrics.prom"
    assert figure(file, "stage_success") == {("night", "fusion"): 0}


def test_a_day_so_far_is_told_apart_from_nights(tmp_path: Path) -> None:
    config = shop(tmp_path)
    stages.run_stage("ingest", NIGHT, config)
    before = figure(config.home / "metrics.prom", "newest_night_timestamp_seconds")
    tiny_log.write(tmp_path / "log" / "more.csv", [tiny_log.row("u1", "b", f"{NIGHT + DAY} 10:00:00")])
    day_so_far.run_stage("ingest", nights.parse_moment(f"{NIGHT + DAY}T12:00"), config)
    file = config.home / "metrics.prom"
    assert figure(file, "stage_success") == {("night", "ingest"): 1, ("day_so_far", "ingest"): 1}
    assert figure(file, "newest_night_timestamp_seconds") == before


def test_who_is_not_watched_has_nothing_more_and_the_same_bytes(tmp_path: Path) -> None:
    watched, plain = shop(tmp_path / "watched"), shop(tmp_path / "plain", None)
    for config in (watched, plain):
        stages.run_stage("ingest", NIGHT, config)
    assert {path.name for path in watched.home.iterdir()} - {path.name for path in plain.home.iterdir()} == {
        "metrics.prom",
        "monitoring",
    }
    folders = [artifacts.stage_dir(config.lake, "ingest", NIGHT) for config in (watched, plain)]
    assert digests(folders[0]) == digests(folders[1])
    hashes = [artifacts.read_manifest(folder)["config_hash"] for folder in folders]
    assert hashes[0] == hashes[1]


def test_what_is_watched_is_no_part_of_what_tables_are_made_with() -> None:
    plain, watched = (
        FullConfig(),
        FullConfig.model_validate({"monitoring": {"valid_by": "06:00", "textfile": "a.prom"}}),
    )
    named = ("publish", "evaluate", "features", "monitoring")
    assert plain.digest(*named) == watched.digest(*named)


def test_figures_that_fail_are_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = shop(tmp_path, "/proc/nobody/may/write.prom")
    with caplog.at_level(logging.WARNING):
        stages.run_stage("ingest", NIGHT, config)
    assert "the figures for those who watch could not be written (ResourceError); the night goes on" in caplog.text


def test_what_hangs_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, over = [], threading.Event()

    def hang(config: Config, *_: object) -> list[object]:
        asked.append(config)
        over.wait(60)
        return []

    monkeypatch.setattr(facts, "collect", hang)
    monkeypatch.setattr(watching, "FACTS_SECONDS", 0.2)
    config = shop(tmp_path)
    for stage in ("ingest", "features"):
        stages.run_stage(stage, NIGHT, config)
    over.set()
    assert len(asked) == 1
    assert artifacts.is_finished(artifacts.stage_dir(config.lake, "features", NIGHT))


def test_a_target_that_does_not_answer_is_waited_for_once_and_the_rest_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, over = [], threading.Event()

    def hang(config: Config) -> None:
        asked.append(config)
        over.wait(60)

    monkeypatch.setattr(publish, "active_run", hang)
    monkeypatch.setattr(facts, "TARGET_SECONDS", 0.2)
    config = shop(tmp_path)
    for stage in ("ingest", "features"):
        stages.run_stage(stage, NIGHT, config)
    over.set()
    assert len(asked) == 1
    assert figure(config.home / "metrics.prom", "target_up") == {(): 0}
    assert figure(config.home / "metrics.prom", "stage_success") == {("night", "ingest"): 1, ("night", "features"): 1}
    assert {"target"} == watching.GIVEN_UP


def test_a_worker_without_the_databases_secret_leaves_the_figures_to_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = shop(tmp_path)
    stages.run_stage("ingest", NIGHT, config)
    before = (config.home / "metrics.prom").read_text()
    for name in ("NIGHTJAR_DSN", "AIRFLOW_CONN_NIGHTJAR"):
        monkeypatch.delenv(name, raising=False)
    stages.run_stage("features", NIGHT, config.model_copy(update={"publish": Publish(target="postgres")}))
    assert (config.home / "metrics.prom").read_text() == before
    assert "night goes on" not in caplog.text
    stages.run_stage("ingest", NIGHT, config)
    assert figure(config.home / "metrics.prom", "stage_success") == {("night", "ingest"): 1, ("night", "features"): 1}


def test_a_home_in_an_object_store_is_watched_where_its_copy_is(tmp_path: Path) -> None:
    tiny_log.write(tmp_path / "log.csv", [tiny_log.row("u1", "a", f"{NIGHT} 10:00:00")])
    file, store = tmp_path / "nightjar.prom", f"file://{tmp_path}/store"
    config = tiny_log.shop(tmp_path, "log.csv", home=store, monitoring={"textfile": str(file)})
    stages.run_stage("ingest", NIGHT, config)
    stages.run_stage("features", NIGHT, config)
    assert figure(file, "stage_success") == {("night", "ingest"): 1, ("night", "features"): 1}
    assert figure(file, "input_rows")["events",] == 1
    assert figure(file, "target_up") == {(): 1}


def test_a_stages_own_error_stays_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = shop(tmp_path)

    def broken(*_: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(facts, "collect", broken)
    with pytest.raises(InputError, match="is not finished"):
        stages.run_stage("features", NIGHT, config)
    noted = json.loads((config.home / "monitoring" / "night.features.json").read_text())
    assert noted == {"flow": "night", "stage": "features", "run_date": "2011-10-02", "error": "InputError"}


def test_a_stage_that_is_ended_from_outside_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = shop(tmp_path)

    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "call", ended)
    with pytest.raises(KeyboardInterrupt):
        stages.run_stage("ingest", NIGHT, config)
    assert figure(config.home / "metrics.prom", "stage_success") == {("night", "ingest"): 0}


def test_opentelemetry_alone_is_watching_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr(otel, "send", lambda samples: sent.append(len(samples)))
    config = shop(tmp_path, None)
    stages.run_stage("ingest", NIGHT, config)
    assert len(sent) == 1
    assert sent[0] > 10
    assert not list(config.home.glob("*.prom"))
