"""A stage that is begun, made in shards and ended writes the bytes of one that runs in one piece, whatever dies."""

import itertools
import multiprocessing
import os
import random
import shutil
import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.engine import shards
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import handed, in_shards, stages
from pipeline.publication.tables.recommendations import Listed
from pipeline.ranking.fusion import Ranked
from pipeline.ranking.merged import Merged
from pipeline.sources.configuration import FullConfig
from tests.blocks_of_users import NIGHT, differing, hashes, read

Night = tuple[FullConfig, dict[str, str]]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """The night in one piece, up to its lists."""
    config = read(tmp_path_factory.mktemp("shop"))
    stages.run(NIGHT, config, itertools.takewhile(lambda stage: stage != "evaluate", stages.of(config)))
    return config, hashes(config, "fusion", "ensemble")


@pytest.fixture(scope="module")
def begun_once(once: Night, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `begin` leaves of fusion for two shards; nobody writes to it."""
    config = once[0].model_copy(update={"shards": 2})
    in_shards.begin("fusion", NIGHT, config, force=True)
    return shutil.copytree(place(config), tmp_path_factory.mktemp("begun") / "fusion")


@pytest.fixture
def night(once: Night) -> Night:
    """The night whose shared stages are to be made again."""
    config, _ = once
    for stage in in_shards.SHARED:
        shutil.rmtree(config.lake / stage, ignore_errors=True)
    return once


@pytest.fixture
def begun(night: Night, begun_once: Path) -> Night:
    """The night whose fusion was begun for two shards."""
    config = night[0].model_copy(update={"shards": 2})
    shutil.copytree(begun_once, place(config))
    return config, night[1]


def place(config: FullConfig) -> Path:
    """Where the begun fusion is."""
    return handed.place(artifacts.stage_dir(config.lake, "fusion", NIGHT))


def shown(config: FullConfig) -> dict[str, set[tuple[str, str]]]:
    """Who is shown what in the first five places, by surface."""
    table = pq.read_table(artifacts.stage_dir(config.lake, "publish", NIGHT) / "recommendations.parquet")
    found: dict[str, set[tuple[str, str]]] = {}
    for surface, user, item, rank in zip(
        *(table.column(name).to_pylist() for name in ("surface", "user_id", "item_id", "rank")), strict=True
    ):
        if rank <= 5:
            found.setdefault(surface, set()).add((user, item))
    return found


def in_parts(stage: str, config: FullConfig) -> None:
    """The stage in as many shards as the configuration says, in any order."""
    numbers = in_shards.begin(stage, NIGHT, config)
    random.Random(stage).shuffle(numbers)
    for number in numbers:
        in_shards.make(stage, NIGHT, config, number)
    in_shards.end(stage, NIGHT, config)


def nobody_makes(patch: pytest.MonkeyPatch) -> None:
    """Fail whoever makes a block from now on."""
    for work in (Ranked, Merged, Listed):
        patch.setattr(work, "open", lambda *_: pytest.fail("a shard had made this"))


def left(config: FullConfig) -> list[str]:
    """What is beside the nights but locks."""
    return [path.name for stage in in_shards.SHARED for path in (config.lake / stage).glob(".*") if path.is_dir()]


@pytest.mark.parametrize("number", [2, pytest.param(7, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_any_number_of_shards_writes_the_same_bytes(once: Night, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    config, _ = once
    stages.run(NIGHT, config)
    lists = shown(config)
    assert lists["mixed"] != lists["for_you"], "what looks at everybody's lists has something to do"
    expected = hashes(config, *in_shards.SHARED)
    for stage in in_shards.SHARED:
        shutil.rmtree(config.lake / stage)
    config = config.model_copy(update={"shards": number})
    for stage in in_shards.SHARED:
        numbers = in_shards.begin(stage, NIGHT, config)
        assert numbers == list(range(number))
        for shard in random.Random(1).sample(numbers, number):
            in_shards.make(stage, NIGHT, config, shard)
        with monkeypatch.context() as patch:
            nobody_makes(patch)
            in_shards.end(stage, NIGHT, config)
    assert differing(hashes(config, *in_shards.SHARED), expected) == []
    assert left(config) == []


def test_a_shard_makes_its_share_and_no_more(night: Night) -> None:
    config, _ = night
    config = config.model_copy(update={"shards": 3})
    in_shards.begin("fusion", NIGHT, config)
    begun = place(config)
    counts = []
    for shard in range(3):
        before = len(list((begun / "parts").glob("*.json")))
        in_shards.make("fusion", NIGHT, config, shard)
        counts.append(len(list((begun / "parts").glob("*.json"))) - before)
    assert counts == [2, 2, 2]  # of 90 users in blocks of 16
    in_shards.make("fusion", NIGHT, config, 1)  # again: nothing is left to do
    assert len(list((begun / "parts").glob("part-*"))) == 6


def test_a_stage_in_shards_says_what_was_waited_for(begun: Night) -> None:
    config, _ = begun
    first = artifacts.read_manifest(place(config))["seconds"]
    for shard in (0, 1):
        in_shards.make("fusion", NIGHT, config, shard)
    handed.note(place(config), 1, 5000.0)
    assert handed.spent(place(config)) == first + 5000
    assert in_shards.end("fusion", NIGHT, config)["seconds"] >= first + 5000


def die_in_the_middle(config: FullConfig) -> None:
    """Make a shard, and be killed when its second task would be written."""
    written = []

    def write(*given: object) -> object:
        if written:
            os.kill(os.getpid(), signal.SIGKILL)
        written.append(given)
        return wrote(*given)

    wrote, shards.write_part = shards.write_part, write  # type: ignore[assignment, arg-type]
    in_shards.make("fusion", NIGHT, config, 0)


def test_a_shard_that_was_killed_goes_on_where_it_was(begun: Night) -> None:
    config, expected = begun
    victim = multiprocessing.get_context("spawn").Process(target=die_in_the_middle, args=(config,))
    victim.start()
    victim.join()
    assert victim.exitcode == -signal.SIGKILL
    (first,) = (place(config) / "parts").glob("*.json")
    made_at = first.stat().st_mtime_ns
    for shard in (0, 1):
        in_shards.make("fusion", NIGHT, config, shard)
    assert first.stat().st_mtime_ns == made_at
    in_shards.end("fusion", NIGHT, config)
    mine = {name: one for name, one in expected.items() if name.startswith("fusion/")}
    assert differing(hashes(config, "fusion"), mine) == []
    assert left(config) == []


def test_what_is_missing_or_damaged_is_made_by_who_puts_together(
    begun: Night, caplog: pytest.LogCaptureFixture
) -> None:
    config, expected = begun
    in_parts("fusion", config)
    in_shards.begin("ensemble", NIGHT, config)
    for shard in (0, 1):
        in_shards.make("ensemble", NIGHT, config, shard)
    parts = handed.place(artifacts.stage_dir(config.lake, "ensemble", NIGHT)) / "parts"
    records, made = sorted(parts.glob("*.json")), sorted(parts.glob("part-*"))
    records[0].unlink()
    records[1].write_text("{", encoding="utf-8")
    made[-1].write_bytes(made[-1].read_bytes()[:-1] + b"x")
    caplog.clear()
    in_shards.end("ensemble", NIGHT, config)
    assert sum("not made by a shard, or" in line for line in caplog.messages) == 3
    mine = {name: one for name, one in expected.items() if name.startswith("ensemble/")}
    assert differing(hashes(config, "ensemble"), mine) == []


def test_what_was_begun_with_other_settings_is_not_gone_on_with(begun: Night) -> None:
    config, expected = begun
    other = config.model_copy(update={"seed": 5})
    with pytest.raises(InputError, match="clear fusion_begin"):
        in_shards.make("fusion", NIGHT, other, 0)
    stages.run_stage("fusion", NIGHT, config)  # in one piece, as by hand: what was begun goes
    mine = {name: one for name, one in expected.items() if name.startswith("fusion/")}
    assert differing(hashes(config, "fusion"), mine) == []
    assert left(config) == []


def test_a_stage_that_is_up_to_date_has_no_shards_unless_it_is_forced(begun: Night) -> None:
    config, _ = begun
    in_parts("fusion", config)
    assert in_shards.begin("fusion", NIGHT, config) == []
    in_shards.make("fusion", NIGHT, config, 0)  # cleared by mistake: nothing to do
    assert in_shards.end("fusion", NIGHT, config)["skipped"]
    assert in_shards.begin("fusion", NIGHT, config, force=True) == [0, 1]
    assert left(config) == [f".run_date={NIGHT}.shards"]


def test_a_stage_that_is_begun_twice_keeps_what_shards_have_made(begun: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    config, _ = begun
    in_shards.make("fusion", NIGHT, config, 0)
    with monkeypatch.context() as patch:
        patch.setattr(stages, "call", lambda *_: pytest.fail("it was begun"))
        assert in_shards.begin("fusion", NIGHT, config.model_copy(update={"shards": 3})) == [0, 1]
    in_shards.make("fusion", NIGHT, config, 1)
    nobody_makes(monkeypatch)
    in_shards.end("fusion", NIGHT, config)


def test_another_number_of_shards_than_it_was_begun_for_changes_nothing(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, _ = night
    numbers = in_shards.begin("fusion", NIGHT, config.model_copy(update={"shards": 3}))
    for shard in numbers:
        in_shards.make("fusion", NIGHT, config.model_copy(update={"shards": 5}), shard)
    nobody_makes(monkeypatch)
    in_shards.end("fusion", NIGHT, config)


def test_a_home_in_an_object_store_has_no_folder_to_share(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    config, _ = night
    monkeypatch.setattr(in_shards.homes, "mirror_of", lambda home: home)
    in_shards.require_folder(config)
    with pytest.raises(InputError, match=r"object store.*set shards = 1"):
        in_shards.begin("fusion", NIGHT, config.model_copy(update={"shards": 2}))
