"""What is PostgreSQL's own: plans that outlive a flip, readers that do not end, names, text, the lock."""

import os
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

from pipeline.ground.errors import InputError, PublishError, UnavailableError
from pipeline.publication import stores
from pipeline.publication.tables import published, recommendations
from pipeline.published import contract
from pipeline.published.targets import binary_copy, session
from pipeline.published.targets.postgres import PostgresTarget
from pipeline.settings.sections.publication import Publish
from pipeline.sources.configuration import FullConfig
from tests.published.targets.runs import USERS, A, B, C, K, Shop, filled, history, one_run, tables

WHOLE = K * len(USERS)


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """PostgreSQL with run A active."""
    monkeypatch.setattr(session, "LOCK_TIMEOUT", "1200ms")
    made = filled("postgres", one_run, tmp_path, request, monkeypatch)
    return made


@pytest.fixture
def dsn(shop: Shop, request: pytest.FixtureRequest) -> str:
    """Where the shop's tables are."""
    return os.environ["NIGHTJAR_DSN"]


def test_it_is_a_target_and_connects_only_when_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NIGHTJAR_DSN", raising=False)
    monkeypatch.delenv("AIRFLOW_CONN_NIGHTJAR", raising=False)
    made: contract.Target = stores.target(FullConfig(home=tmp_path, publish=Publish(target="postgres")))
    assert isinstance(made, PostgresTarget)
    with pytest.raises(PublishError, match="neither NIGHTJAR_DSN nor AIRFLOW_CONN_NIGHTJAR is set"):
        made.active()


def test_the_tables_have_the_columns_and_the_order_of_the_schemas(shop: Shop, dsn: str) -> None:
    kinds = {
        "text": pa.string(),
        "boolean": pa.bool_(),
        "integer": pa.int32(),
        "real": pa.float32(),
        "date": pa.date32(),
    }
    kinds |= {"timestamp with time zone": pa.timestamp("us", tz="UTC"), "ARRAY": pa.list_(pa.string())}
    with psycopg.connect(dsn) as connection:
        for name, schema in ((table.name, table.schema) for table in published()):
            found = connection.execute(
                "select column_name, data_type from information_schema.columns "
                "where table_schema = 'nightjar' and table_name = %s order by ordinal_position",
                [f"current_{name}"],
            ).fetchall()
            assert [(column, kinds[kind]) for column, kind in found] == [(f.name, f.type) for f in schema]


LYING = """
select string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
    || case c.collname when 'C' then ' C' else '' end, ', ' order by a.attnum)
from pg_attribute as a left join pg_collation as c on c.oid = a.attcollation
where a.attrelid = %s::regclass and a.attnum > 0
"""


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (
            "recommendations",
            "load integer, rank integer, score real, surface text C, user_id text C, item_id text C, source text C, "
            "reason text C, policy text C, propensity real",
        ),
        (
            "user_profiles",
            "load integer, events integer, last_event_time timestamp with time zone, user_id text C, segment text C, "
            "top_categories text[], asked_cluster_id text C, asked_document_id text C, asked_label text C, "
            "asked_at timestamp with time zone",
        ),
        (
            "recommendation_outcomes",
            "load integer, days integer, users integer, shown integer, hits integer, hit_rate real, precision real, "
            "ndcg real, ndcg_low real, ndcg_high real, recall real, impressions integer, clicks integer, "
            "was_active boolean, judged_run_id text C, surface text C, source text C, bucket_kind text C, "
            "bucket text C",
        ),
        (
            "runs",
            "run_id text C, run_date date, published_at timestamp with time zone, code_version text, config_hash text, "
            "metrics text",
        ),
    ],
)
def test_columns_lie_as_in_the_databases_there_are(shop: Shop, dsn: str, table: str, columns: str) -> None:
    with psycopg.connect(dsn) as connection:
        assert connection.execute(LYING, [f"nightjar.{table}"]).fetchone() == (columns,)


def test_what_is_looked_up_has_an_index_and_is_unique(shop: Shop, dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        found = connection.execute("select tablename, indexdef from pg_indexes where tablename ~ '_1$'").fetchall()
    indexes = {name: text for name, text in found if text.startswith("CREATE UNIQUE INDEX")}
    assert {
        name.removesuffix("_1"): text.rpartition("(")[2].rstrip(")").replace('"', "") for name, text in indexes.items()
    } == {
        "recommendations": "user_id, surface, rank",
        "similar_items": "item_id, rank",
        "popular_items": "segment, rank",
        "search_results": "query, rank",
        "search_terms": "term, rank",
        "user_profiles": "user_id",
        "recommendation_outcomes": "judged_run_id, surface, source, bucket_kind, bucket",
        "audiences": "about, audience, rank",
        "document_labels": "document_id, label_set",
        "labels_wanted": "label_set, rank",
        "entity_sentiment": "entity, day",
        "entity_events": "entity, day",
        "topics": "topic_id",
        "question_clusters": "cluster_id",
        "answers": "cluster_id, rank",
        "unanswered": "cluster_id",
        "exposure": "surface, grouping, value",
        "explanations": "user_id, surface, rank, driver",
        "data_checks": "check_name, stage",
    }
    assert len(indexes) == len(found)


# --- text, names, the environment -------------------------------------------------------------------------------------


def test_a_nul_is_replaced_counted_and_found_again(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.load(B, users=("a\x00b", "v"), reason="x\x00\x00y")
    shop.target.activate(B, published=True)
    assert f"run {B}: U+0000 is U+FFFD in {K * 2 + K + 1} texts" in caplog.text
    rows = shop.query("select distinct user_id, reason from current_recommendations where user_id <> 'v'")
    assert rows == [("a\ufffdb", "x\ufffd\ufffdy")]
    found = shop.target.read(B, "show_lists", recommendations.TABLE.schema, user_id="a\x00b", k=9)
    assert found.num_rows == K
    assert shop.target.forget("a\x00b") == K + 1
    assert shop.target.read(B, "show_lists", recommendations.TABLE.schema, user_id="\udcff", k=9).num_rows == 0


def test_two_ranks_of_one_list_are_refused(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(PublishError, match=r"could not create unique index.*readers see a whole run"):
        shop.load(B, users=("u", "u"))
    assert (shop.target.active(), shop.target.loaded()) == (A, [A])


def test_rows_that_do_not_arrive_are_missed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binary_copy, "rows", lambda batch: b"")
    with pytest.raises(PublishError, match=r"0 of 12 rows of .*recommendations.parquet arrived.*is unchanged"):
        shop.load(B)


def test_a_statement_nobody_wrote_is_named(shop: Shop) -> None:
    with pytest.raises(InputError, match=r"nonsense\.sql does not exist"):
        shop.target.read(A, "nonsense", contract.RUNS.schema)


def test_schemas_are_apart(shop: Shop) -> None:
    section = shop.config.publish.model_copy(update={"schema_name": "other"})
    other = stores.target(shop.config.model_copy(update={"publish": section}))
    assert (other.active(), other.loaded()) == (None, [])
    folder = tables(shop.home / "other", C)
    other.load(C, folder, history(C))
    other.activate(C, published=True)
    assert (other.active(), shop.target.active()) == (C, A)
    with pytest.raises(ValueError, match="schema_name"):
        Publish(schema_name='a"; drop schema nightjar')


def test_an_alteration_that_does_not_end_is_named(shop: Shop, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LOCK_TRIES", 1)
    with psycopg.connect(dsn) as connection:
        connection.execute("lock table nightjar.recommendations in share update exclusive mode")
        with pytest.raises(UnavailableError, match="somebody alters the published tables"):
            shop.load(B)
    assert shop.run_ids() == {A: WHOLE}
    shop.publish(B)
    assert shop.run_ids() == {B: WHOLE}


def test_a_schema_of_an_older_version_gets_the_table_that_came_since(shop: Shop, dsn: str) -> None:
    shop.publish(A)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("drop view nightjar.current_recommendation_outcomes")
        connection.execute("drop table nightjar.recommendation_outcomes")
        connection.execute("drop view nightjar.current_search_results")
        connection.execute("drop table nightjar.search_results")
    assert (shop.target.active(), shop.target.loaded(), shop.target.ever_active()) == (A, [A], {A})
    assert shop.target.forget("nobody") == 0
    shop.publish(B)
    assert shop.query("select run_id from current_recommendation_outcomes") == [(B,), (B,)]
    shop.target.activate(A, published=False)
    assert shop.query("select * from current_recommendation_outcomes") == []
    assert shop.run_ids() == {A: 12}
    assert shop.target.ever_active() == {A, B}
