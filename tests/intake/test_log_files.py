"""Which files a configuration names: several globs, and what matches without being a log."""

import bz2
import gzip
import lzma
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from pipeline.ground.errors import InputError, ResourceError
from pipeline.intake import logs
from pipeline.settings.sections.data import InputFiles
from pipeline.sources import configuration
from tests.conftest import ROOT
from tests.tiny_log import ingest, row, rows_of, shop, write

NIGHT = date(2024, 2, 29)
AT = "2024-02-29 10:00:00"


def found(folder: Path, files: str | list[str], night: date | None = None) -> list[tuple[str, date | None]]:
    source = InputFiles.model_validate({"files": files, "sql": "x"})
    config = shop(folder, "x.csv")
    names = [(file.path.relative_to(folder).as_posix(), file.first_day) for file in logs.find(source, config, night)]
    assert names == sorted(names)
    return names


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_files_may_be_several_globs(tmp_path: Path) -> None:
    write(tmp_path / "web" / "2024-02-29.csv", [row("u1", "a", AT)])
    write(tmp_path / "till" / "20240229.csv", [row("u2", "b", AT)])
    touch(tmp_path, "till/20240302.csv", "web/2024-03-02.csv")
    globs = ["web/{year}-{month}-{day}.csv", "till/{year}{month}{day}.csv"]
    folder = ingest(shop(tmp_path, ingest={"events": {"files": globs, "sql": "events.sql"}}), NIGHT)
    assert sorted(e["item_id"] for e in rows_of(folder)) == ["a", "b"]
    assert len(found(tmp_path, globs)) == 4
    with pytest.raises(InputError, match=r"no log file of 2024-03-20 matches 'web/.*\.csv', 'till/.*\.csv' in"):
        ingest(shop(tmp_path, ingest={"events": {"files": globs, "sql": "events.sql"}}), date(2024, 3, 20))


def test_a_file_that_several_globs_match_is_one_and_has_its_days_whatever_the_night(tmp_path: Path) -> None:
    touch(tmp_path, "2024-02-29.csv", "2024-03-05.csv", "other.csv")
    for globs in (["*.csv", "{year}-{month}-{day}.csv"], ["{year}-{month}-{day}.csv", "*.csv"]):
        everything = [("2024-02-29.csv", NIGHT), ("2024-03-05.csv", date(2024, 3, 5)), ("other.csv", None)]
        assert found(tmp_path, globs) == everything
        assert found(tmp_path, globs, NIGHT) == [everything[0], everything[2]]


def test_globs_of_several_formats_are_an_error() -> None:
    with pytest.raises(InputError, match=r"'a\.csv', 'b\.jsonl' are of several formats \(csv, jsonl\)"):
        logs.format_of(InputFiles(files=("a.csv", "b.jsonl"), sql="x"))
    assert logs.format_of(InputFiles(files=("a.csv", "b.csv.gz"), sql="x")) == "csv"


@pytest.mark.parametrize("files", ["", "/srv/logs/*.csv", "~/x.csv", "**x", "logs/**.csv", "logs/", "..", "**", "a\0b"])
@pytest.mark.parametrize("listed", [False, True])
def test_a_glob_that_names_no_files_is_refused_by_its_key(tmp_path: Path, files: str, listed: bool) -> None:
    given = ["ok.csv", files] if listed else files
    with pytest.raises(InputError, match=r"ingest\.events\.files"):
        configuration.load(overrides={"folder": tmp_path, "ingest": {"events": {"files": given, "sql": "x"}}})
    with pytest.raises(InputError, match=r"ingest\.events\.files"):
        configuration.load(overrides={"ingest": {"events": {"files": [], "sql": "x"}}})


def test_folders_stars_and_dots_stand_for_what_they_did(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.csv", "a/b/2.csv", "a/b/c/3.csv", "4.csv", "a/b/c/3.txt")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "elsewhere").symlink_to(tmp_path / "a" / "b", target_is_directory=True)
    assert [n for n, _ in found(tmp_path, "**/*.csv")] == ["4.csv", "a/1.csv", "a/b/2.csv", "a/b/c/3.csv"]
    assert [n for n, _ in found(tmp_path, "a/**/c/*.csv")] == ["a/b/c/3.csv"]
    assert [n for n, _ in found(tmp_path, "elsewhere/*.csv")] == ["elsewhere/2.csv"]
    assert [n for n, _ in found(tmp_path, "a/?/2.csv")] == ["a/b/2.csv"]
    assert [n for n, _ in found(tmp_path / "a", "../*.csv")] == ["../4.csv"]
    assert found(tmp_path, "nothing/*/here.csv") == []
    assert found(tmp_path, "4.csv/*.csv") == []
    assert [n for n, _ in found(tmp_path, "a/b/*")] == ["a/b/2.csv"]  # its folder is named by nobody


def test_what_matches_and_is_no_file_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "log-1.csv", "log-2.csv/part-0.csv")
    with pytest.raises(InputError, match=r"log-2\.csv is a folder and matches 'log-\*\.csv': name the files in it"):
        found(tmp_path, "log-*.csv")
    assert [name for name, _ in found(tmp_path, "log-*.csv/*.csv")] == ["log-2.csv/part-0.csv"]
    (tmp_path / "dead-1.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(InputError, match=r"dead-1\.csv is a link to what does not exist: mend it"):
        found(tmp_path, "dead-*.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match=r"pipe\.csv is neither a file nor a folder"):
        found(tmp_path, "pipe.csv")
    (tmp_path / os.fsdecode(b"latin-\xe9.csv")).touch()
    with pytest.raises(InputError, match=r"latin-\\udce9\.csv': its name is not UTF-8: rename it"):
        found(tmp_path, "latin-*.csv")


FORBIDDEN = """
import os, sys
from pipeline.ground import sql
from pipeline.intake import logs
from pipeline.settings.config import Config
os.seteuid(65534)
config = Config.model_validate({"folder": sys.argv[1], "ingest": {"events": {"files": sys.argv[2], "sql": "x"}}})
source = config.ingest.events
logs.read(sql.connect(1, 256), source, logs.find(source, config), config)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take a right from itself")
@pytest.mark.parametrize(
    ("ending", "right", "named"),
    [
        ("csv", 0o755, "a.csv"),
        ("csv.zst", 0o755, "a.csv.zst"),
        ("jsonl", 0o755, "a.jsonl"),
        ("parquet", 0o755, "a.parquet"),
        ("csv", 0o711, "logs"),
        ("csv", 0, "logs"),
    ],
)
def test_a_file_or_folder_that_may_not_be_read_is_named(
    tmp_path_factory: pytest.TempPathFactory, ending: str, right: int, named: str
) -> None:
    folder = tmp_path_factory.mktemp("forbidden")
    for parent in (folder, *folder.parents):
        if parent != Path("/tmp") and Path("/tmp") in parent.parents:
            parent.chmod(0o755)
    write(folder / "logs" / f"a.{ending}", [row("u1", "a", AT)])
    (folder / "logs" / f"a.{ending}").chmod(0)
    (folder / "logs").chmod(right)
    command = [sys.executable, "-c", FORBIDDEN, str(folder), f"logs/*.{ending}"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert f"{named} is forbidden to this user: give it the right" in run.stderr.splitlines()[-1], run.stderr


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "jsonl", "parquet"])
def test_too_few_open_files_are_the_machines_fault_or_enough(tmp_path: Path, ending: str) -> None:
    for number in range(90):
        write(tmp_path / f"log-{number}.{ending}", [row("u1", f"i{number}", AT)])
    opened = len(list(Path("/proc/self/fd").iterdir()))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 40, hard))
    said = ""
    try:
        folder = ingest(shop(tmp_path, f"log-*.{ending}"), NIGHT)
    except ResourceError as error:
        said = str(error)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "which are too few: raise the limit (ulimit -n 4096)" in said or len(rows_of(folder)) == 90


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl"])
def test_a_file_in_utf_16_is_named_with_what_to_do(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, [row("u", "a", "2024-01-01 10:00:00")])
    (tmp_path / name).write_bytes((tmp_path / name).read_text().encode("utf-16"))
    with pytest.raises(InputError, match=rf"{name} is in UTF-16: write it as UTF-8 \(iconv"):
        ingest(shop(tmp_path, name), date(2024, 1, 1))


def test_braces_stand_for_alternatives_and_for_themselves(tmp_path: Path) -> None:
    touch(tmp_path, "web/a.csv", "app/a.csv", "till/a.csv", "web/a.csv.gz", "{web,app}/a.csv", "{web}/a.csv")
    assert [n for n, _ in found(tmp_path, "{web,app}/a.csv")] == ["app/a.csv", "web/a.csv", "{web,app}/a.csv"]
    assert [n for n, _ in found(tmp_path, "{we{b,x},ti*}/a.csv{,.gz}")] == ["till/a.csv", "web/a.csv", "web/a.csv.gz"]
    assert [n for n, _ in found(tmp_path, "{web}/a.csv")] == ["{web}/a.csv"]
    assert [n for n, _ in found(tmp_path, "{web,app/a.csv")] == []
    assert logs.format_of(InputFiles(files="log.{csv,csv.gz}", sql="x")) == "csv"


def test_dates_may_stand_in_braces_and_braces_in_a_name_with_a_date(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "web-2024-02-29.csv",
        "app-20240229.csv",
        "app-2024-02-29.csv",
        "app-20240302.csv",
        "{a,b}-2024-02-29.csv",
    )
    assert found(tmp_path, "{web-{year}-{month}-{day},app-{year}{month}{day}}.csv", NIGHT) == [
        ("app-20240229.csv", NIGHT), ("web-2024-02-29.csv", NIGHT),
    ]  # fmt: skip
    assert found(tmp_path, "{a,b}-{year}-{month}-{day}.csv", NIGHT) == [("{a,b}-2024-02-29.csv", NIGHT)]
    for daily in ("{web,app}-{year}-{month}-{day}.csv", "{{year}/,}{month}-{day}.csv"):
        assert InputFiles(files=daily, sql="x").daily


def test_braces_do_not_lead_out_of_the_folder_nor_stand_for_any_number_of_names(tmp_path: Path) -> None:
    for files, words in (("{/etc,logs}/*.csv", "relative to"), ("{a,b}" * 12 + ".csv", "more than 1,000 names")):
        with pytest.raises(InputError, match=words):
            configuration.load(overrides={"folder": tmp_path, "ingest": {"events": {"files": files, "sql": "x"}}})


def test_a_catalogue_with_braces_in_its_name_needs_no_arrival(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", [row("u1", "a", AT)])
    write(tmp_path / "items{1,2}.csv", [row("", "a", AT)])
    items = {"files": "items{1,2}.csv", "sql": "items.sql"}
    (tmp_path / "items.sql").write_text("select item as item_id, item as title, _file from raw")
    folder = ingest(shop(tmp_path, "log.csv", ingest={"items": items}), NIGHT)
    assert [r["title"] for r in rows_of(folder, "items")] == ["a"]


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
@pytest.mark.parametrize(
    ("name", "packed", "words"),
    [
        ("log.{}.2.xz", lzma.compress, "is packed with xz, which is not read: pack it with gzip"),
        ("log.{}.2.bz2", bz2.compress, "is packed with bzip2, which is not read: pack it with gzip"),
        ("log.{}.2.GZ", gzip.compress, r"is packed with gzip, as its name does not say: let it end in \.gz"),
        ("log.{}.gz.2", gzip.compress, r"is packed with gzip, as its name does not say: let it end in \.gz"),
    ],
)
def test_a_file_that_is_packed_as_its_name_does_not_say(
    tmp_path: Path, ending: str, name: str, packed: Callable[[bytes], bytes], words: str
) -> None:
    """Beside others that are read, so that few of all lines would be refused and nobody would miss a day."""
    files = {"files": f"log.{ending}*", "format": ending, "sql": "events.sql"}
    config = shop(tmp_path, ingest={"events": files, "max_reject_share": 1})
    write(tmp_path / f"log.{ending}", [row("u", "i", "2024-01-02 10:00:00")])
    content = (tmp_path / f"log.{ending}").read_bytes()
    (tmp_path / name.format(ending)).write_bytes(packed(content))
    with pytest.raises(InputError, match=rf"{name.format(ending)} {words}"):
        ingest(config, date(2024, 1, 2))
