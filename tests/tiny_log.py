"""A log with nothing but user, item, time and type, as a shop's first export would be; tests of the first stages."""

import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts
from pipeline.operations import stages
from pipeline.sources import configuration

MAPPING = """
select "user" as user_id, item as item_id, try_cast(ts as timestamp) as event_time, type as event_type, _file, _row
from raw
"""
ITEMS = "select item as item_id, upper(item) as title, try_cast(ts as timestamp) as arrived_at, _file from raw"

FEWEST = 5
"""As few label windows as the usual horizon's folds can learn from: half of the time that features take."""

Row = Mapping[str, Any]


def row(user: str | None, item: str | None, at: str, kind: str = "purchase") -> dict[str, Any]:
    """One line of the log."""
    return {"user": user, "item": item, "ts": at, "type": kind}


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write rows in the format that the file's name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = list(rows[0])
    kind = path.name.removesuffix(".gz").removesuffix(".zst").rsplit(".", 1)[1]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist([dict(r) for r in rows]), path)
        return
    if kind == "csv":
        lines = [",".join(names), *(",".join("" if r[n] is None else str(r[n]) for n in names) for r in rows)]
    else:
        lines = [json.dumps(dict(r)) for r in rows]
    content = ("\n".join(lines) + "\n").encode()
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    if path.suffix == ".zst":
        content = pa.Codec("zstd").compress(content, asbytes=True)
    path.write_bytes(content)


def shop(
    folder: Path, files: str = "log.jsonl", mapping: str = MAPPING, items: str | None = None, **over: Any
) -> configuration.FullConfig:
    """A configuration whose log is `files` in `folder`; `over` overrides, its keys may be sections' dicts."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "events.sql").write_text(mapping)
    ingest: dict[str, Any] = {"events": {"files": files, "sql": "events.sql"}} | over.pop("ingest", {})
    if items is not None:
        (folder / "items.sql").write_text(items)
        ingest["items"] = {"files": files, "sql": "items.sql"}
    said: dict[str, Any] = {"home": folder / "home", "folder": folder, "threads": 2, "memory_limit_mb": 512}
    if not {"profile", "horizon_days", "window_stride_days"} & over.keys():
        said["label_windows"] = FEWEST
    return configuration.FullConfig.model_validate(said | {"ingest": ingest} | over)


def ingest(shop: configuration.FullConfig, night: date) -> Path:
    """Run `ingest` for one night; its folder."""
    stages.run_stage("ingest", night, shop)
    return artifacts.stage_dir(shop.lake, "ingest", night)


def rows_of(folder: Path, table: str = "events") -> list[dict[str, Any]]:
    """The rows of one table of a stage's folder."""
    return pq.ParquetFile(folder / f"{table}.parquet").read().to_pylist()


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file but the manifest."""
    return {
        p.relative_to(folder).as_posix(): artifacts.file_sha256(p)
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != artifacts.MANIFEST
    }
