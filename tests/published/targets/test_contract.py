"""What every target promises, for every target."""

import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.ground.errors import PublishError
from pipeline.publication.tables import popular_items, published, recommendations, search_results, user_profiles
from pipeline.published.contract import RUNS, run_active_before
from tests.published.targets.runs import USERS, A, B, C, K, Shop, filled, history, make, tables, three_runs


@pytest.fixture(params=["duckdb", "postgres"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A target in which nothing is loaded."""
    return make(request.param, tmp_path, request, monkeypatch)


@pytest.fixture(params=["duckdb", "postgres"])
def loaded(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A target with three runs, none active."""
    return filled(request.param, three_runs, tmp_path, request, monkeypatch)


def test_before_the_first_run_there_is_nothing(shop: Shop) -> None:
    assert (shop.target.active(), shop.target.loaded(), shop.target.previous(A)) == (None, [], None)
    shop.target.clean()
    assert shop.target.forget("u") == 0
    with pytest.raises(PublishError, match="cannot be read"):
        shop.target.read(A, "runs", RUNS.schema)
    with pytest.raises(PublishError, match="cannot be read"):
        shop.target.counts(A)


def test_the_rows_are_those_of_the_files(loaded: Shop) -> None:
    loaded.target.activate(B, published=True)
    for table in published():
        names = table.schema.names
        rows = loaded.query(f"select {', '.join(names)} from current_{table.name}")
        wanted = pq.read_table(loaded.home / "files" / B / f"{table.name}.parquet").to_pylist()
        found = [dict(zip(names, row, strict=True)) for row in rows]
        assert sorted(found, key=str) == sorted(wanted, key=str), table.name


def test_a_loaded_run_is_not_seen_before_it_is_active(loaded: Shop) -> None:
    assert loaded.target.active() is None
    loaded.target.activate(A, published=True)
    assert loaded.run_ids() == {A: K * len(USERS)}
    loaded.target.activate(C, published=True)
    assert (loaded.run_ids(), loaded.target.active()) == ({C: K * len(USERS)}, C)


def test_the_newest_night_comes_first_and_of_one_night_the_last_load(loaded: Shop) -> None:
    assert loaded.target.loaded() == [C, B, A]
    loaded.load(B)
    assert loaded.target.loaded() == [B, C, A]


def test_a_run_loaded_again_is_replaced_and_readers_keep_a_whole_one(loaded: Shop) -> None:
    loaded.target.activate(A, published=True)
    loaded.target.activate(C, published=True)
    loaded.load(C, users=("only",))
    assert loaded.run_ids() in ({C: K * len(USERS)}, {C: K})  # a file is replaced at once, a partition with the flip
    loaded.target.activate(C, published=True)
    assert (loaded.run_ids(), loaded.target.loaded(), loaded.target.previous(C)) == ({C: K}, [C, B, A], A)
    loaded.load(B, users=("only",))
    loaded.target.activate(B, published=False)
    assert loaded.run_ids() == {B: K}


def test_previous_skips_what_is_gone(loaded: Shop) -> None:
    for run_id in (A, B, C):
        loaded.target.activate(run_id, published=True)
    assert loaded.target.previous(C) == B
    loaded.target.drop(B)
    assert (loaded.target.loaded(), loaded.target.previous(C)) == ([C, A], A)
    loaded.target.drop(A)
    assert loaded.target.previous(C) is None


def test_going_back_does_not_change_what_came_before(loaded: Shop) -> None:
    for run_id in (A, B, C):
        loaded.target.activate(run_id, published=True)
    loaded.target.activate(B, published=False)
    assert (loaded.target.active(), loaded.target.previous(B), loaded.target.previous(C)) == (B, A, B)


def test_the_run_before_is_looked_for_until_one_is_loaded_or_the_search_goes_in_circles() -> None:
    before = {"d": "c", "c": "b", "b": "a", "a": None, "x": "y", "y": "x"}
    assert run_active_before("d", before, {"a", "b", "d"}) == "b"
    assert run_active_before("d", before, {"d"}) is None
    assert run_active_before("x", before, {"x"}) is None
    assert run_active_before("new", before, {"a"}) is None


def test_an_unknown_run_cannot_be_read(loaded: Shop) -> None:
    with pytest.raises(PublishError, match=r"2001-01-01-00000000.* cannot be read"):
        loaded.target.read("2001-01-01-00000000", "runs", RUNS.schema)


def test_a_load_that_fails_leaves_no_run(loaded: Shop) -> None:
    bad = "2011-10-04-dddddddd"
    folder = tables(loaded.home / "bad", bad)
    (folder / "popular_items.parquet").write_bytes(b"not parquet")
    loaded.target.activate(C, published=True)
    with pytest.raises(PublishError, match="the active run is unchanged"):
        loaded.target.load(bad, folder, history(bad))
    assert (loaded.target.loaded(), loaded.run_ids()) == ([C, B, A], {C: K * len(USERS)})
    loaded.target.clean()
    loaded.load(bad)
    assert loaded.target.loaded() == [bad, C, B, A]


def test_an_operator_reads_any_loaded_run(loaded: Shop) -> None:
    loaded.target.activate(C, published=True)
    lists = loaded.target.read(A, "show_lists", recommendations.TABLE.schema, user_id="v", k=2)
    wanted = pq.read_table(loaded.home / "files" / A / "recommendations.parquet").slice(K, 2)
    if loaded.kind == "postgres":  # a file of DuckDB holds its own run alone, so there it is the current one
        assert loaded.target.read(A, "runs", RUNS.schema).num_rows == 3
    assert lists.to_pylist() == wanted.to_pylist()
    (profile,) = loaded.target.read(C, "show_profile", user_profiles.TABLE.schema, user_id="u").to_pylist()
    assert (profile["run_id"], profile["top_categories"]) == (C, ["mugs", "tea"])
    popular = loaded.target.read(B, "show_popular", popular_items.TABLE.schema, segment="all", k=1)
    assert popular.column("item_id").to_pylist() == ["i1"]
    asked = {"search": "a mug", "terms": [" a ", " mug ", "mug"], "k": 1}
    (answer,) = loaded.target.read(B, "show_search_terms", search_results.TABLE.schema, **asked).to_pylist()
    assert answer == {"run_id": B, "query": "a mug", "rank": 1, "item_id": "i1", "score": 3.0}
    assert [(c.table, c.rows, c.things, c.word) for c in loaded.target.counts(C)] == [
        ("recommendations", 12, 3, "users"),
        ("similar_items", 2, 1, "items"),
        ("popular_items", 2, 1, "segments"),
        ("search_results", 4, 2, "queries"),
        ("search_terms", 2, 1, "terms"),
        ("user_profiles", 3, 3, "users"),
        ("audiences", 1, 1, "items and categories"),
        ("document_labels", 1, 1, "documents"),
        ("labels_wanted", 1, 1, "documents"),
        ("entity_sentiment", 1, 1, "things"),
        ("entity_events", 1, 1, "things"),
        ("topics", 1, 1, "topics"),
        ("question_clusters", 1, 1, "clusters"),
        ("answers", 1, 1, "clusters"),
        ("unanswered", 1, 1, "clusters"),
        ("explanations", 2, 1, "users"),
    ]


HOSTILE = ["'; drop table runs; --", "a\tb\nc\\N\\.", '{"a,b"}', "", "\U0001f3ba ü", "%s $user_id {schema}", "x" * 500]


def test_any_text_is_only_text(shop: Shop) -> None:
    shop.load(A, users=HOSTILE, reason="<b>\\.\n\"'")
    shop.target.activate(A, published=True)
    for user_id in HOSTILE:
        rows = shop.query("select reason from current_recommendations where user_id = $user_id", user_id=user_id)
        assert rows == [("<b>\\.\n\"'",)] * K
        assert shop.target.read(A, "show_lists", recommendations.TABLE.schema, user_id=user_id, k=9).num_rows == K


def test_a_forgotten_user_is_in_no_run(loaded: Shop) -> None:
    loaded.target.activate(A, published=True)
    loaded.target.activate(C, published=True)
    assert loaded.target.forget("v") == 3 * (K + 1)
    assert loaded.target.forget("v") == 0
    assert (loaded.target.loaded(), loaded.target.active(), loaded.target.previous(C)) == ([C, B, A], C, A)
    for run_id in (A, B, C):
        loaded.target.activate(run_id, published=False)
        assert {row[0] for row in loaded.query("select user_id from current_recommendations")} == {"u", "w"}
        assert loaded.query("select count(*) from current_user_profiles") == [(2,)]
        assert loaded.query("select count(*) from current_similar_items") == [(2,)]
    assert loaded.target.read(C, "runs", RUNS.schema).num_rows


def test_one_at_a_time(loaded: Shop) -> None:
    order = []

    def second() -> None:
        with loaded.target.lock():
            order.append("second")

    first = loaded.target
    with first.lock():
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        first.activate(A, published=True)  # inside, the lock is held already
        with first.lock():
            order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_reader_every_5_ms_sees_only_whole_runs(loaded: Shop) -> None:
    """While runs are loaded, activated, taken back, loaded again and dropped; on one connection and on new ones."""
    loaded.target.activate(A, published=True)
    stop, seen, errors = threading.Event(), [], []
    statement = "select run_id, count(*) from current_recommendations group by run_id"

    def poll() -> None:
        while not stop.is_set():
            try:
                with loaded.reader() as query:
                    for _ in range(20):
                        seen.append(query(statement))
                        time.sleep(0.005)
            except Exception as error:
                errors.append(error)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        for turn in range(3):
            night = f"2011-10-0{turn + 4}-eeeeeeee"
            loaded.publish(night)
            loaded.target.activate(B, published=False)
            loaded.load(night)
            loaded.target.activate(night, published=False)
            loaded.target.drop(B)
            loaded.load(B)
    finally:
        stop.set()
        thread.join()
    assert errors == []
    assert len(seen) > 5
    assert [rows for rows in seen if len(rows) != 1 or rows[0][1] != K * len(USERS)] == []
    assert len({rows[0][0] for rows in seen}) >= 2  # a busy machine misses some
