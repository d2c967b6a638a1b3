"""A night's events: valid, whole, and a way from a published column back to a raw file's."""

from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

from openlineage.client.event_v2 import RunState
from openlineage.client.serde import Serde

from pipeline.lineage import events, tables
from pipeline.lineage.followed import Followed
from pipeline.operations.stages import STAGES
from tests.lineage import consumer
from tests.lineage.conftest import FollowedNight
from tests.lineage.consumer import Graph


def test_every_event_is_valid(night: FollowedNight) -> None:
    for event in night.events:
        consumer.validate(event)
        assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None
        assert UUID(event["run"]["runId"]).version == 7


def test_the_schemas_would_refuse_what_is_not_valid(night: FollowedNight) -> None:
    import copy

    import jsonschema
    import pytest

    event = copy.deepcopy(night.ended("night.publish"))
    lineage = event["outputs"][0]["facets"]["columnLineage"]
    del next(iter(lineage["fields"].values()))["inputFields"]
    with pytest.raises(jsonschema.ValidationError):
        consumer.validate(event)


def test_every_stage_that_runs_begins_and_ends(night: FollowedNight) -> None:
    states: dict[str, list[str]] = {}
    for event in night.events:
        states.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert set(map(tuple, states.values())) == {("START", "COMPLETE")}
    told = {event["job"]["name"].removeprefix("night.") for event in night.events}
    assert told == {stage for stage in STAGES if night.config.enabled(stage)} | {"publish.checks"}


def test_a_score_is_traced_to_the_columns_of_the_raw_files(night: FollowedNight) -> None:
    graph, folder = Graph.of(night.events), night.config.folder
    (target,) = [place for place in graph.datasets if place[1] == "current.main.current_recommendations"]
    roots = graph.roots((*target, "score"))
    log, things = ("file", f"{folder}/logs/{{year}}-{{month}}-{{day}}.csv"), ("file", f"{folder}/things.csv")
    assert {(*log, name) for name in ("buyer", "sku", "moment", "what", "stars", "paid")} <= roots
    assert {(*things, name) for name in ("name", "blurb")} <= roots
    ends = {root[1:] for root in roots if root[:2] not in (log, things)}
    made = {key[1:] for key, found in graph.made_of.items() if found}
    assert {name.rsplit("/", 2)[-2] for name, _ in ends} == {"ingest"}, "nothing ends between"
    assert not ends & made, "what ends there is what the mappings do not select"
    assert not {name for _, name in ends} & {
        "user_id",
        "item_id",
        "event_time",
        "event_type",
        "value",
        "price",
        "title",
    }
    assert (*log, "unused") not in roots


def test_the_way_of_a_score_names_each_step(night: FollowedNight) -> None:
    graph, lake = Graph.of(night.events), night.config.lake
    tables = night.config.tables / "current.duckdb"
    steps = [
        (f"duckdb://{tables}", "current.main.current_recommendations", "score"),
        ("file", f"{lake}/ensemble/lists", "probability"),
        ("file", f"{lake}/fusion/lists", "score"),
        ("file", f"{lake}/als/lists", "score"),
        ("file", f"{lake}/features/interactions", "confidence"),
        ("file", f"{lake}/ingest/events", "event_type"),
        ("file", f"{night.config.folder}/logs/{{year}}-{{month}}-{{day}}.csv", "what"),
    ]
    how = [graph.made_of[above][below] for above, below in pairwise(steps)]
    made = {("DIRECT", "TRANSFORMATION")}
    assert how == [made, made, made, made, {("DIRECT", "AGGREGATION")}, made]


def test_whom_a_row_is_about_is_the_log_s_own_word(night: FollowedNight) -> None:
    graph = Graph.of(night.events)
    (target,) = [place for place in graph.datasets if place[1] == "current.main.recommendations"]
    place, same = (*target, "user_id"), {("DIRECT", "IDENTITY")}
    for table in ("features/users", "ingest/events"):
        place = next(one for one, how in graph.made_of[place].items() if one[1].endswith(table) and how == same)
    assert [one[2] for one, how in graph.made_of[place].items() if how == same] == ["buyer"]


def test_no_column_of_a_published_table_but_the_run_s_own_is_without_origin(night: FollowedNight) -> None:
    graph = Graph.of(night.events)
    for output in night.ended("night.publish")["outputs"]:
        if output["name"].rsplit(".", 1)[-1] in ("recommendations", "current_recommendations", "user_profiles"):
            for one in output["facets"]["schema"]["fields"]:
                traced = graph.roots((output["namespace"], output["name"], one["name"]))
                assert bool(traced) == (one["name"] not in ("run_id", "surface", "policy")), one
                assert one["description"]


def test_a_night_is_the_parent_of_all_its_stages(night: FollowedNight) -> None:
    parents = {
        (event["run"]["facets"]["parent"]["run"]["runId"], event["run"]["facets"]["parent"]["job"]["name"])
        for event in night.events
        if event["job"]["name"] not in ("night.ingest", "night.publish.checks")
    }
    assert len(parents) == 1
    assert {name for _, name in parents} == {"night"}
    times = night.ended("night.als")["run"]["facets"]["nominalTime"]
    assert times["nominalStartTime"] == "2024-02-19T00:00:00+00:00"
    assert times["nominalEndTime"] == "2024-02-20T00:00:00+00:00"


def test_counts_are_those_of_the_files(night: FollowedNight) -> None:
    import pyarrow.parquet as pq

    for output in night.ended("night.publish")["outputs"]:
        name = output["name"].rsplit(".", 1)[-1].removeprefix("current_")
        file = next(night.config.lake.glob(f"publish/run_date=*/{name}.parquet"))
        said = output["outputFacets"]["outputStatistics"]
        assert (said["rowCount"], said["size"]) == (pq.read_metadata(file).num_rows, file.stat().st_size)


def test_checks_are_assertions(night: FollowedNight) -> None:
    checks = night.ended("night.publish.checks")
    said = [a for d in checks["inputs"] for a in d["inputFacets"]["dataQualityAssertions"]["assertions"]]
    assert {a["name"] for a in said} == set(night.config.checks.of("tables"))
    assert all(a["success"] for a in said)
    assert checks["run"]["facets"]["parent"]["job"]["name"] == "night.publish"

    (log,) = [d for d in night.ended("night.ingest")["inputs"] if d["name"].endswith("{day}.csv")]
    found = {a["name"]: a["success"] for a in log["inputFacets"]["dataQualityAssertions"]["assertions"]}
    assert found.keys() == {*night.config.checks.of("events"), "rejected", "repeated"}
    rows = len((night.config.folder / "logs" / "2024-02-19.csv").read_text().splitlines()) - 1
    assert log["inputFacets"]["dataQualityMetrics"]["rowCount"] == rows
    locations = log["inputFacets"]["subset"]["inputCondition"]["locations"]
    assert locations == [(night.config.folder / "logs" / "2024-02-19.csv").as_uri()]


def test_a_day_so_far_is_a_night_of_its_own_up_to_its_moment(night: FollowedNight) -> None:
    until = datetime(2024, 2, 20, 14, tzinfo=UTC)
    config = night.config.so_far(until)
    told = Followed("als", until.date(), config, (), until)
    event = events.step_of(told).event(RunState.START, until, [], [])
    sent = Serde.to_dict(event)
    consumer.validate(sent)
    assert sent["job"]["name"] == "day_so_far.als"
    assert sent["run"]["facets"]["nominalTime"]["nominalEndTime"] == until.isoformat()
    assert sent["run"]["facets"]["parent"]["job"]["name"] == "day_so_far"
    assert tables.of_stage("als", config)[0].place.name == f"{config.home}/day_so_far/als/lists"
