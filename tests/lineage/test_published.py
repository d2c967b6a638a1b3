"""A publication's events: where PostgreSQL has the tables, where a check stops it, and where tasks share its stages."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from pipeline.ground.errors import GateError
from pipeline.lineage import places
from pipeline.operations import in_shards, stages
from pipeline.publication import checks
from pipeline.settings.sections.data import InputFiles
from tests.lineage import consumer, shop
from tests.lineage.conftest import FollowedNight


def test_tables_in_postgres_are_named_without_the_password(
    night: FollowedNight, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = night.config.publish.model_copy(update={"target": "postgres", "schema_name": "shop_tables"})
    config = night.config.model_copy(update={"publish": section})
    monkeypatch.setenv("NIGHTJAR_DSN", f"postgresql://writer:{quote('s3cr3t/w@rd', safe='')}@db.example:5433/shop")
    assert places.of_published(config, "runs") == places.Place("postgres://db.example:5433", "shop.shop_tables.runs")
    monkeypatch.setenv("NIGHTJAR_DSN", "host=/var/run/postgresql dbname=shop password=s3cr3t-word")
    assert places.of_published(config, "runs") == places.Place("postgres://localhost:5432", "shop.shop_tables.runs")
    monkeypatch.delenv("NIGHTJAR_DSN")
    assert places.of_published(config, "runs").namespace == "postgres://unknown:5432"


def test_files_in_a_store_are_named_by_their_bucket(night: FollowedNight) -> None:
    config, files = night.config, InputFiles(files="*.csv", sql="events.sql")
    assert places.of_glob(config, files, "s3://logs/{year}/*.csv") == places.Place("s3://logs", "{year}/*.csv")
    assert places.of_glob(config, files, "../other/*.csv").name == f"{config.folder.parent}/other/*.csv"
    asked = InputFiles(files="log.parquet", sql="events.sql", connection="shop", query="query.sql")
    assert places.of_glob(config, asked, "log.parquet").name == f"{config.home.absolute()}/asked/log.parquet"


def test_a_check_that_stops_a_publication_is_an_assertion_that_failed(
    night: FollowedNight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"recommendations_ranks": (7, ["rank 3 of private-word"]), "similar_items": (1, ["private-word"])}
    monkeypatch.setattr(checks, "offences", lambda *_: found)
    with shop.sent_to(tmp_path / "events.jsonl"), pytest.raises(GateError):
        stages.run_stage("publish", shop.NIGHT, night.config, force=True)
    told = shop.events(tmp_path / "events.jsonl")
    for event in told:
        consumer.validate(event)
    assert [(event["job"]["name"], event["eventType"]) for event in told] == [
        ("night.publish", "START"),
        ("night.publish.checks", "START"),
        ("night.publish.checks", "FAIL"),
        ("night.publish", "FAIL"),
    ]
    said = {
        (place["name"], one["name"]): (one["success"], one["actual"])
        for place in told[2]["inputs"]
        for one in place["inputFacets"]["dataQualityAssertions"]["assertions"]
    }
    lake = night.config.lake / "publish"  # what was made, and never published
    assert said[f"{lake}/recommendations", "recommendations_ranks"] == (False, "7")
    assert said[f"{lake}/similar_items", "similar_items"] == (False, "1")
    assert said[f"{lake}/recommendations", "recommendations_seen"] == (True, "0")
    assert told[3]["outputs"] == []


def test_an_older_night_is_loaded_and_no_view_shows_it(
    night: FollowedNight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.publication import handing_over

    monkeypatch.setattr(handing_over, "hand_over", lambda *_: False)
    with shop.sent_to(tmp_path / "events.jsonl"):
        stages.run_stage("publish", shop.NIGHT, night.config, force=True)
    *_, ended = shop.events(tmp_path / "events.jsonl")
    assert not [place for place in ended["outputs"] if "current_" in place["name"]]
    assert [place for place in ended["outputs"] if place["name"] == "current.main.recommendations"]


def test_tasks_that_share_a_stage_tell_of_one_run(
    night: FollowedNight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = night.config.model_copy(update={"shards": 2})
    made = stages.call

    def broken(stage: str, *given: object) -> object:
        raise OSError("the disk is full of private-word")

    with shop.sent_to(tmp_path / "events.jsonl"):
        assert in_shards.begin("ensemble", shop.NIGHT, config, force=True) == [0, 1]
        monkeypatch.setattr(stages, "call", broken)
        with pytest.raises(Exception, match="disk"):
            in_shards.make("ensemble", shop.NIGHT, config, 0)
        monkeypatch.setattr(stages, "call", made)
        for number in (0, 1):
            in_shards.make("ensemble", shop.NIGHT, config, number)
        in_shards.end("ensemble", shop.NIGHT, config, force=True)
    told = shop.events(tmp_path / "events.jsonl")
    for event in told:
        consumer.validate(event)
    assert [event["eventType"] for event in told] == ["START", *["RUNNING"] * 3, "COMPLETE"]
    assert len({event["run"]["runId"] for event in told}) == 1
    assert ["errorMessage" in event["run"]["facets"] for event in told] == [False, True, False, False, False]
    assert "private-word" not in json.dumps(told)
    assert [place["name"] for place in told[-1]["outputs"]] == [f"{config.lake}/ensemble/lists"]


def test_a_night_s_own_copies_are_named(night: FollowedNight) -> None:
    (table,) = [p for p in night.ended("night.publish")["outputs"] if p["name"] == "current.main.recommendations"]
    (copy,) = table["facets"]["symlinks"]["identifiers"]
    assert copy["name"] == f"{night.config.tables}/parquet/recommendations"
    assert table["facets"]["version"]["datasetVersion"].startswith(str(shop.NIGHT))


def test_ids_that_become_pseudonyms_are_masked(tmp_path: Path) -> None:
    from pipeline.intake import inputs
    from pipeline.lineage import raw

    config = shop.write(tmp_path / "shop")
    ingest = config.ingest.model_copy(update={"pseudonyms": True})
    columns, _ = raw.origins(inputs.EVENTS, config.model_copy(update={"ingest": ingest}))
    assert {name for name, found in columns.items() if any(one.masked for one in found)} == {"user_id", "event_id"}
