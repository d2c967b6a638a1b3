"""What somebody dropped or changed in PostgreSQL: made again with its grants, or refused with a remedy that works."""

import os
import re
from pathlib import Path

import psycopg
import pytest

from pipeline.ground.errors import PublishError
from pipeline.publication.tables import NAMES, recommendations
from tests.published.targets import runs
from tests.published.targets.runs import USERS, A, B, K, Shop

WHOLE = K * len(USERS)


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """PostgreSQL with run A active."""
    return runs.filled("postgres", runs.one_run, tmp_path, request, monkeypatch)


def do(statement: str) -> None:
    """As an administrator."""
    with psycopg.connect(os.environ["NIGHTJAR_DSN"], autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.mark.parametrize("first", [0, 1])
def test_dropped_views_are_made_again_and_may_be_read(shop: Shop, first: int, caplog: pytest.LogCaptureFixture) -> None:
    """Every second one, which are all of them in both cases together."""
    names = NAMES[first::2]
    before = {name: shop.query(f"select * from current_{name}") for name in names}
    do("grant usage on schema nightjar to pg_monitor")
    for name in names:
        do(f"drop view nightjar.current_{name}")
    assert (shop.target.active(), shop.target.loaded()) == (A, [A])
    assert shop.target.forget("nobody") == 0
    shop.load(B)
    made_anew = re.findall(r"view nightjar\.current_(\w+) is made anew", caplog.text)
    assert sorted(made_anew) == sorted(names)
    assert {name: shop.query(f"select * from current_{name}") for name in names} == before
    for name in names:
        readable = f"select has_table_privilege('pg_monitor', 'nightjar.current_{name}', 'select')"
        assert shop.query(readable) == [(True,)]


def test_forgetting_does_not_depend_on_a_view(shop: Shop) -> None:
    do("drop view nightjar.current_runs")
    assert shop.target.forget("u") == K + 1


def test_a_dropped_schema_is_made_again(shop: Shop) -> None:
    do("drop schema nightjar cascade")
    assert (shop.target.active(), shop.target.loaded(), shop.target.forget("u")) == (None, [], 0)
    shop.publish(B)
    assert shop.run_ids() == {B: WHOLE}


@pytest.mark.parametrize(
    ("table", "column", "filled"),
    [
        ("recommendations", "reason", ""),
        ("recommendations", "rank", 0),
        ("user_profiles", "top_categories", []),
        ("user_profiles", "last_event_time", None),
        ("recommendation_outcomes", "was_active", False),
        ("runs", "metrics", ""),
        ("runs", "run_date", "1970-01-01"),
    ],
)
def test_a_dropped_column_is_refused_and_the_remedy_works(
    shop: Shop, table: str, column: str, filled: object, request: pytest.FixtureRequest
) -> None:
    do(f"alter table nightjar.{table} drop column {column} cascade")
    with pytest.raises(PublishError) as raised:
        shop.load(B)
    said = str(raised.value)
    assert f"table nightjar.{table} has no column {column}: somebody dropped it" in said
    remedy = re.search(r"Put it back \((.*?)\), then publish", said)
    assert remedy is not None
    do(remedy[1])
    shop.load(B)
    found = {str(row[0]) for row in shop.query(f"select {column} from current_{table}")}
    assert str(filled) in found
    shop.target.activate(B, published=True)
    assert shop.run_ids() == {B: WHOLE}


def test_a_read_of_what_was_dropped_says_what_to_do(shop: Shop) -> None:
    do("alter table nightjar.recommendations drop column reason cascade")
    with pytest.raises(PublishError, match=r"reason.*does not exist.*publishing a night makes it again, or says what"):
        shop.target.read(A, "show_lists", recommendations.TABLE.schema, user_id="u", k=9)


@pytest.mark.parametrize("lost", ["runs", "loads", "active_run", "activations"])
def test_a_lost_book_is_refused(shop: Shop, lost: str) -> None:
    do(f"drop table nightjar.{lost} cascade")
    with pytest.raises(PublishError, match=rf"schema nightjar has lost nightjar\.{lost}.*drop schema nightjar cascade"):
        shop.load(B)
    assert shop.query("select count(*) from recommendations_1") == [(WHOLE,)]  # nothing was swept
    do("drop schema nightjar cascade")
    shop.publish(B)
    assert shop.run_ids() == {B: WHOLE}


def test_a_dropped_table_is_made_again_without_the_rows_of_before(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    do("drop table nightjar.similar_items cascade")
    shop.load(B)
    assert "table nightjar.similar_items is made: runs from before have no rows in it" in caplog.text
    assert shop.query("select * from current_similar_items") == []
    shop.target.activate(B, published=True)
    assert len(shop.query("select * from current_similar_items")) == 2


def test_a_dropped_version_is_recorded_again(shop: Shop) -> None:
    do("drop table nightjar.schema_version")
    shop.publish(B)
    assert shop.query("select count(*) from schema_version") == [(1,)]


def test_a_changed_type_a_required_column_and_a_strangers_view_are_named(shop: Shop) -> None:
    do("drop view nightjar.current_similar_items")
    do("alter table nightjar.similar_items alter column score type double precision")
    with pytest.raises(PublishError, match=r"column score of .*similar_items is double precision and must be real"):
        shop.load(B)
    do("alter table nightjar.similar_items alter column score type real")
    do("alter table nightjar.similar_items add column mine text not null default 'x'")
    with pytest.raises(PublishError, match=r"column mine of .*is not Nightjar's.*alter column mine drop not null"):
        shop.load(B)
    do("alter table nightjar.similar_items alter column mine drop not null")
    do("create view nightjar.current_similar_items as select 1 as one")
    with pytest.raises(PublishError, match=r"current_similar_items is not the view.*it has one; .*drop or rename it"):
        shop.load(B)
    do("drop view nightjar.current_similar_items")
    shop.publish(B)
    assert shop.run_ids() == {B: WHOLE}


def test_nothing_is_changed_where_nothing_is_missing(shop: Shop) -> None:
    """DDL would wait for readers, and they behind it."""
    objects = "select array_agg(oid || ' ' || xmin::text order by oid) from pg_class where relname ~ '^current_'"
    before = shop.query(objects)
    shop.load(B)
    assert shop.query(objects) == before
