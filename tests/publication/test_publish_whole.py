"""Publication: the tables appear whole or not at all, whatever is killed, full, damaged or read meanwhile."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import PublishError, ResourceError
from pipeline.publication import handing_over, publish
from pipeline.published import archive
from pipeline.published.targets import duckdb as duckdb_target
from tests.small_shop import NIGHT, go, shop

LATER = NIGHT + timedelta(days=1)


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


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_at(home: Path, patch: Callable[[], tuple[object, str]], code_version: str) -> None:
    """In a process of its own: publish the later night and be killed where `patch` says."""
    artifacts.code_version = lambda: code_version  # type: ignore[assignment]
    setattr(*patch(), die)
    go(shop(home, night=LATER))


# While the first table is in, before the file has its name, before the log, between log and flip, after the flip.
def while_loading() -> tuple[object, str]:
    return pq, "read_metadata"


def before_the_rename() -> tuple[object, str]:
    return artifacts, "sync"


def before_the_log() -> tuple[object, str]:
    return duckdb_target.DuckDBTarget, "activate"


def before_the_flip() -> tuple[object, str]:
    return Path, "symlink_to"


def in_the_archive() -> tuple[object, str]:
    return archive.artifacts, "link"


def after_the_flip() -> tuple[object, str]:
    return handing_over, "_retain"


def test_a_killed_publication_leaves_a_whole_table_and_the_next_one_tidies_up(tmp_path: Path) -> None:
    first = go(shop(tmp_path).write())
    later = shop(tmp_path, night=LATER).write()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.publication.test_publish_whole", "pandas"])  # pyarrow imports it, slowly
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


def test_a_full_disk_is_said_and_leaves_the_active_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = go(shop(tmp_path).write())
    later = shop(tmp_path, night=LATER).write()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(archive.artifacts, "link", full)
        patched.setattr(archive.shutil, "copyfile", full)
        with pytest.raises(ResourceError, match=r"disk of .* was full.*make room there.*Readers still see a whole run"):
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
