"""Publication: what is in the tables, that they appear whole, that they can be taken back."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts, lists, schemas
from pipeline.ground.errors import GateError, InputError, PublishError
from pipeline.publication import publish, tables
from pipeline.published import archive
from pipeline.published.targets import duckdb as duckdb_target
from tests.small_shop import NIGHT, Shop, go, shop

LATER = NIGHT + timedelta(days=1)


def recommended(made: Shop, surface: str, user: str) -> list[tuple[int, str, str, str]]:
    """rank, item, source, reason of a user's active list."""
    run = publish.active_run(made.config)
    assert run is not None
    rows = pq.read_table(run.folder / "recommendations.parquet").to_pylist()
    mine = [row for row in rows if (row["surface"], row["user_id"]) == (surface, user)]
    return [(row["rank"], row["item_id"], row["source"], row["reason"]) for row in mine]


def published(made: Shop, table: str) -> list[dict[str, Any]]:
    run = publish.active_run(made.config)
    assert run is not None
    rows: list[dict[str, Any]] = pq.read_table(run.folder / f"{table}.parquet").to_pylist()
    return rows


# --- the tables -------------------------------------------------------------------------------------------------------


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


def test_popular_items_by_segment(tmp_path: Path) -> None:
    made = shop(tmp_path, countries=["France", None, "France"])
    section = made.config.publish.model_copy(update={"segment_by": ("country",)})
    made.config = made.config.model_copy(update={"publish": section})
    go(made.write())
    found: dict[str, list[tuple[str, float]]] = {}
    for row in published(made, "popular_items"):
        found.setdefault(row["segment"], []).append((row["item_id"], row["score"]))
    # France: u0 bought i0, i2 and u2 bought i1 in the last 28 days (i3 is 40 days ago); equal, so by buyers overall.
    assert found == {
        "all": [("i0", 9), ("i1", 8)],
        "country:France": [("i0", 1), ("i1", 1)],
        "new_arrivals": [("i4", 0)],
    }


def test_profiles(tmp_path: Path) -> None:
    made = shop(tmp_path, categories=["mugs", "mugs", "tea", None, "tea", "", None, None]).write()
    evaluate = made.config.evaluate.model_copy(update={"new_user_items": 2, "heavy_user_items": 3})
    made.config = made.config.model_copy(update={"evaluate": evaluate})
    go(made)
    first, second, third = published(made, "user_profiles")
    assert (first["segment"], first["top_categories"], first["events"]) == ("light", ["mugs", "tea"], 6)
    assert (second["segment"], third["top_categories"]) == ("new", ["mugs"])
    assert third["last_event_time"] == datetime(2011, 10, 2, tzinfo=UTC)


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
    monkeypatch.setattr(tables, "ROW_GROUP", 4)
    whole = publish.pa.table({"a": list(range(11))})
    for name, size in (("x", 1), ("y", 5), ("z", 11)):
        pieces = [whole.slice(start, size) for start in range(0, 11, size)]
        assert tables.write(tmp_path / name, pieces, whole.schema) == 11
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


# --- whole or not at all ----------------------------------------------------------------------------------------------


def names_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def test_publishing_again_changes_nothing(tmp_path: Path) -> None:
    made = shop(tmp_path).write()
    first = go(made)
    before = names_below(made.config.tables), (made.config.tables / "activations.jsonl").read_text()
    folder = publish.active_run(made.config).folder  # type: ignore[union-attr]
    hashes = {path.name: artifacts.file_sha256(path) for path in folder.iterdir()}
    assert go(made) == first
    assert (names_below(made.config.tables), (made.config.tables / "activations.jsonl").read_text()) == before
    assert {path.name: artifacts.file_sha256(path) for path in folder.iterdir()} == hashes


def test_the_database_holds_what_the_files_hold(plain: Shop) -> None:
    made = plain
    with duckdb.connect(str(made.config.tables / "current.duckdb"), read_only=True) as connection:
        for table, schema in schemas.PUBLISHED.items():
            found = connection.table(f"current_{table}").to_arrow_table().cast(schema)
            assert found.to_pylist() == published(made, table)


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_at(home: Path, patch: Callable[[], tuple[object, str]], code_version: str) -> None:
    """In a process of its own: publish the later night and be killed where `patch` says."""
    artifacts.code_version = lambda: code_version  # type: ignore[assignment]
    setattr(*patch(), die)
    go(shop(home, night=LATER))


# While the first table is in, before the file has its name, before the log, between log and flip, after the flip.
def while_loading() -> tuple[object, str]:
    return duckdb_target.pq, "read_metadata"


def before_the_rename() -> tuple[object, str]:
    return artifacts, "sync"


def before_the_log() -> tuple[object, str]:
    return duckdb_target.DuckDBTarget, "activate"


def before_the_flip() -> tuple[object, str]:
    return Path, "symlink_to"


def in_the_archive() -> tuple[object, str]:
    return archive.artifacts, "link"


def after_the_flip() -> tuple[object, str]:
    return publish, "_retain"


def test_a_killed_publication_leaves_a_whole_table_and_the_next_one_tidies_up(tmp_path: Path) -> None:
    first = go(shop(tmp_path).write())
    later = shop(tmp_path, night=LATER).write()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.test_publish", "pandas"])  # pyarrow imports it, slowly
    for patch in (in_the_archive, while_loading, before_the_rename, before_the_log, before_the_flip, after_the_flip):
        process = context.Process(target=killed_at, args=(tmp_path, patch, artifacts.code_version()))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL, patch.__name__
        active = publish.active_run(later.config)
        assert active is not None
        assert active.run_date == (LATER if patch is after_the_flip else NIGHT), patch.__name__
        with duckdb.connect(str(later.config.tables / "current.duckdb"), read_only=True) as connection:
            assert connection.table("current_recommendations").count("*").fetchall() == [(24,)], patch.__name__

    assert publish.rollback(later.config).run_id == first["run_id"]
    assert go(later)["activated"]
    left = names_below(later.config.tables)
    assert not [name for name in left if "partial" in name or name.endswith((".old", ".wal"))]
    assert len(publish.published_runs(later.config)) == 2


def test_a_reader_sees_only_whole_runs(tmp_path: Path) -> None:
    nights = [shop(tmp_path, night=night).write() for night in (NIGHT, LATER)]
    for made in nights:
        go(made)
    config, stop, seen = nights[0].config, threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                with duckdb.connect(str(config.tables / "current.duckdb"), read_only=True) as connection:
                    sizes = "select run_id, count(*) from current_recommendations group by run_id"
                    seen.append(connection.execute(sizes).fetchall())
            except duckdb.Error as error:
                seen.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    runs = [run.run_id for run in publish.published_runs(config)]
    for turn in range(40):
        publish.rollback(config, to=runs[turn % 2])
    go(nights[1])
    stop.set()
    reader.join()
    assert len(seen) > 10
    assert [rows for rows in seen if rows not in ([(runs[0], 24)], [(runs[1], 24)])] == []


# --- which run is active ----------------------------------------------------------------------------------------------


def test_rollback_walks_back_through_what_was_published(tmp_path: Path) -> None:
    nights = [shop(tmp_path, night=NIGHT + timedelta(days=n)).write() for n in range(3)]
    ids = [go(made)["run_id"] for made in nights]
    config = nights[0].config
    assert publish.rollback(config).run_id == ids[1]
    assert publish.rollback(config).run_id == ids[0]
    with pytest.raises(PublishError, match="no run was active before"):
        publish.rollback(config)
    assert publish.rollback(config, to=str(ids[2])).run_id == ids[2]
    assert publish.rollback(config).run_id == ids[1]
    with pytest.raises(PublishError, match=r"run nonsense is not kept; the runs that are kept: 2011"):
        publish.rollback(config, to="nonsense")
    assert publish.active_run(config) == publish.ActiveRun(
        str(ids[1]), LATER, config.tables / "parquet" / f"run_id={ids[1]}"
    )


def test_an_older_night_is_kept_and_not_activated_unless_asked(tmp_path: Path) -> None:
    newer = shop(tmp_path, night=LATER).write()
    active = go(newer)["run_id"]
    older = shop(tmp_path).write()
    report = go(older)
    assert not report["activated"]
    assert publish.active_run(older.config).run_id == active  # type: ignore[union-attr]
    assert report["run_id"] in {run.run_id for run in publish.published_runs(older.config)}
    section = older.config.publish.model_copy(update={"activate_older": True})
    older.config = older.config.model_copy(update={"publish": section})
    again = go(older)
    assert again["activated"]
    assert again["run_id"] == report["run_id"]


def test_retention_keeps_the_newest_the_active_and_the_one_before(tmp_path: Path) -> None:
    nights = [shop(tmp_path, night=NIGHT + timedelta(days=n)) for n in range(4)]
    ids = []
    for made in nights:
        section = made.config.publish.model_copy(update={"keep_runs": 2})
        made.config = made.config.model_copy(update={"publish": section})
        ids.append(go(made.write())["run_id"])
    config = nights[0].config
    assert [run.run_id for run in publish.published_runs(config)] == ids[:1:-1]
    assert {p.name for p in (config.tables / "parquet").iterdir()} == {f"run_id={i}" for i in ids[2:]}
    assert publish.runs(config).column("run_id").to_pylist() == ids[::-1]  # the history outlives the tables
    with pytest.raises(PublishError, match="the runs that are kept"):
        publish.published_lists(config, str(ids[0]))


def test_the_run_before_a_night_is_of_an_earlier_night(tmp_path: Path) -> None:
    first, second = shop(tmp_path).write(), shop(tmp_path, night=LATER).write()
    assert publish.before(first.config, NIGHT) is None
    go(first)
    go(second)
    before = publish.before(first.config, LATER)
    assert before is not None
    assert before.run_date == NIGHT
    assert publish.before(first.config, NIGHT) is None


def test_a_failed_check_publishes_nothing(tmp_path: Path) -> None:
    first = go(shop(tmp_path).write())
    broken = shop(tmp_path, night=LATER, new_lists=[[1, 0], [3, 4], [0]]).write()  # u0 has bought i0
    with pytest.raises(GateError, match=r"recommendations_seen \(1\): discover: user u0 has acted on item i0"):
        go(broken)
    assert publish.active_run(broken.config).run_id == first["run_id"]  # type: ignore[union-attr]
    assert len(publish.published_runs(broken.config)) == 1


def test_churn_is_reported_and_limited(tmp_path: Path) -> None:
    go(shop(tmp_path).write())
    other = shop(tmp_path, night=LATER, all_lists=[[7], [7], [7]]).write()
    report = go(other)
    # Everybody gets i7, i0, i1, i2 now; u0 had i0, i1, i4, i2, u1 had i2, i3, i7, i0, u2 had i3, i6, i0, i1.
    assert report["churn_for_you"] == pytest.approx((1 / 4 + 1 / 4 + 2 / 4) / 3, abs=1e-4)
    assert report["churn_discover"] == 0
    strict = other.config.publish.model_copy(update={"max_churn": 0.3})
    other.config = other.config.model_copy(update={"publish": strict})
    with pytest.raises(GateError, match=r"33% of the first 10 items of surface 'for_you' changed in 1 nights"):
        go(other)


def test_a_full_disk_is_said_and_leaves_the_active_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = go(shop(tmp_path).write())
    later = shop(tmp_path, night=LATER).write()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(archive.artifacts, "link", full)
        patched.setattr(archive.shutil, "copyfile", full)
        with pytest.raises(PublishError, match=r"No space left on device.*readers still see a whole run"):
            go(later)
    assert publish.active_run(later.config).run_id == first["run_id"]  # type: ignore[union-attr]
    assert go(later)["activated"]


def test_a_damaged_copy_is_made_anew(tmp_path: Path) -> None:
    made = shop(tmp_path).write()
    run_id = str(go(made)["run_id"])
    path = publish.active_run(made.config).folder / "recommendations.parquet"  # type: ignore[union-attr]
    path.unlink()  # not in place: the lake has the same file by another name
    path.write_bytes(b"PAR1 cut")
    with pytest.raises(PublishError, match="is damaged"):
        publish.published_lists(made.config, run_id)
    go(made)
    assert publish.published_lists(made.config, run_id).num_rows == 24


def test_a_lost_or_damaged_active_run_does_not_keep_the_next_one_out(tmp_path: Path) -> None:
    nights = [shop(tmp_path, night=NIGHT + timedelta(days=n)).write() for n in range(3)]
    go(nights[0])
    (nights[0].config.tables / "current.duckdb").resolve().unlink()
    assert publish.active_run(nights[0].config) is None
    assert go(nights[1])["activated"]
    (nights[0].config.tables / "current.duckdb").resolve().write_bytes(b"damaged")
    assert go(nights[2])["activated"]
    assert publish.runs(nights[2].config).column("run_date").to_pylist() == [nights[2].night, nights[1].night]


def test_a_run_id_depends_on_what_is_published_and_on_nothing_else(tmp_path: Path) -> None:
    made = shop(tmp_path / "a").write()
    same = shop(tmp_path / "b").write()
    same.config = same.config.model_copy(update={"publish": same.config.publish.model_copy(update={"keep_runs": 3})})
    other = replace(shop(tmp_path / "c"), night=date(2011, 10, 2), all_lists=[[1], [2], [3]]).write()
    ids = [go(each)["run_id"] for each in (made, same, other)]
    assert ids[0] == ids[1] != ids[2]


# --- the Parquet copies -----------------------------------------------------------------------------------------------


def test_a_run_keeps_the_lists_it_was_judged_by(tmp_path: Path) -> None:
    made = shop(tmp_path).write()
    for name in archive.JUDGED:
        (made.folder("evaluate") / name).write_text(f"what {name} says")
    go(made)
    run = publish.active_run(made.config)
    assert run is not None
    for name in archive.JUDGED:
        (made.folder("evaluate") / name).unlink()
        assert (run.folder / name).read_text() == f"what {name} says"


def test_lost_copies_of_a_run_make_it_out_of_date(tmp_path: Path) -> None:
    made = shop(tmp_path).write()
    report = go(made)
    assert publish.still_holds(made.config, {"report": report})
    (archive.Archive(made.config.tables).path(report["run_id"]) / "runs.parquet").unlink()
    assert not publish.still_holds(made.config, {"report": report})


def test_retention_leaves_the_copies_of_runs_that_another_target_knows(tmp_path: Path) -> None:
    made = shop(tmp_path).write()
    kept = archive.Archive(made.config.tables)
    for night in (NIGHT - timedelta(days=1), NIGHT, LATER):  # loaded elsewhere
        kept.path(f"{night}-elsewhere").mkdir(parents=True)
    go(made)
    assert {run_id[:10] for run_id in kept.run_ids() if run_id.endswith("elsewhere")} == {str(NIGHT), str(LATER)}


def test_going_back_is_said_when_the_night_runs_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    reports = [go(shop(tmp_path, night=night).write()) for night in (NIGHT, LATER)]
    config = shop(tmp_path).config
    assert publish.still_holds(config, {"report": reports[1]})
    assert "somebody went back" not in caplog.text
    publish.rollback(config)
    assert publish.still_holds(config, {"report": reports[1]})
    assert f"went back to {reports[0]['run_id']}" in caplog.text
