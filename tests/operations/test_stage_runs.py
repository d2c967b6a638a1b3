"""What two nights took, in the databases that they are published to, against their manifests read by plain Python."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.operations import stages
from pipeline.operations.load_history import load_history
from pipeline.publication import publish, remembered
from pipeline.published.histories import STAGE_RUNS
from pipeline.sources.configuration import FullConfig
from tests.lineage import shop
from tests.published.targets.runs import Shop, make

NIGHT, BEFORE = shop.NIGHT, shop.NIGHT - timedelta(days=1)
COLUMNS = "run_id, stage, seconds, peak_memory_mb, written_mb, rows, parts, linked_parts, engine, threads"


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> FullConfig:
    """Two nights, published to DuckDB."""
    config = shop.write(tmp_path_factory.mktemp("nights") / "shop")
    load_history(config, BEFORE - timedelta(days=1))
    for night in (BEFORE, NIGHT):
        stages.run(night, config)
    return config


def manifests(config: FullConfig, night: Any) -> dict[str, dict[str, Any]]:
    """Those of the stages that had something to do, by stage."""
    found = {}
    for path in config.lake.glob(f"*/run_date={night}/manifest.json"):
        manifest = json.loads(path.read_text())
        if manifest["report"].get("enabled") is not False:
            found[path.parent.parent.name] = manifest
    return found


def by_hand(config: FullConfig, night: Any, *without: str) -> list[tuple[Any, ...]]:
    found = manifests(config, night)
    run_id = found["publish"]["report"]["run_id"]
    rows = []
    for stage, one in sorted(found.items()):
        rows_of = [entry["rows"] for name, entry in one["files"].items() if name.endswith(".parquet")]
        written = sum(entry["bytes"] for entry in one["files"].values()) / 1024 / 1024
        counts = (one["peak_memory_mb"], np.float32(written), np.float32(sum(rows_of)), len(one["parts"]))
        also = (len(one["linked"]) if "linked" in one else None, "local", one["config"]["threads"])
        rows.append((run_id, stage, np.float32(one["seconds"]), *counts, *also))
    return [row for row in rows if row[1] not in without]


def seen(reader: Shop) -> list[tuple[Any, ...]]:
    rows = reader.query(f"select {COLUMNS} from stage_runs order by run_id, stage")
    return [tuple(np.float32(one) if isinstance(one, float) else one for one in row) for row in rows]


def test_every_stage_of_both_nights_has_its_row(nights: FullConfig) -> None:
    wanted = [*by_hand(nights, BEFORE), *by_hand(nights, NIGHT, "publish")]
    assert {"ingest", "features", "als", "fusion", "ensemble", "outcomes", "evaluate"} <= {row[1] for row in wanted}
    assert seen(Shop("duckdb", nights, nights.home)) == wanted
    # cut-offs of the night before are linked, tonight's are made
    (linked,) = [row[7] for row in wanted if row[:2] == (wanted[-1][0], "features")]
    report = manifests(nights, NIGHT)["features"]["report"]
    assert linked == report["cutoffs"] - report["cutoffs_made"] > 0


def test_times_change_no_byte_and_no_id_of_a_run(nights: FullConfig) -> None:
    before, folder = publish.active_run(nights), nights.lake / "publish" / f"run_date={NIGHT}"
    assert before is not None
    files = {path.name: path.read_bytes() for path in before.folder.iterdir()}
    content = {path.name: path.read_bytes() for path in folder.glob("*.parquet")}
    path = nights.lake / "als" / f"run_date={NIGHT}" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"seconds": 4321.5, "peak_memory_mb": 7}))
    stages.run_stage("publish", NIGHT, nights, force=True)
    after = publish.active_run(nights)
    assert after == before
    assert {path.name: path.read_bytes() for path in after.folder.iterdir()} == files
    assert {path.name: path.read_bytes() for path in folder.glob("*.parquet")} == content
    (row,) = [row for row in seen(Shop("duckdb", nights, nights.home)) if row[:2] == (before.run_id, "als")]
    assert row[2:4] == (4321.5, 7)


def test_postgresql_has_the_same(
    nights: FullConfig, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = make("postgres", tmp_path, request, monkeypatch)
    section = nights.publish.model_copy(update={"target": "postgres"})
    config = nights.model_copy(update={"publish": section})
    for night in (BEFORE, NIGHT):
        stages.run_stage("publish", night, config)
    # of NIGHT both publications are told of: the one to DuckDB before, whose manifest is there
    wanted = [*by_hand(nights, BEFORE), *by_hand(nights, NIGHT, "publish")]
    assert [row for row in seen(reader) if row[:2] != (wanted[-1][0], "publish")] == wanted


def test_files_of_hundreds_of_millions_of_rows_have_a_row() -> None:
    files = {f"{name}.parquet": {"bytes": 2**30, "rows": 165_700_897} for name in "ab"}
    manifest = {"stage": "features", "seconds": 1.0, "peak_memory_mb": 1, "files": files, "config": {"threads": 2}}
    row = remembered._row("2011-10-02-aaaaaaaa", manifest)
    (made,) = pa.Table.from_pylist([row], schema=STAGE_RUNS.schema).to_pylist()
    assert made["rows"] == pytest.approx(331_401_794, rel=1e-6)
