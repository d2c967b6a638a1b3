"""The help desk of examples/support: a part of it, from the shipped file to the tables that an application reads."""

import shutil
from datetime import date

import duckdb
import pytest

from pipeline.operations import load_history, stages
from pipeline.settings.config import Config
from pipeline.sources import configuration
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

SUPPORT = ROOT / "examples" / "support"
NIGHT = date(2024, 1, 24)
SMALL = {
    "profile": "fast",
    "threads": 2,
    "label_windows": 3,
    "horizon_days": 3,
    "als": {"factors": 16, "iterations": 2},
    "fusion": {"rounds": 5},
    "classify": {"model": "none"},
    "features": {"queries": 0},
    "entities": {"enabled": True, "days": 5, "past_days": 15},
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The night of ten intents' messages, by words alone; what a message is truly about is a thing that it names."""
    folder = tmp_path_factory.mktemp("support") / "shop"
    shutil.copytree(SUPPORT, folder, ignore=shutil.ignore_patterns("*.zst"))
    mapping = (SUPPORT / "documents.sql").read_text()
    (folder / "documents.sql").write_text(mapping.replace("'en' as language", "[truth] as entities"))
    with duckdb.connect() as connection:
        part = connection.read_csv(str(SUPPORT / "messages.csv.zst"), all_varchar=True)
        some = part.filter("truth in (select distinct truth from part order by truth limit 10)")
        some.order("written_at, message_id").write_csv(str(folder / "messages.csv.zst"), compression="zstd")
    config = configuration.load(folder / "pipeline.toml", SMALL | {"home": folder.parent / "home"})
    load_history.load_history(config, NIGHT)
    stages.run(NIGHT, config)
    return config


def test_a_night_publishes_labels_that_are_mostly_right(published: Config) -> None:
    with duckdb.connect(str(published.tables / "current.duckdb"), read_only=True) as tables:
        right, answered, asked = tables.execute(
            """
            select count(*) filter (label = truth), count(label), count(*)
            from current_document_labels
            join read_csv($file, all_varchar = true) on message_id = document_id
            where not is_given
            """,
            {"file": str(SUPPORT / "messages.csv.zst")},
        ).fetchall()[0]
        assert asked > 100
        assert answered > 0.5 * asked
        assert right > 0.85 * answered
        wanted = tables.execute("select count(*), max(rank) from current_labels_wanted").fetchall()
        assert wanted == [(50, 50)]


def test_nothing_of_a_later_day_is_there(published: Config) -> None:
    with duckdb.connect(str(published.tables / "current.duckdb"), read_only=True) as tables:
        ((last,),) = tables.execute("select max(written_at)::date from current_document_labels").fetchall()
    assert last == NIGHT


def test_what_is_written_about_each_thing_is_counted(published: Config) -> None:
    messages = str(published.folder / "messages.csv.zst")
    with duckdb.connect(str(published.tables / "current.duckdb"), read_only=True) as tables:
        counted = tables.execute("select entity, day, texts from current_entity_sentiment order by all").fetchall()
        by_hand = tables.execute(
            """
            select truth, written_at::date as day, count(distinct text)
            from read_csv($file, all_varchar = true)
            where day between $night::date - 4 and $night
            group by all
            order by all
            """,
            {"file": messages, "night": NIGHT},
        ).fetchall()
        assert counted == by_hand
        assert len(counted) > 30
        assert tables.execute("select count(*) from current_entity_events").fetchall() == [(0,)]
