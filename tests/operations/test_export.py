"""Exports, read back as a stranger would and compared with the published tables."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground.errors import InputError, PublishError
from pipeline.operations import export
from pipeline.publication import publish
from pipeline.publication.tables.recommendations import TABLE
from pipeline.published.contract import ActiveRun
from tests.publication.test_explored_surface import explored, lists
from tests.small_shop import NIGHT, Shop, go, shop

HOSTILE = ['O\'Hara"\n{"user_id": "admin"}', "\x00\u2028\u202e</script>", "\U0001f98a ünï"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Two nights; users and items of the newer, active one have ids that mean harm."""
    home = tmp_path_factory.mktemp("exported")
    go(shop(home, night=NIGHT.replace(day=1)).write())
    items = [f"i{n}\n\"'\x1b" for n in range(8)]
    made = shop(home, user_ids=HOSTILE, item_ids=items)
    go(made.write())
    return made


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().decode("ascii").split("\n")[:-1]]


def flat(lines: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(n["user_id"], i["rank"], i["item_id"], i["source"], i["reason"]) for n in lines for i in n["items"]]


def published(run: ActiveRun, surface: str) -> list[tuple[Any, ...]]:
    rows = pq.read_table(run.folder / "recommendations.parquet").to_pylist()
    keys = ("user_id", "rank", "item_id", "source", "reason")
    return [tuple(row[key] for key in keys) for row in rows if row["surface"] == surface]


@pytest.mark.parametrize("surface", ["for_you", "discover"])
def test_the_export_is_the_active_runs_table(made: Shop, tmp_path: Path, surface: str) -> None:
    out = tmp_path / "new" / "lists.jsonl"
    users = export.run(made.config, surface, out)
    lines, active = read(out), publish.active_run(made.config)
    assert active is not None
    assert flat(lines) == published(active, surface)
    assert users == len(lines) == len({line["user_id"] for line in lines}) > 0
    assert {line["run_id"] for line in lines} == {active.run_id}


def test_another_run_by_id_or_by_night(made: Shop, tmp_path: Path) -> None:
    older = publish.published_runs(made.config)[1]
    export.run(made.config, "for_you", tmp_path / "by_id", run_id=older.run_id)
    export.run(made.config, "for_you", tmp_path / "by_night", night=NIGHT.replace(day=1))
    assert (tmp_path / "by_id").read_bytes() == (tmp_path / "by_night").read_bytes()
    assert flat(read(tmp_path / "by_id")) == published(older, "for_you")


def test_what_is_not_there_is_refused_and_the_file_stays(made: Shop, tmp_path: Path) -> None:
    out = tmp_path / "lists.jsonl"
    out.write_text("before")
    for surface, chosen, message in [
        ("checkout", {}, "discover, for_you"),
        ("for_you", {"run_id": "2011-10-02-00000000"}, "2011-10-02-0"),
        ("for_you", {"night": date(2011, 9, 1)}, "a run of 2011-09-01 is not kept"),
    ]:
        with pytest.raises(InputError, match=message):
            export.run(made.config, surface, out, **chosen)
    assert out.read_text() == "before"
    assert not list(tmp_path.glob("*.partial"))
    with pytest.raises(InputError, match="nothing is published"):
        export.run(shop(tmp_path / "empty").config, "for_you", out)


def test_a_broken_table_or_disk_leaves_the_export_before(
    made: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "lists.jsonl"
    out.write_text("before")
    damaged = tmp_path / "recommendations.parquet"
    damaged.write_bytes(b"PAR1 nothing PAR1")
    monkeypatch.setattr(export, "choose", lambda *_: ActiveRun("2011-10-02-1", NIGHT, tmp_path))
    with pytest.raises(PublishError, match="damaged"):
        export.run(made.config, "for_you", out)
    damaged.unlink()
    with pytest.raises(InputError, match="not kept any more"):
        export.run(made.config, "for_you", out)
    assert out.read_text() == "before"
    monkeypatch.undo()
    with pytest.raises(PublishError, match="could not be written"):
        export.run(made.config, "for_you", Path("/proc/nowhere/lists.jsonl"))


def test_a_link_is_followed_and_what_is_no_file_is_left_alone(made: Shop, tmp_path: Path) -> None:
    there, link, pipe = tmp_path / "there" / "lists.jsonl", tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(there)
    for _ in range(2):  # a link to nothing yet, then to a file
        export.run(made.config, "for_you", link)
        assert link.is_symlink()
        assert not there.is_symlink()
        assert len(read(there)) == len(HOSTILE)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "there"]
    os.mkfifo(pipe)
    link.unlink()
    link.symlink_to(pipe)
    for out in (pipe, link, tmp_path, Path(os.devnull)):
        with pytest.raises(InputError, match=f"{out} is not a regular file"):
            export.run(made.config, "for_you", out)
    assert pipe.is_fifo()
    assert Path(os.devnull).is_char_device()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "pipe", "there"]


MEMORY = """
import resource, sys
from pathlib import Path
from pipeline.operations import export
from pipeline.published.contract import ActiveRun
run = ActiveRun("2011-10-02-1", None, Path(sys.argv[1]))
export.choose = lambda *_: run
def peak():
    Path("/proc/self/clear_refs").write_text("5")
    export.run(None, sys.argv[2], Path(sys.argv[1]) / "out.jsonl")
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) // 1024
print(peak())
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_table(tmp_path: Path) -> None:
    """Ten users and a hundred thousand: the peak differs by batches, not by the table (60 MB of lines)."""
    peaks = []
    for users in (10, 100_000):
        folder = tmp_path / str(users)
        folder.mkdir()
        schema = TABLE.schema
        with pq.ParquetWriter(folder / "recommendations.parquet", schema) as writer:
            for first in range(0, users, 10_000):
                ids = [f"user{n:07}" for n in range(first, min(first + 10_000, users)) for _ in range(5)]
                rows = {
                    "run_id": ["2011-10-02-1"] * len(ids),
                    "surface": ["for_you"] * len(ids),
                    "user_id": ids,
                    "rank": [1 + n % 5 for n in range(len(ids))],
                    "item_id": [f"item{n:020}" for n in range(len(ids))],
                    "score": [0.5] * len(ids),
                    "source": ["als"] * len(ids),
                    "reason": ["Because you bought it"] * len(ids),
                    "policy": [None] * len(ids),
                    "propensity": [None] * len(ids),
                }
                writer.write_table(pa.table(rows, schema=schema))
        command = [sys.executable, "-c", MEMORY, str(folder), "for_you"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
        peaks.append(int(done.stdout))
    assert (tmp_path / "100000" / "out.jsonl").stat().st_size > 50 * 1024**2
    assert peaks[1] - peaks[0] < 120


def test_a_surface_that_explores_says_with_which_chance(tmp_path: Path) -> None:
    made = explored(tmp_path, policy="softmax")
    for surface, named in (("discover", {"policy", "propensity"}), ("for_you", set[str]())):
        export.run(made.config, surface, tmp_path / surface)
        lines = [json.loads(line) for line in (tmp_path / surface).read_text().splitlines()]
        assert {name for line in lines for item in line["items"] for name in item} & {"policy", "propensity"} == named
    published = {(row["user_id"], row["rank"]): row for row in lists(made, "discover")}
    for line in map(json.loads, (tmp_path / "discover").read_text().splitlines()):
        for item in line["items"]:
            row = published[line["user_id"], item["rank"]]
            assert (item["policy"], item["propensity"]) == (row["policy"], pytest.approx(row["propensity"], rel=1e-6))
