"""What columns are said to be made of is complete, and true of a night: tables that are named are read."""

import pyarrow as pa
import pytest

from pipeline.ground import schemas
from pipeline.intake import inputs
from pipeline.lineage import declared, tables
from pipeline.lineage.origins import HOW, RUN, SOURCES, Origin, parsed
from pipeline.operations.stages import STAGES, upstream
from pipeline.publication import tables as publication
from pipeline.sources import SOURCES as EVERY_SOURCE
from pipeline.sources.configuration import FullConfig
from tests.lineage.conftest import FollowedNight

BOOKS = {("features", "cutoffs"), ("features", "eligible")}
"""What says which rows of other tables count."""
UNSAID = {
    "ensemble": {("language_model", "vectors")},  # for the key of what it learned
    # for the page with examples, which shows lists as publication would make them
    "evaluate": {("features", name) for name in ("user_stats", "targets", "disliked", "trends", "users", "items")}
    | {("fusion", "ablation"), ("outcomes", "slots")},
}
"""What is opened for something else than the columns that are declared."""


@pytest.mark.slow
def test_every_stage_says_what_it_writes(night: FollowedNight) -> None:
    for stage in STAGES:
        assert tables.of_stage(stage, night.config), stage


def test_every_column_of_every_published_table_says_what_it_is_made_of() -> None:
    for table in publication.published():
        for column in table.columns:
            assert column.of, f"{table.name}.{column.name} says not what it is made of"
            assert parsed(column.of) or column.of == (RUN,)


def every_origin(config: FullConfig) -> list[tuple[str, Origin]]:
    """What all stages are said to be made of, with the stage that says it."""
    return [(stage, one) for stage in STAGES for table in tables.of_stage(stage, config) for one in table.origins]


def test_every_column_that_is_named_is_there(night: FollowedNight) -> None:
    config = night.config
    known = {(t.stage, t.name): {f.name for f in t.fields} for stage in STAGES for t in tables.of_stage(stage, config)}
    known |= {("ingest", t.name): set(t.schema.names) for t in inputs.night_tables()}
    for stage, one in every_origin(config):
        if one.stage == "raw":
            continue
        for name in EVERY_SOURCE if one.stage == SOURCES else [one.stage]:
            if one.stage != SOURCES or one.table == tables.LIST or (name, one.table) in known:
                assert one.column in known[name, one.table], f"{stage}: {one}"


def test_a_stage_is_made_of_what_it_reads(night: FollowedNight) -> None:
    for stage, one in every_origin(night.config):
        if one.stage == "raw":
            assert stage == "ingest"
        elif one.stage == SOURCES:
            assert set(EVERY_SOURCE) <= set(upstream(stage))
        elif (stage, one.stage) != ("outcomes", "publish"):  # earlier runs, which are no input of a night
            assert one.stage in upstream(stage), f"{stage}: {one}"


def test_features_that_have_a_contract_are_declared() -> None:
    named = {name.lower() for name in dir(schemas) if isinstance(getattr(schemas, name), pa.Schema)}
    apart = {"cutoffs", "frequent", "shown_places", "places", "shown_in_vain", "searches"}  # that no table is made of
    assert named - apart == set(declared.FEATURES) - {"texts"}


def test_what_a_stage_is_made_of_is_what_it_opens(night: FollowedNight) -> None:
    found = {}
    for stage, opened in night.read.items():
        if stage in ("features", "outcomes"):  # DuckDB reads for them
            continue
        if not night.ended(f"night.{stage}")["outputs"]:  # it looked, and had nothing to say
            continue
        read = {(of, table) for of, file in opened if (table := tables.table_of(of, file)) is not None}
        event = night.ended(f"night.{stage}")
        said = {tuple(place["name"].rsplit("/", 2)[-2:]) for place in event["inputs"]}
        found[stage] = (said - read, read - said - BOOKS - UNSAID.get(stage, set()))
    differing = {stage: differ for stage, differ in found.items() if any(differ)}
    assert not differing, f"said and not opened, or opened and not said: {differing}"


def test_a_way_of_saying_it_that_nobody_knows_is_refused() -> None:
    assert parsed(["sum ingest.events(value, price)", "run"]) == [
        Origin("ingest", "events", "value", "sum"),
        Origin("ingest", "events", "price", "sum"),
    ]
    for wrong in ("ingest.events(value)", "guess ingest.events(value)", "sum ingest.events", "sum events(value)"):
        with pytest.raises(ValueError, match="say it as"):
            parsed([wrong])
    assert {kind for kind, _ in HOW.values()} == {"DIRECT", "INDIRECT"}
