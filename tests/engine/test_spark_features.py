"""The features stage on Spark gives the files of the one on DuckDB: rows, their order, and their bits."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.engine import spark
from pipeline.features import trends
from pipeline.ground import artifacts
from pipeline.operations import stages
from pipeline.privacy import noise
from pipeline.sources.configuration import FullConfig
from tests.engine import whole_shop
from tests.engine.cluster import require_spark

pytestmark = pytest.mark.slow
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # a JVM of many small statements compiles more than it works
SPARK = {
    "engine": "spark",
    "spark": {
        "master": "local[2]",
        "partitions": 2,
        "sql_from_events": 0,
        "conf": {"spark.driver.extraJavaOptions": QUICK},
    },
}
NOISED = {"privacy": {"epsilon_queries": 900, "epsilon_budget": 1000, "contributions": 3}}
"""So little that hardly more than two people have to ask."""
TODAYS = "cutoff=2024-03-01"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The last night's folders of both engines, from one lake."""
    require_spark()
    local, on_spark = (whole_shop.config_of(tmp_path_factory.mktemp(name), **NOISED) for name in ("local", "spark[1]"))
    whole_shop.write(local)
    shutil.copytree(local.lake / "ingest", on_spark.lake / "ingest")
    there = whole_shop.config_of(on_spark.home, **SPARK, **NOISED)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(noise.VARIABLE, "a secret that is long enough")
        patched.setattr(trends, "SHORT_LIVED_HOURS", 1000)  # the shop's items live for weeks
        yield build(local), build(there)
    spark.session(there).stop()


def build(config: FullConfig) -> Path:
    stages.run_stage("features", whole_shop.NIGHTS[-1], config)
    return artifacts.stage_dir(config.lake, "features", whole_shop.NIGHTS[-1])


def tables(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*.parquet"))}


def test_the_shop_has_everything(made: tuple[Path, Path]) -> None:
    """Or the comparison would be of nothing."""
    rows = {name: pq.read_metadata(path).num_rows for name, path in tables(made[0]).items()}
    filled = {name.rpartition("/")[2] for name, count in rows.items() if count}
    assert filled == {name.rpartition("/")[2] for name in rows}
    for name in (
        "ratings",
        "days",
        "disliked",
        "offers",
        "links",
        "user_attributes",
        "item_attributes",
        "eligible",
        "trends",
        "lately",
        "shown",
    ):
        assert rows[f"{TODAYS}/{name}.parquet"]
    said = pq.read_table(made[0] / "searches.parquet").to_pylist()
    assert any(row["asked_again"] for row in said)
    assert any(row["asked_instead"] for row in said)
    assert {"labels.parquet", "coupons-labels.parquet", "fresh-labels.parquet"} <= filled


def test_every_file_is_the_same_on_both_engines(made: tuple[Path, Path]) -> None:
    local, on_spark = map(tables, made)
    assert list(local) == list(on_spark)
    unlike = [name for name, path in local.items() if path.read_bytes() != on_spark[name].read_bytes()]
    assert not unlike, pq.read_table(local[unlike[0]]).to_pylist()[:5]


def test_nothing_of_spark_is_left_in_the_folder(made: tuple[Path, Path]) -> None:
    assert {path.name for path in made[1].iterdir()} == {path.name for path in made[0].iterdir()}
