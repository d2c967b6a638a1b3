"""A home folder in which people are known everywhere they can be; tests of forgetting them."""

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts
from pipeline.operations import export
from pipeline.publication import publish
from pipeline.settings.sections.explanations import Explanations
from pipeline.settings.sections.publication import Surface
from pipeline.sources.configuration import FullConfig
from tests import small_shop, tiny_log
from tests.on_disk import everything_under
from tests.small_shop import NIGHT

GONE = "person-77"
ASKED = date(2011, 11, 1)
EARLIER = NIGHT - timedelta(days=1)
LOG = [
    tiny_log.row(GONE, "a", f"{EARLIER} 10:00:00"),
    tiny_log.row("person-7", "b", f"{EARLIER} 09:00:00"),
    tiny_log.row(GONE, None, f"{EARLIER} 11:00:00"),
    tiny_log.row("person-7", None, f"{EARLIER} 12:00:00"),
    tiny_log.row("person-7", "a", f"{NIGHT} 10:00:00"),
    tiny_log.row(GONE, "c", f"{NIGHT} 11:00:00"),
    tiny_log.row("person-778", GONE, f"{NIGHT} 12:00:00", "poke"),
    tiny_log.row("person-778", "c", f"{NIGHT} 12:00:00", "poke"),
]
ABOUT_PEOPLE = ("recommendations", "user_profiles", "explanations")
PEOPLE = [GONE, "person-7", "person-778"]


_made: dict[str, tuple[tempfile.TemporaryDirectory[str], FullConfig]] = {}
"""Homes that were made in this process, by what they were made with."""


def a_home(tmp_path: Path, *, surfaces: Sequence[Surface] = (), **settings: Any) -> FullConfig:
    """Two nights' partitions, one night's stages, its publication; and what killed processes left behind."""
    asked = repr((surfaces, sorted(settings.items())))
    if asked not in _made:
        folder = tempfile.TemporaryDirectory()
        _made[asked] = (folder, _a_home(Path(folder.name), surfaces, settings))
    folder, config = _made[asked]
    shutil.copytree(folder.name, tmp_path, symlinks=True, dirs_exist_ok=True)
    return config.model_copy(update={"home": tmp_path / "home", "folder": tmp_path / "shop"})


def _a_home(tmp_path: Path, surfaces: Sequence[Surface], settings: Mapping[str, Any]) -> FullConfig:
    tiny_log.write(tmp_path / "shop" / "log.csv", LOG)
    config = tiny_log.shop(
        tmp_path / "shop", "log.csv", ingest={"max_reject_share": 1} | dict(settings), home=tmp_path / "home"
    )
    for night in (EARLIER, NIGHT):
        tiny_log.ingest(config, night)
    shop = small_shop.shop(tmp_path / "home", user_ids=PEOPLE)
    shop.config = shop.config.model_copy(update={"explanations": Explanations(ranks=2)})
    if surfaces:
        shop.config = shop.config.model_copy(update={"surfaces": tuple(surfaces)})
    report = small_shop.go(shop.write())
    out = artifacts.stage_dir(config.lake, "publish", NIGHT)
    partial = out.with_name(f".{out.name}.partial")
    artifacts.write_manifest(partial, {"stage": "publish", "files": artifacts.describe(partial), "report": report})
    partial.rename(out)
    judged = pa.table({"user_id": PEOPLE, "item_id": ["i1", "i2", "i3"], "rank": [1, 1, 1]})
    evaluate = artifacts.stage_dir(config.lake, "evaluate", NIGHT)
    pq.write_table(judged, evaluate / "judged.all.parquet")
    artifacts.write_manifest(evaluate, artifacts.read_manifest(evaluate) | {"files": artifacts.describe(evaluate)})
    export.run(shop.config, "for_you", config.home / "exports" / f"run_date={NIGHT}" / "for_you.jsonl")
    blocked = config.home / "blocked" / f"run_date={EARLIER}"
    blocked.mkdir(parents=True)
    pq.write_table(judged, blocked / "per_user.parquet")
    for left in (config.lake / "als" / f".run_date={EARLIER}.partial", config.lake / ".spillx"):
        left.mkdir(parents=True)
        (left / "scratch").write_text(GONE)
    asked = {name: getattr(shop.config, name) for name in ("surfaces", "publish", "explanations")}
    return config.model_copy(update=asked)


def names_them(home: Path) -> list[bytes]:
    """Where the id stands by itself on disk, with what surrounds it."""
    return re.findall(rb".{0,40}person-77(?!8).{0,40}", everything_under(home))


def finished(config: FullConfig) -> dict[str, str]:
    """Digests of what is finished in the lake."""
    return {name: digest for name, digest in tiny_log.digests(config.lake).items() if "/run_date" in name}


def published(config: FullConfig) -> dict[str, Any]:
    """Every row that applications can read, of every run, and of the Parquet files beside."""
    found: dict[str, Any] = {}
    for run in publish.published_runs(config):
        with duckdb.connect(str(config.tables / "runs" / f"{run.run_id}.duckdb"), read_only=True) as connection:
            for table in (*ABOUT_PEOPLE, "similar_items", "popular_items", "runs"):
                found[f"{run.run_id} {table}"] = sorted(connection.table(table).to_arrow_table().to_pylist(), key=str)
                rows = pq.ParquetFile(run.folder / f"{table}.parquet").read().to_pylist()
                found[f"{run.run_id} {table} parquet"] = sorted(rows, key=str)
        for path in sorted(run.folder.glob("final.*.parquet")):
            found[f"{run.run_id} {path.stem}"] = pq.ParquetFile(path).read().to_pylist()
    return found
