"""Publication: what is in the tables."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import lists
from pipeline.ground.errors import InputError
from pipeline.publication import likeness, parquet, publish, tables
from pipeline.settings.sections.answers import Answer
from tests.publication.published_shop import published, recommended
from tests.small_shop import NIGHT, Shop, go, shop


@pytest.fixture(autouse=True, scope="module")
def alike() -> Iterator[None]:
    """Of eight items a quarter of the pairs, as one in a hundred is less than one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(likeness, "ALIKE", 0.75)
        yield


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop as it is, published once."""
    made = shop(tmp_path_factory.mktemp("plain")).write()
    report = go(made)
    assert report["activated"]
    assert report["rows_recommendations"] == 24
    return made


def test_lists_are_filtered_topped_up_and_explained(plain: Shop) -> None:
    made = plain
    assert recommended(made, "for_you", "u0") == [
        (1, "i0", "buy_again", "You bought it 5 times, last on 12 Sep 2011"),
        (2, "i1", "als", "Because you bought WHITE MUG"),  # i5 came before, and is sold out
        (3, "i4", "language_model", "New, like TEA POT you bought"),
        (4, "i2", "popularity", "You bought it once, on 29 Sep 2011"),  # topped up: i0, i1 are there, i2 is next
    ]
    assert recommended(made, "discover", "u1") == [
        (1, "i3", "buy_again", "Because you bought TEA POT"),
        (2, "i4", "als", "New, like TEA POT you bought"),
        (3, "i0", "popularity", "Popular this month"),
        (4, "i1", "popularity", "Popular this month"),  # never i2, which u1 bought
    ]


def test_of_few_items_only_those_most_alike_are_named(tmp_path: Path) -> None:
    """The texts of i1 and i6 are the one pair in a hundred of eight items; u0 has had i6, which has no title."""
    bought = [(0, 6, 1, 3), (1, 2, 2, 10), (2, 1, 1, 0)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(likeness, "ALIKE", 0.99)
        made = shop(tmp_path, bought=bought, new_lists=[[1, 4], [3, 4], [0]]).write()
        go(made)
    rows = published(made, "recommendations")
    named = {(row["item_id"], row["reason"]) for row in rows if "Because" in row["reason"] or "like" in row["reason"]}
    assert named == {("i6", "Because you bought RED MUG")}
    assert {"New this month", "Picked for you from what you bought"} <= {row["reason"] for row in rows}


def test_without_texts_who_buys_what_decides_and_only_of_what_enough_bought(tmp_path: Path) -> None:
    made = shop(tmp_path, vectors=np.zeros((8, 3)), buyers=[9, 8, 7, 1, 0, 5, 4, 0])
    section = made.config.publish.model_copy(update={"similar_min_buyers": 2})
    made.config = made.config.model_copy(update={"publish": section})
    go(made.write())
    said = {who: {row[1]: row[3] for row in recommended(made, "for_you", who)} for who in ("u0", "u1")}
    assert said["u0"]["i1"] == "Because you bought WHITE MUG"
    assert said["u1"]["i3"] == "Picked for you from what you bought"  # u1 had i2, like i3, which one bought


def test_discover_never_shows_what_the_user_had(plain: Shop) -> None:
    made = plain
    had = {(f"u{user}", f"i{item}") for user, item, _, _ in made.bought}
    rows = [row for row in published(made, "recommendations") if row["surface"] == "discover"]
    assert not had & {(row["user_id"], row["item_id"]) for row in rows}
    assert {len([r for r in rows if r["user_id"] == user]) for user in ("u0", "u1", "u2")} == {4}


def test_without_sources_the_ensemble_is_named(tmp_path: Path) -> None:
    made = shop(tmp_path, sources=()).write()
    go(made)
    assert {source for _, _, source, _ in recommended(made, "for_you", "u0")} == {"ensemble", "popularity"}


def test_a_pool_that_fell_back_gets_the_lists_of_the_baseline(tmp_path: Path) -> None:
    made = shop(tmp_path)
    made.metrics |= {"fallback": "all"}
    items = np.array([[3, 0, -1], [1, -1, -1], [6, 4, 1]], dtype=np.int32)
    lists.write_list(
        made.write().folder("als") / f"cutoff={NIGHT}", "all", "popularity", items, np.where(items >= 0, 1.0, -np.inf)
    )
    go(made)
    assert [row[:3] for row in recommended(made, "for_you", "u2")[:3]] == [
        (1, "i6", "popularity"),
        (2, "i4", "popularity"),
        (3, "i1", "popularity"),
    ]
    scores = [row["score"] for row in published(made, "recommendations") if row["surface"] == "for_you"]
    assert all(0 <= score <= 1 for score in scores)
    assert recommended(made, "discover", "u1")[0][1:3] == ("i3", "buy_again")  # the ensemble's, as before


def test_lists_of_other_users_are_refused(tmp_path: Path) -> None:
    made = shop(tmp_path).write()
    folder = made.folder("ensemble") / f"cutoff={NIGHT}"
    items, scores = lists.read_list(folder, "all", "final")
    lists.write_list(folder, "all", "final", items[1:], scores[1:])
    with pytest.raises(InputError, match=r"are \(2, 4\), .* for 3 users .*run stage 'ensemble' again"):
        go(made)


def test_a_surface_shows_only_what_its_predicate_allows(tmp_path: Path) -> None:
    made = shop(tmp_path)
    cheap = made.config.surfaces[0].model_copy(update={"name": "cheap", "where": "price between 1 and 4"})
    made.config = made.config.model_copy(update={"surfaces": (*made.config.surfaces, cheap)})
    go(made.write())
    shown = {row["item_id"] for row in published(made, "recommendations") if row["surface"] == "cheap"}
    assert shown == {"i1", "i2", "i3", "i4"}
    popular = [row["item_id"] for row in published(made, "popular_items") if row["segment"] == "surface:cheap"]
    assert popular == ["i1", "i2"]


@pytest.mark.parametrize(
    ("prior", "french"),
    [
        (0, [("i0", 1), ("i1", 1)]),
        # i2 has 1 buyer there and 2 of 3 users everywhere: of 3 users, one of whom is like everybody, (1 + 2/3) x 2/3
        (1, [("i2", 10 / 9), ("i0", 8 / 9)]),
    ],
)
def test_popular_items_by_segment(tmp_path: Path, prior: float, french: list[tuple[str, float]]) -> None:
    made = shop(tmp_path, countries=["France", "Spain", "France"])  # who is alone in Spain is no segment
    section = made.config.publish.model_copy(update={"segment_by": ("country",), "segment_prior": prior})
    features = made.config.features.model_copy(update={"word_min_users": 2})
    made.config = made.config.model_copy(update={"publish": section, "features": features})
    go(made.write())
    found: dict[str, list[tuple[str, float]]] = {}
    for row in published(made, "popular_items"):
        found.setdefault(row["segment"], []).append((row["item_id"], row["score"]))
    # France: u0 bought i0, i2 and u2 bought i1 in the last 28 days (i3 is 40 days ago); equal, so by buyers overall.
    assert found == {
        "all": [("i0", 9), ("i1", 8)],
        "country:France": [(item, pytest.approx(score)) for item, score in french],
        "new_arrivals": [("i4", 0)],
    }


def test_of_what_nobody_bought_the_newest_is_first(tmp_path: Path) -> None:
    days = {4: NIGHT - timedelta(days=3), 7: NIGHT - timedelta(days=2)}
    made = shop(tmp_path, buyers=[0, 0, 0, 0, 0, 0, 1, 0], first_seen=days)
    section = made.config.publish.model_copy(update={"popular_k": 9})
    made.config = made.config.model_copy(update={"publish": section})
    go(made.write())
    rows = [row["item_id"] for row in published(made, "popular_items") if row["segment"] == "all"]
    assert rows == ["i6", "i7", "i4", "i0", "i1", "i2", "i3"]


def test_what_the_first_night_knew_is_not_called_new(tmp_path: Path) -> None:
    same_day = dict.fromkeys(range(8), NIGHT - timedelta(days=3))
    go(made := shop(tmp_path / "one", first_seen=same_day).write())
    assert not [row for row in published(made, "recommendations") if "New" in row["reason"]]
    go(made := shop(tmp_path / "two", first_seen=same_day | {4: NIGHT - timedelta(days=2)}).write())
    assert {row["item_id"] for row in published(made, "recommendations") if "New" in row["reason"]} == {"i4"}


def test_profiles(tmp_path: Path) -> None:
    made = shop(tmp_path, categories=["mugs", "mugs", "tea", None, "tea", "", None, None]).write()
    evaluate = made.config.evaluate.model_copy(update={"new_user_items": 2, "heavy_user_items": 3})
    made.config = made.config.model_copy(update={"evaluate": evaluate})
    go(made)
    first, second, third = published(made, "user_profiles")
    assert (first["segment"], first["top_categories"], first["events"]) == ("light", ["mugs", "tea"], 6)
    assert (second["segment"], third["top_categories"]) == ("new", ["mugs"])
    assert third["last_event_time"] == datetime(2011, 10, 2, tzinfo=UTC)
    assert {first[name] for name in first if name.startswith("asked_")} == {None}  # this shop asks for no answers


def test_profiles_say_what_was_asked_last(tmp_path: Path) -> None:
    made = shop(tmp_path)
    made.config = made.config.model_copy(update={"answer": Answer(k=2)})
    go(made.write())
    first, second, _ = published(made, "user_profiles")
    found = [first[name] for name in ("asked_cluster_id", "asked_document_id", "asked_label", "asked_at")]
    assert found == ["c0", "d1", "fee", datetime(2011, 9, 1, tzinfo=UTC)]
    assert {second[name] for name in second if name.startswith("asked_")} == {None}


def test_runs_say_what_was_published(plain: Shop) -> None:
    (row,) = publish.runs(plain.config).to_pylist()
    assert row["run_id"] == publish.active_run(plain.config).run_id  # type: ignore[union-attr]
    assert row["published_at"] == datetime(2011, 10, 3, tzinfo=UTC)
    assert '"all.final.ndcg": 0.36' in row["metrics"]


def test_small_blocks_of_users_give_the_same_bytes(tmp_path: Path) -> None:
    folders = []
    for name, size in (("one", 1024), ("two", 1)):
        made = shop(tmp_path / name)
        made.config = made.config.model_copy(update={"block_users": size})
        go(made.write())
        run = publish.active_run(made.config)
        assert run is not None
        folders.append(run.folder)
    ours, theirs = (pq.read_table(f / "recommendations.parquet").drop(["run_id"]) for f in folders)
    assert ours == theirs


def test_a_table_is_written_in_row_groups_whatever_the_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP", 4)
    whole = pa.table({"a": list(range(11))})
    for name, size in (("x", 1), ("y", 5), ("z", 11)):
        pieces = [whole.slice(start, size) for start in range(0, 11, size)]
        assert parquet.write(tmp_path / name, pieces, whole.schema) == 11
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes() == (tmp_path / "z").read_bytes()
    groups = pq.ParquetFile(tmp_path / "x").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [4, 4, 3]


def test_hostile_ids_and_titles_are_only_text(tmp_path: Path) -> None:
    hostile = "'; drop table recommendations; --"
    titles = ["<script>alert(1)</script>", "a\nb\x1b[31mc", "x" * 400, *["plain"] * 5]
    ids = [hostile, "i1", "$run_id", "", "../../etc", "\U0001f3ba", "%s", '"']
    made = shop(tmp_path, titles=titles, item_ids=ids, user_ids=[hostile, "ü", "null"]).write()
    go(made)
    rows = recommended(made, "for_you", hostile)
    assert rows[0][1] == hostile
    assert rows[1][3] == "Because you bought <script>alert(1)</script>"
    assert rows[2][3] == f"New, like {'x' * 39}… you bought"
    table = publish.published_lists(made.config, publish.active_run(made.config).run_id)  # type: ignore[union-attr]
    assert table.column_names == ["surface", "user_id", "rank", "item_id"]
    assert not [row for row in published(made, "recommendations") if "\x1b" in row["reason"] or "\n" in row["reason"]]


def test_a_shop_without_documents_has_none_of_their_tables(plain: Shop) -> None:
    run = publish.active_run(plain.config)
    assert run is not None
    words = {"document_labels", "labels_wanted", "entity_sentiment", "entity_events"}
    words |= {"question_clusters", "answers", "unanswered", "topics", "explanations"}
    assert not words & {path.stem for path in run.folder.iterdir()}
    assert not words & {row["check_name"] for row in published(plain, "data_checks")}


def test_the_database_holds_what_the_files_hold(plain: Shop) -> None:
    made = plain
    with duckdb.connect(str(made.config.tables / "current.duckdb"), read_only=True) as connection:
        for table in tables.published_by(made.config):
            found = connection.table(f"current_{table.name}").to_arrow_table().cast(table.schema)
            assert found.to_pylist() == published(made, table.name)
