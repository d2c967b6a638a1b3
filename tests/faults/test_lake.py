"""The lake's disk is full, or may not be written: the error says where and what to do, and nothing half-made stays."""

import random
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipeline.__main__ import main
from pipeline.ground import artifacts, resources
from pipeline.ground.errors import PipelineError, ResourceError
from pipeline.operations import load_history, stages
from pipeline.sources.configuration import FullConfig
from tests.faults import disks
from tests.tiny_log import ingest as ingest_night
from tests.tiny_log import row, shop, write

MONDAY, TUESDAY = date(2024, 1, 1), date(2024, 1, 2)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of two nights whose events take about 1.5 MiB each: ids that do not compress."""
    folder, rng = tmp_path_factory.mktemp("logs"), random.Random(0)
    rows = [
        row(f"u{rng.getrandbits(64):x}", f"i{rng.getrandbits(64):x}", f"2024-01-0{1 + n % 2} 10:00:{n % 60:02}")
        for n in range(60_000)
    ]
    write(folder / "log.csv", rows)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB, which a test can enlarge."""
    with disks.small_disk(tmp_path / "home", 64):
        yield tmp_path / "home"


def leftovers(config: FullConfig) -> list[str]:
    """What is in the lake beside whole partitions, locks and empty folders."""
    files = [path for path in config.lake.rglob("*") if path.is_file() and not path.name.endswith(".lock")]
    whole = [path for path in files if artifacts.is_finished(path.parent) or artifacts.is_finished(path.parent.parent)]
    return [str(path.relative_to(config.lake)) for path in files if path not in whole]


def ran(config: FullConfig, stage: Callable[[], object], home: Path, sizes: range) -> list[str]:
    """Run on ever larger disks until it works; what was said until then."""
    said = []
    for kib in sizes:
        disks.resize(home, kib)
        try:
            stage()
        except ResourceError as error:
            said.append(str(error))
            assert leftovers(config) == []
            continue
        return said
    raise AssertionError(f"never worked: {said}")


@pytest.mark.slow
def test_a_full_disk_stops_ingest_and_features_and_leaves_nothing_half_written(logs: Path, home: Path) -> None:
    settings = shop(logs, "log.csv", home=home, memory_limit_mb=256)
    said = ran(settings, lambda: ingest_night(settings, MONDAY), home, range(400, 8000, 1500))
    assert said
    assert all(f"ingest {MONDAY}: the disk of {settings.lake / 'ingest'} was full" in words for words in said)
    assert all("make room there, or set home to another disk" in words for words in said)
    free = shop(logs, "log.csv", home=logs / "home")
    load_history.load_history(free, MONDAY)
    folders = [artifacts.stage_dir(s.lake, "ingest", MONDAY) for s in (settings, free)]
    assert artifacts.content_hash(folders[0]) == artifacts.content_hash(folders[1]), "the rerun is right"

    def features(of: FullConfig) -> Path:
        stages.run_stage("features", MONDAY, of)
        return artifacts.stage_dir(of.lake, "features", MONDAY)

    used = sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) // 1024
    said = ran(settings, lambda: features(settings), home, range(used + 400, used + 12000, 2400))
    assert said
    assert all(f"features {MONDAY}: the disk of {settings.lake / 'features'} was full" in words for words in said)
    assert artifacts.content_hash(features(settings)) == artifacts.content_hash(features(free))


def test_a_full_disk_stops_load_history_between_whole_nights(logs: Path, home: Path) -> None:
    settings = shop(logs, "log.csv", home=home, memory_limit_mb=256)
    said = ran(settings, lambda: load_history.load_history(settings, TUESDAY), home, range(1000, 12000, 2500))
    assert said
    assert all("load-history: the disk of" in words for words in said)
    assert load_history.is_loaded(settings, TUESDAY)
    free = shop(logs, "log.csv", home=logs / "history")
    load_history.load_history(free, TUESDAY)
    for night in (MONDAY, TUESDAY):
        hashes = {artifacts.content_hash(artifacts.stage_dir(s.lake, "ingest", night)) for s in (settings, free)}
        assert len(hashes) == 1


def test_a_read_only_lake_is_said_and_works_again_when_writable(logs: Path, tmp_path: Path) -> None:
    settings = shop(logs, "log.csv", home=tmp_path / "home")
    ingest_night(settings, MONDAY)
    before = {path: path.read_bytes() for path in settings.lake.rglob("*") if path.is_file()}
    with disks.read_only(settings.home):
        for stage in (
            lambda: ingest_night(settings, TUESDAY),
            lambda: stages.run_stage("features", MONDAY, settings),
            lambda: load_history.load_history(settings, TUESDAY),
        ):
            with pytest.raises(ResourceError, match=r"home/.* is on a read-only file system: mount it writable"):
                stage()
        assert {path: path.read_bytes() for path in settings.lake.rglob("*") if path.is_file()} == before
    ingest_night(settings, TUESDAY)
    stages.run_stage("features", TUESDAY, settings)


def test_the_command_line_says_it_without_a_traceback(
    logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop(logs, "log.csv")
    (logs / "pipeline.toml").write_text('[ingest.events]\nfiles = "log.csv"\nsql = "events.sql"\n')
    monkeypatch.setenv("NIGHTJAR_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    with disks.read_only(tmp_path / "home"):
        arguments = ["--config", str(logs / "pipeline.toml"), "run", "--run-date", "2024-01-01", "--stages", "ingest"]
        assert main(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("ResourceError: ingest 2024-01-01: ")
    assert "Traceback" not in said


class Full(OSError):
    """As a library's own class would be."""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "was full"),
        (OSError(122, "Disk quota exceeded"), "was full"),
        (RuntimeError("[enforce fail at inline_container.cc] No space left on device"), "was full"),
        (PermissionError(13, "Permission denied", "/lake/als"), "/lake/als is forbidden to this user"),
        (FileNotFoundError(2, "No such file", "/lake/als/x.npy"), "/lake/als/x.npy is gone"),
        (Full(5, "Input/output error"), "cannot be read or written"),
        (OSError(24, "Too many open files"), "files, which are too few"),
        (duckdb.IOException('IO Error: Cannot open file "x": Too many open files'), "files, which are too few"),
        (OSError(12, "Cannot allocate memory"), "memory is not enough"),
        (MemoryError(), r"memory is not enough \(MemoryError\): give the machine more"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"), "not enough"),
        (RuntimeError("std::bad_alloc"), "memory is not enough"),
        (duckdb.OutOfMemoryException("Out of Memory Error: failed to pin block"), "raise memory_limit_mb"),
        (RuntimeError("can't start new thread"), "no more threads or processes are allowed"),
        (RuntimeError("(sqlite3.OperationalError) attempt to write a readonly database"), "cannot be written"),
    ],
)
def test_what_the_system_refuses_is_said(tmp_path: Path, error: Exception, words: str) -> None:
    with (
        pytest.raises(ResourceError, match=f"als 2024-01-01: .*{words}"),
        resources.required("als 2024-01-01", tmp_path),
    ):
        raise error


@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError(), ValueError("x"), PipelineError("x")])
def test_what_may_come_back_or_is_no_ones_fault_passes(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)) as raised, resources.required("als", tmp_path):
        raise error
    assert raised.value is error
