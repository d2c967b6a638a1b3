import json
import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError

NIGHT = date(2011, 10, 2)


def finish(lake: Path, stage: str, night: date, content: str = "x", parts: dict[str, str] | None = None) -> Path:
    folder = artifacts.stage_dir(lake, stage, night)
    with artifacts.lock(folder), artifacts.writing(folder) as out:
        (out / "a.txt").write_text(content)
        artifacts.write_manifest(out, {"files": artifacts.describe(out), "parts": parts or {}})
    return folder


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = artifacts.stage_dir(tmp_path, "als", NIGHT)

    def write_half() -> None:
        with artifacts.lock(folder), artifacts.writing(folder) as out:
            (out / "half.npy").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert not folder.exists()
    assert [p.name for p in folder.parent.iterdir()] == [f".{folder.name}.lock"]


def test_a_run_killed_while_writing_leaves_the_finished_version_and_its_rest_is_cleared(tmp_path: Path) -> None:
    folder = finish(tmp_path, "als", NIGHT, "first")
    code = (
        "import os, signal, sys; from pathlib import Path; from pipeline.ground import artifacts\n"
        "folder = Path(sys.argv[1])\n"
        "with artifacts.lock(folder), artifacts.writing(folder) as out:\n"
        "    (out / 'a.txt').write_text('second'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(folder)], check=False, cwd=Path.cwd())
    assert killed.returncode == -signal.SIGKILL
    assert (folder / "a.txt").read_text() == "first"
    finish(tmp_path, "als", NIGHT, "third")
    assert (folder / "a.txt").read_text() == "third"
    assert not list(folder.parent.glob(".*partial"))


def test_an_unfinished_folder_is_an_error_that_names_the_remedy(tmp_path: Path) -> None:
    folder = artifacts.stage_dir(tmp_path, "features", NIGHT)
    folder.mkdir(parents=True)
    with pytest.raises(InputError, match="run stage 'features' for 2011-10-02 first"):
        artifacts.read_manifest(folder)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        artifacts.read_manifest(folder)


def test_partitions_until_sees_no_later_and_no_unfinished_night(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        finish(tmp_path, "ingest", date(2011, 10, day))
    artifacts.stage_dir(tmp_path, "ingest", date(2011, 9, 30)).mkdir()
    found = artifacts.partitions_until(tmp_path, "ingest", NIGHT)
    assert [artifacts.run_date_of(p).day for p in found] == [1, 2]


def test_content_hash_ignores_everything_but_the_files(tmp_path: Path) -> None:
    one, two = finish(tmp_path, "als", NIGHT, "same"), finish(tmp_path, "ease", NIGHT, "same", {"p": "k"})
    assert artifacts.content_hash(one) == artifacts.content_hash(two)
    assert artifacts.content_hash(one) != artifacts.content_hash(finish(tmp_path, "als", NIGHT, "other"))


def made_by(lake: Path, night: date, key: str, calls: list[str]) -> Path:
    folder = artifacts.stage_dir(lake, "als", night)

    def make(part: Path) -> None:
        calls.append(key)
        (part / "factors.txt").write_text(key)

    with artifacts.lock(folder), artifacts.writing(folder) as out:
        memo = artifacts.Memo(out)
        memo.part("cutoff=2011-09-18", key, make)
        artifacts.write_manifest(out, {"files": artifacts.describe(out), "parts": memo.parts})
    return folder / "cutoff=2011-09-18" / "factors.txt"


def test_a_part_is_made_once_per_key_and_linked_after(tmp_path: Path) -> None:
    calls: list[str] = []
    first = made_by(tmp_path, NIGHT, "key", calls)
    second = made_by(tmp_path, date(2011, 10, 3), "key", calls)
    third = made_by(tmp_path, date(2011, 10, 4), "other key", calls)
    assert calls == ["key", "other key"]
    assert first.read_text() == second.read_text() == "key"
    assert first.samefile(second)
    assert third.read_text() == "other key"


def test_what_another_night_made_is_known_apart_from_what_tonight_began(tmp_path: Path) -> None:
    made_by(tmp_path, NIGHT, "key", [])
    begun = tmp_path / "als" / ".run_date=2011-10-03.begun"
    linked = {}
    for out, first in ((begun, None), (tmp_path / "als" / ".run_date=2011-10-03.partial", begun)):
        out.mkdir()
        memo = artifacts.Memo(out, reuse=first is None, first=first)
        for name, key in (("cutoff=2011-09-18", "key"), ("cutoff=2011-10-03", "new")):
            memo.part(name, key, lambda part, key=key: (part / "factors.txt").write_text(key))
        about = {"files": artifacts.describe(out), "parts": memo.parts, "linked": sorted(memo.linked)}
        artifacts.write_manifest(out, about)
        linked[out.suffix] = memo.linked
    assert linked == {".begun": {"cutoff=2011-09-18"}, ".partial": {"cutoff=2011-09-18"}}


def test_a_damaged_part_is_made_again_and_not_linked(tmp_path: Path) -> None:
    calls: list[str] = []
    made_by(tmp_path, NIGHT, "key", calls).write_text("bit rot")
    assert made_by(tmp_path, date(2011, 10, 3), "key", calls).read_text() == "key"
    assert calls == ["key", "key"]


def test_a_night_that_is_removed_while_it_is_linked_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    made_by(tmp_path, NIGHT, "key", calls)
    linked = os.link

    def removed_first(source: Path, target: Path) -> None:
        artifacts.remove(artifacts.stage_dir(tmp_path, "als", NIGHT))
        linked(source, target)

    monkeypatch.setattr(os, "link", removed_first)
    assert made_by(tmp_path, date(2011, 10, 3), "key", calls).read_text() == "key"
    assert calls == ["key", "key"]


def test_describe_gives_rows_bytes_and_hash(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"x": [1, 2, 3]}), tmp_path / "t.parquet")
    (tmp_path / "manifest.json").write_text(json.dumps({}))
    described = artifacts.describe(tmp_path)
    assert list(described) == ["t.parquet"]
    assert described["t.parquet"]["rows"] == 3
    assert described["t.parquet"]["bytes"] == (tmp_path / "t.parquet").stat().st_size
