"""What a night sees: what had arrived, whenever it is built, and however often."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.features import read
from pipeline.ground import artifacts
from pipeline.sources.configuration import FullConfig
from tests.features.made_up import NIGHT, OVERLAPPING, Event, build, config_at, event, number, write_lake
from tests.tiny_log import digests


def test_what_arrives_later_moves_no_byte_of_an_earlier_night(
    made: tuple[Path, FullConfig, list[Event]], tmp_path: Path
) -> None:
    folder, _, events = made
    config = config_at(tmp_path, **OVERLAPPING)
    planted = [event(10_000, "u1", "i1", number(NIGHT) - 30, arrived=number(NIGHT) + 1)]
    planted += [event(10_001 + n, "u0", f"planted{n}", number(NIGHT) + 1 + n) for n in range(3)]
    write_lake(config, events + planted, until=NIGHT + timedelta(days=3))
    assert digests(build(config)) == digests(folder)


@pytest.mark.slow
def test_a_late_event_changes_later_nights_only(made: tuple[Path, FullConfig, list[Event]], tmp_path: Path) -> None:
    _, _, events = made
    late = event(10_000, "u1", "i1", number(NIGHT) - 30, arrived=number(NIGHT) + 1)
    with_it, without = config_at(tmp_path / "with"), config_at(tmp_path / "without")
    nights = [NIGHT + timedelta(days=n) for n in range(3)]
    write_lake(with_it, [*events, late], until=nights[-1])
    write_lake(without, events, until=nights[-1])
    same = [digests(build(with_it, night)) == digests(build(without, night)) for night in nights]
    assert same == [True, False, False]
    # the next night has the same anchor; label windows see the event when the anchor moves past its arrival
    assert with_it.anchor(nights[0]) == with_it.anchor(nights[1]) < nights[0] < with_it.anchor(nights[2])
    for night in nights[1:]:
        for cutoff in read.read_cutoffs(artifacts.stage_dir(with_it.lake, "features", night)):
            other = artifacts.stage_dir(without.lake, "features", night) / cutoff.part / "interactions.parquet"
            seen = artifacts.file_sha256(cutoff.folder / "interactions.parquet") != artifacts.file_sha256(other)
            assert seen == (cutoff.role == "run" or night == nights[2])


def test_nights_that_were_never_ingested_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = config_at(tmp_path)
    write_lake(config, [], until=NIGHT)
    build(config)
    assert "was ever ingested" not in caplog.text
    for days_before in (1, 2):
        shutil.rmtree(artifacts.stage_dir(config.lake, "ingest", NIGHT - timedelta(days=days_before)))
    folder = build(config)
    assert artifacts.read_manifest(folder)["report"]["missing_nights"] == 2
    assert f"run --run-date {NIGHT - timedelta(days=2)}..{NIGHT - timedelta(days=1)} --stages ingest" in caplog.text


def test_a_linked_cutoff_is_what_it_would_be_made_anew(
    made: tuple[Path, FullConfig, list[Event]], tmp_path: Path
) -> None:
    _, _, events = made
    once, twice = config_at(tmp_path / "once"), config_at(tmp_path / "twice")
    following = NIGHT + timedelta(days=1)
    for config in (once, twice):
        write_lake(config, events, until=following)
    build(twice, NIGHT)
    linked = artifacts.read_manifest(build(twice, following))["report"]["cutoffs_made"]
    fresh = artifacts.read_manifest(build(once, following))["report"]["cutoffs_made"]
    assert (linked, fresh) == (1, 4)
    folders = [artifacts.stage_dir(config.lake, "features", following) for config in (once, twice)]
    assert digests(folders[0]) == digests(folders[1])


def test_the_same_bytes_with_another_number_of_threads(
    made: tuple[Path, FullConfig, list[Event]], tmp_path: Path
) -> None:
    folder, _, events = made
    config = config_at(tmp_path, threads=1, **OVERLAPPING)
    write_lake(config, events)
    assert digests(build(config)) == digests(folder)
