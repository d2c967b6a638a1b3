"""The copy as Delta tables, read by Delta's own library and, through Arrow, by DuckDB."""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from pipeline.ground import keeping
from pipeline.ground.errors import PublishError
from pipeline.publication import following, publish, stores
from pipeline.publication.tables import NAMES
from pipeline.published.copies import following as copies
from pipeline.published.copies.delta import DeltaCopy
from pipeline.store import homes
from tests.on_disk import everything_under
from tests.published.copies.shops import HOSTILE, NIGHTS, A, B, C, CopiedShop, K, shop
from tests.published.targets.runs import USERS
from tests.store.s3_server import S3

LAKE = {"kind": "delta", "place": "lakehouse"}


@pytest.fixture
def made(tmp_path: Path) -> CopiedShop:
    return shop(tmp_path / "home", lake=LAKE)


def table(made: CopiedShop, name: str, **how: Any) -> DeltaTable:
    return DeltaTable(str(made.config.home / "lakehouse" / name), **how)


def run_ids(made: CopiedShop, name: str, **how: Any) -> set[str]:
    return set(table(made, name, **how).to_pyarrow_table(columns=["run_id"]).column("run_id").to_pylist())


def test_every_table_has_the_rows_of_the_files(made: CopiedShop) -> None:
    made.publish(A, users=sorted(HOSTILE), reason="<b>'\"\n:")
    for name in NAMES:
        found = table(made, name)
        wanted = pq.read_table(made.file(A, name), partitioning=None)
        assert found.to_pyarrow_table().to_pylist() == wanted.to_pylist(), name
        assert found.count() == wanted.num_rows
        rows = found.to_pyarrow_dataset()  # which the next line reads
        assert duckdb.sql("select count(*) from rows").fetchall() == [(wanted.num_rows,)]
        assert rows.schema.names == wanted.schema.names
    mine = table(made, "recommendations").to_pyarrow_dataset()
    counted = duckdb.sql("select count(*) from mine where user_id = $user", params={"user": HOSTILE[2]}).fetchall()
    assert (counted, mine.count_rows()) == ([(K,)], len(HOSTILE) * K)


def test_a_flip_is_one_version_of_each_table_and_runs_is_last(made: CopiedShop) -> None:
    for run_id in NIGHTS:
        made.publish(run_id)
    for name in NAMES:
        found = table(made, name)
        assert run_ids(made, name) in ({C}, set())
        written = [entry for entry in found.history() if "nightjar_load" in entry]
        assert [entry["nightjar_load"][: len(A)] for entry in written] == list(NIGHTS[::-1])
        assert run_ids(made, name, version=written[1]["version"]) in ({B}, set())
    flips = {name: table(made, name).history(1)[0]["timestamp"] for name in NAMES}
    assert max(flips, key=lambda name: flips[name]) == "runs" or flips["runs"] == max(flips.values())


def test_the_file_is_a_second_name_of_the_published_one(made: CopiedShop) -> None:
    made.publish(A)
    (path,) = (made.config.home / "lakehouse" / "recommendations").glob("*.parquet")
    assert path.stat().st_ino == made.file(A, "recommendations").stat().st_ino


def test_versions_beyond_those_kept_lose_their_files(tmp_path: Path) -> None:
    made = shop(tmp_path, lake=LAKE | {"keep_versions": 2})
    for run_id in NIGHTS:
        made.publish(run_id)
    found = table(made, "recommendations")
    written = {
        entry["nightjar_load"][: len(A)]: entry["version"] for entry in found.history() if "nightjar_load" in entry
    }
    assert run_ids(made, "recommendations", version=written[B]) == {B}
    with pytest.raises(Exception, match="not found"):
        run_ids(made, "recommendations", version=written[A])


def test_a_column_that_came_later_is_added_and_older_runs_have_none(made: CopiedShop) -> None:
    """An older Nightjar's table and file lack it."""
    made.publish(A)
    place = made.config.home / "lakehouse" / "recommendations"
    old = table(made, "recommendations").to_pyarrow_table().drop_columns(["policy", "propensity"])
    made.activate(B)
    pq.write_table(old, made.file(B, "recommendations"))
    from deltalake import write_deltalake

    write_deltalake(str(place), old, mode="overwrite", schema_mode="overwrite")
    assert "policy" not in table(made, "recommendations").to_pyarrow_table().column_names
    following.follow(made.config)
    found = table(made, "recommendations").to_pyarrow_table()
    assert found.column("policy").to_pylist() == [None] * K * len(USERS)
    assert found.drop_columns(["policy", "propensity"]).to_pylist() == old.to_pylist()


def test_a_table_that_a_run_does_not_have_is_empty(made: CopiedShop) -> None:
    made.activate(A)
    made.file(A, "audiences").unlink()
    following.follow(made.config)
    assert table(made, "audiences").count() == 0
    assert table(made, "audiences").to_pyarrow_table().num_rows == 0


def test_rollback_takes_the_tables_along_without_loading_what_is_there(
    made: CopiedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run_id in (A, B):
        made.publish(run_id)
    monkeypatch.setattr(DeltaCopy, "load", lambda *_: pytest.fail("it is there"))
    publish.rollback(made.config)
    assert run_ids(made, "recommendations") == run_ids(made, "runs") == {A}
    publish.rollback(made.config, to=B)
    assert run_ids(made, "recommendations") == run_ids(made, "runs") == {B}


def test_what_is_as_it_should_be_is_left_alone(made: CopiedShop) -> None:
    made.publish(A)
    before = table(made, "runs").version()
    following.follow(made.config)
    assert table(made, "runs").version() == before


def test_what_was_lost_or_written_by_somebody_else_is_brought_again(made: CopiedShop) -> None:
    made.publish(A)
    (path,) = (made.config.home / "lakehouse" / "similar_items").glob("*.parquet")
    path.unlink()
    table(made, "popular_items").delete()
    following.follow(made.config)
    assert table(made, "similar_items").to_pyarrow_table().num_rows == 2
    assert table(made, "popular_items").to_pyarrow_table().num_rows == 2


def test_killed_between_two_tables_the_next_call_brings_the_rest(
    made: CopiedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.publish(A)
    flip, flipped = DeltaCopy._flip, []

    def dying(self: DeltaCopy, uri: str, of: Any, load: str) -> None:
        if len(flipped) == 3:
            raise KeyboardInterrupt
        flipped.append(of.name)
        flip(self, uri, of, load)

    made.activate(B)
    with monkeypatch.context() as patch:
        patch.setattr(DeltaCopy, "_flip", dying)
        with pytest.raises(KeyboardInterrupt):
            following.follow(made.config)
    assert run_ids(made, "recommendations") == {B}
    assert run_ids(made, "runs") == {A}, "it comes last: who asks it sees that the others are not all of one run"
    following.follow(made.config)
    assert {run_id for name in NAMES for run_id in run_ids(made, name)} == {B}


@pytest.mark.slow
def test_a_reader_every_5_ms_sees_only_whole_runs(made: CopiedShop) -> None:
    made.publish(A)
    stop, seen, errors = threading.Event(), [], []

    def poll() -> None:
        while not stop.is_set():
            try:
                found = table(made, "recommendations").to_pyarrow_table(columns=["run_id"])
                seen.append((set(found.column("run_id").to_pylist()), found.num_rows))
                time.sleep(0.005)
            except Exception as error:
                errors.append(error)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        for _ in range(3):
            for run_id in (B, C):
                made.activate(run_id)
                following.follow(made.config)
                publish.rollback(made.config)
    finally:
        stop.set()
        thread.join()
    assert errors == []
    assert [one for one in seen if len(one[0]) != 1 or one[1] != K * len(USERS)] == []
    assert len({next(iter(one[0])) for one in seen}) >= 2


def test_a_forgotten_person_is_in_no_file_and_in_no_line_of_the_log(
    made: CopiedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive has lost the person already; versions of before, which still have them, cannot be read any more."""
    monkeypatch.setattr(copies, "SETTLE_SECONDS", 0.0)
    people = ("person-77", "person-7", "somebody")
    for run_id in (A, B):
        made.publish(run_id, users=people)
    place = made.config.home / "lakehouse"
    assert b"person-77" in everything_under(place)
    stores.archive(made.config).drop(A)
    made.activate(B, users=people[1:])
    following.follow(made.config, alone=True)
    assert b"person-77" not in everything_under(place)
    assert table(made, "recommendations").to_pyarrow_table().num_rows == 2 * K
    for entry in table(made, "recommendations").history()[1:]:
        if entry.get("nightjar_load", "").startswith(A):
            with pytest.raises(Exception, match="not found"):
                run_ids(made, "recommendations", version=entry["version"])


def test_the_log_says_nothing_of_rows(made: CopiedShop) -> None:
    made.publish(A, users=("person-77",))
    (log,) = (made.config.home / "lakehouse" / "recommendations").glob("_delta_log/*1.json")
    added = next(json.loads(line)["add"] for line in log.read_text().splitlines() if "add" in line)
    assert json.loads(added["stats"]) == {"numRecords": K}


def test_a_folder_that_cannot_be_written_is_named(made: CopiedShop) -> None:
    made.activate(A)
    (made.config.home / "lakehouse").write_text("a file")
    with pytest.raises(PublishError, match=r"copy 'lake' \(delta\): .*lakehouse.*run " + A):
        following.follow(made.config)


@pytest.mark.parametrize("absolute", [False, True])
def test_in_an_object_store_it_is_there_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absolute: bool) -> None:
    """Of a home in an object store a relative place lies in that store, not in this machine's copy of it."""
    monkeypatch.setattr(keeping, "_KEEPERS", {})
    monkeypatch.setenv("NIGHTJAR_CACHE", str(tmp_path / "cache"))
    url = f"file://{tmp_path}/bucket/shop"
    place = f"file://{tmp_path}/bucket/lake" if absolute else "lakehouse"
    made = shop(homes.folder_of(url), lake=LAKE | {"place": place})
    made.publish(A)
    lake = tmp_path / "bucket" / ("lake" if absolute else "shop/lakehouse")
    assert DeltaTable(str(lake / "recommendations")).to_pyarrow_table().num_rows == K * len(USERS)
    assert not (made.config.home / "lakehouse").exists()
    stored = [path for path in (tmp_path / "bucket").rglob("*") if path.is_file() and path.name.startswith(f"{A}-")]
    assert {path.relative_to(tmp_path / "bucket").parts[: 1 if absolute else 2] for path in stored} == {
        lake.relative_to(tmp_path / "bucket").parts
    }


@pytest.mark.slow
def test_on_a_real_s3_api(tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not through the proxy before it, which is of this process: the library keeps Python waiting while it asks."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3.port}")
    place = f"s3://{s3.bucket()}/lake"
    made = shop(tmp_path, lake={"kind": "delta", "place": place})
    for run_id in (A, B):
        made.publish(run_id)
    options = {"allow_http": "true", "endpoint": os.environ["AWS_ENDPOINT_URL"]}
    found = DeltaTable(f"{place}/recommendations", storage_options=options)
    assert pa.table(found.to_pyarrow_table()).num_rows == K * len(USERS)
    assert set(found.to_pyarrow_table().column("run_id").to_pylist()) == {B}
    publish.rollback(made.config)
    found = DeltaTable(f"{place}/recommendations", storage_options=options)
    assert set(found.to_pyarrow_table().column("run_id").to_pylist()) == {A}
    following.follow(made.config, alone=True)
    keys = s3.request("GET", f"/{place.split('/')[2]}?list-type=2").decode()
    assert B not in keys
