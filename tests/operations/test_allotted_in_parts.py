"""What is allotted is decided in one place, whoever makes the lists, and what they show explained alike: shards,
processes, blocks of any size."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.operations import in_shards, show, stages
from pipeline.settings.sections.explanations import Explanations
from pipeline.settings.sections.publication import Allot, Limit, Surface
from pipeline.sources.configuration import FullConfig
from tests.blocks_of_users import NIGHT, differing, hashes, read

pytestmark = pytest.mark.slow

ALLOT = Allot(limits=(Limit(most=100), Limit(by="item", most=5)))


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> FullConfig:
    """A night whose stages but the publication are made."""
    config = read(tmp_path_factory.mktemp("shop"))
    surfaces = (Surface(name="for_you", k=10), Surface(name="limited", k=3, allot=ALLOT))
    config = config.model_copy(update={"surfaces": surfaces, "explanations": Explanations(ranks=2)})
    stages.run(NIGHT, config)
    return config


def again(config: FullConfig) -> dict[str, str]:
    """The hashes of the publication, made in one piece."""
    stages.run_stage("publish", NIGHT, config, force=True)
    return hashes(config, "publish")


def rows(config: FullConfig) -> list[dict[str, object]]:
    path: Path = artifacts.stage_dir(config.lake, "publish", NIGHT) / "recommendations.parquet"
    return [{n: v for n, v in row.items() if n != "run_id"} for row in pq.read_table(path).to_pylist()]


def test_limits_hold_over_all_blocks(night: FullConfig) -> None:
    again(night)
    mine = [str(row["item_id"]) for row in rows(night) if row["surface"] == "limited"]
    assert len(mine) == 100
    assert max(map(mine.count, set(mine))) == 5


def test_status_says_what_the_limits_left(night: FullConfig) -> None:
    again(night)
    lines = show.status(night).splitlines()
    assert any(line.startswith("limits   limited: 100 rows for ") for line in lines)
    assert "         at most 100 rows, in all: 100 of 100 used, one more is worth" in "\n".join(lines)


def test_shards_and_processes_write_the_same_bytes(night: FullConfig) -> None:
    expected = again(night)
    assert differing(again(night.model_copy(update={"workers": 2})), expected) == []
    shared = night.model_copy(update={"shards": 3})
    numbers = in_shards.begin("publish", NIGHT, shared, force=True)
    for number in reversed(numbers):
        in_shards.make("publish", NIGHT, shared, number)
    in_shards.end("publish", NIGHT, shared, force=True)
    assert differing(hashes(shared, "publish"), expected) == []


def test_blocks_of_any_size_give_the_same_rows(night: FullConfig) -> None:
    again(night)
    expected = rows(night)
    for size in (1, 1000):
        other = night.model_copy(update={"block_users": size})
        again(other)
        assert rows(other) == expected
