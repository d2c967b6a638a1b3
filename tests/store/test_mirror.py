"""Two machines and one home in a store: each sees what the other finished, and nothing half done."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground import artifacts, keeping
from pipeline.ground.errors import StoreError
from tests.conftest import ROOT
from tests.store.machines import NEXT, content_of, finish, folder_of, machine


def test_what_one_machine_finished_another_one_reads_to_the_byte(url: str, tmp_path: Path) -> None:
    one, other = machine(url, tmp_path / "one"), machine(url, tmp_path / "other")
    finish(folder_of(one), a=b"1", part__b=b"22")
    with artifacts.lock(folder_of(other), shared=True):
        assert content_of(folder_of(other)) == content_of(folder_of(one))
    times = [(folder_of(m) / artifacts.MANIFEST).stat().st_mtime_ns for m in (one, other)]
    assert times[0] == times[1]
    finish(folder_of(one), a=b"another")
    with artifacts.lock(folder_of(other), shared=True):
        assert content_of(folder_of(other)) == content_of(folder_of(one))


def test_a_look_around_fetches_manifests_alone(url: str, tmp_path: Path) -> None:
    one, other = machine(url, tmp_path / "one"), machine(url, tmp_path / "other")
    finish(folder_of(one), a=b"1")
    other.refresh("lake")
    assert list(content_of(folder_of(other))) == [artifacts.MANIFEST]
    other.fetch_all("lake/als")
    assert content_of(folder_of(other)) == content_of(folder_of(one))
    with artifacts.lock(folder_of(one)):
        artifacts.remove(folder_of(one))
    other.refresh("lake")
    assert not folder_of(other).exists()


def test_what_is_here_with_the_same_hash_is_not_fetched_again(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = machine(url, tmp_path / "one"), machine(url, tmp_path / "other")
    finish(folder_of(one), a=b"same", b=b"old")
    keeping.bring(folder_of(other))
    finish(folder_of(one), a=b"same", b=b"new")
    fetched = list[str]()
    download = other.store.download
    monkeypatch.setattr(other.store, "download", lambda key, target: (fetched.append(key), download(key, target)))
    keeping.bring(folder_of(other))
    keeping.bring(folder_of(other))
    assert [key.rpartition("/")[2] for key in fetched] == ["b"]
    assert content_of(folder_of(other))["b"] == b"new"


def test_a_part_of_a_neighbour_is_fetched_when_linked_and_not_sent_again(url: str, tmp_path: Path) -> None:
    one, other = machine(url, tmp_path / "one"), machine(url, tmp_path / "other")
    key = artifacts.text_sha256("key", artifacts.code_version())
    finish(folder_of(one), {"p": key}, p__x=b"made once", rest=b"1")
    other.refresh("lake")
    following = folder_of(other, NEXT)
    with artifacts.lock(following), artifacts.writing(following) as out:
        memo = artifacts.Memo(artifacts.stage_dir(out.parent.parent, "als", NEXT))
        memo.out = out
        assert memo.part("p", "key", lambda _: pytest.fail("it was made again"))
        (out / "rest").write_bytes(b"2")
        made = {"stage": "als", "parts": memo.parts, "files": artifacts.describe(out), "report": {}}
        artifacts.write_manifest(out, made)
    sent = [entry.key for entry in one.store.list("objects")]
    assert sorted(k.rpartition("/")[2] for k in sent) == ["rest", "rest", "x"]
    keeping.bring(folder_of(one, NEXT))
    assert (folder_of(one, NEXT) / "p" / "x").read_bytes() == b"made once"


def test_a_part_whose_object_goes_while_it_is_named_is_sent(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = machine(url, tmp_path / "one"), machine(url, tmp_path / "other")
    finish(folder_of(one), {"p": "key"}, p__x=b"made once")
    put = one.store.put

    def forgetting(key: str, *given: Any) -> object:
        if key.startswith("lake/als/run_date=2024-01-02"):
            one.store.delete([entry.key for entry in one.store.list("objects/lake/als/run_date=2024-01-01")])
        return put(key, *given)

    monkeypatch.setattr(one.store, "put", forgetting)
    finish(folder_of(one, NEXT), {"p": "key"}, p__x=b"made once")
    keeping.bring(folder_of(other, NEXT))
    assert content_of(folder_of(other, NEXT)) == content_of(folder_of(one, NEXT))


def test_a_manifest_that_somebody_else_wrote_meanwhile_is_not_overwritten(url: str, tmp_path: Path) -> None:
    one, other = machine(url, tmp_path / "one"), machine(url, tmp_path / "other")
    unit = "lake/als/run_date=2024-01-01/manifest.json"
    theirs = {"files": {"a": {"bytes": 1, "sha256": "x"}}, "objects": {"a": "o"}, "written": {}}

    def late() -> None:
        with artifacts.lock(folder_of(one)):
            other.store.put(unit, json.dumps(theirs).encode())
            with artifacts.writing(folder_of(one)) as out:
                (out / "a").write_bytes(b"mine")
                artifacts.write_manifest(out, {"files": artifacts.describe(out), "report": {}})

    with pytest.raises(StoreError, match=r"was written by another machine meanwhile, with other content"):
        late()
    assert json.loads((other.store.get(unit) or (b"",))[0]) == theirs


def test_of_two_writers_of_the_same_content_both_are_content(url: str, tmp_path: Path) -> None:
    one, other = machine(url, tmp_path / "one"), machine(url, tmp_path / "other")
    with artifacts.lock(folder_of(one)):
        other.leases.held = lambda *_: __import__("contextlib").nullcontext(lambda: None)  # type: ignore[method-assign,assignment]
        finish(folder_of(other), a=b"same")
        with artifacts.writing(folder_of(one)) as out:
            (out / "a").write_bytes(b"same")
            artifacts.write_manifest(out, {"files": artifacts.describe(out), "parts": {}, "report": {"other": 1}})
    keeping.bring(folder_of(one))
    assert content_of(folder_of(one)) == content_of(folder_of(other))


@pytest.mark.parametrize("damage", [b"otherwise, longer", b"2"])
def test_a_damaged_object_is_named_and_read_by_nobody(url: str, tmp_path: Path, damage: bytes) -> None:
    one, other = machine(url, tmp_path / "one"), machine(url, tmp_path / "other")
    finish(folder_of(one), a=b"1")
    (entry,) = one.store.list("objects")
    one.store.put(entry.key, damage)
    with pytest.raises(StoreError, match=rf"{url}/objects/lake/als/.*/a is damaged"):
        keeping.bring(folder_of(other))
    assert not (folder_of(other) / "a").exists()


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"files": {"../x": {}}, "objects": {}, "written": {}}'])
def test_a_damaged_manifest_is_named(url: str, tmp_path: Path, text: bytes) -> None:
    one = machine(url, tmp_path / "one")
    one.store.put("lake/als/run_date=2024-01-01/manifest.json", text)
    with pytest.raises(StoreError, match=rf"{url}/lake/als/run_date=2024-01-01/manifest.json is damaged"):
        one.refresh("lake")


def test_what_a_dead_process_left_here_is_not_what_there_is(url: str, tmp_path: Path) -> None:
    one = machine(url, tmp_path / "one")
    finish(folder_of(one), a=b"1")
    with artifacts.writing(folder_of(one)) as out:  # finished, and killed before it was sent
        (out / "a").write_bytes(b"2")
        artifacts.write_manifest(out, {"files": artifacts.describe(out), "report": {}})
    never = folder_of(one, NEXT)
    with artifacts.writing(never) as out:
        artifacts.write_manifest(out, {"files": {}, "report": {}})
    one.refresh("lake")
    with artifacts.lock(folder_of(one), shared=True):
        assert content_of(folder_of(one))["a"] == b"1"
    assert not never.exists()


WRITER = """
import sys, time
from pathlib import Path
from pipeline.store import transfer
from tests.store import test_mirror as t
from tests.store.machines import NEXT, NIGHT, content_of, finish, folder_of, machine
mirror = machine(sys.argv[1], Path(sys.argv[2]))
upload = mirror.store.upload
def slowly(key, source):
    upload(key, source)
    print(key, flush=True)
    time.sleep(60)
mirror.store.upload = slowly
transfer.AT_ONCE = 1
t.finish(t.folder_of(mirror), a=b"1", b=b"22")
"""


def test_a_writer_killed_in_the_middle_leaves_nothing_half_visible(url: str, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, "-c", WRITER, url, str(tmp_path / "one")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as writer:
        assert writer.stdout is not None
        assert "v=" in writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
    other = machine(url, tmp_path / "other")
    assert [entry.key.rpartition("/")[2] for entry in other.store.list("objects")] == ["a"]
    other.refresh("lake")
    assert not artifacts.is_finished(folder_of(other))
    finish(folder_of(other), a=b"1", b=b"22")  # waits until the dead one's lease has stood still
    one = machine(url, tmp_path / "one")
    keeping.bring(folder_of(one))
    assert content_of(folder_of(one)) == content_of(folder_of(other))


def test_a_file_that_was_written_anew_with_the_time_and_size_of_the_old_one_is_sent(url: str, tmp_path: Path) -> None:
    one, other = machine(url, tmp_path / "one"), machine(url, tmp_path / "other")
    path = one.home / "tables" / "runs" / "a.duckdb"
    for content in (b"with them", b"without!!"):  # as where people are forgotten: runs are ordered by the time
        with keeping.held(one.home / "tables"):
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(".a.duckdb.partial")
            beside.write_bytes(content)
            os.utime(beside, ns=(10**18, 10**18))
            beside.replace(path)
        keeping.bring(other.home / "tables")
        assert (other.home / "tables" / "runs" / "a.duckdb").read_bytes() == content


def test_the_tables_flip_as_one(url: str, tmp_path: Path) -> None:
    one, other = machine(url, tmp_path / "one"), machine(url, tmp_path / "other")
    tables = [m.home / "tables" for m in (one, other)]
    for run in ("a", "b"):
        with keeping.held(tables[0]):
            (tables[0] / "runs").mkdir(parents=True, exist_ok=True)
            (tables[0] / "runs" / f"{run}.duckdb").write_bytes(run.encode())
            (tables[0] / ".hidden.partial").write_bytes(b"")
            (tables[0] / "current.duckdb").unlink(missing_ok=True)
            keeping.bring(tables[1])
            seen = tables[1] / "current.duckdb"
            assert not seen.exists() if run == "a" else seen.read_bytes() == b"a"
            (tables[0] / "current.duckdb").symlink_to(f"runs/{run}.duckdb")
        keeping.bring(tables[1])
        assert (tables[1] / "current.duckdb").read_bytes() == run.encode()
    with keeping.held(tables[0]):
        (tables[0] / "runs" / "a.duckdb").unlink()
    keeping.bring(tables[1])
    assert sorted(p.name for p in tables[1].rglob("*") if p.is_file()) == ["b.duckdb", "current.duckdb"]
