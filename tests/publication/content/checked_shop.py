"""A small shop whose items and documents are checked: its ingest, the stage `content`, and its published night."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts
from pipeline.intake.inputs import DOCUMENTS, ITEMS, USERS
from pipeline.publication import publish
from pipeline.publication.content import content
from pipeline.settings.config import Config
from pipeline.settings.sections.content import Content
from pipeline.settings.sections.data import DescribedInputFiles, InputFiles
from tests import small_shop
from tests.small_shop import NIGHT, Shop

BEFORE = NIGHT - timedelta(days=1)
WRITTEN = datetime(NIGHT.year, NIGHT.month, NIGHT.day, tzinfo=UTC)


def document(name: str, text: str | None, **given: Any) -> dict[str, Any]:
    """A row of documents."""
    said = {"document_id": name, "text": text, "time": None if text is None else WRITTEN, "kind": "answer"}
    given |= {"labels": list(given.get("labels", {}).items()) or None}
    return dict.fromkeys(DOCUMENTS.schema.names) | said | given


def night_of(config: Config, night: date, **tables: list[dict[str, Any]]) -> Path:
    """Write a night's `ingest`: documents, items, users."""
    folder = artifacts.stage_dir(config.lake, "ingest", night)
    folder.mkdir(parents=True, exist_ok=True)
    for table in (DOCUMENTS, ITEMS, USERS):
        if rows := tables.get(table.name):
            loose = pa.schema([field.with_nullable(True) for field in table.schema])
            pq.write_table(pa.Table.from_pylist(rows, loose), table.path(folder))
    artifacts.write_manifest(
        folder, {"stage": "ingest", "run_date": night, "files": artifacts.describe(folder), "report": {}}
    )
    return folder


def shop(folder: Path, section: dict[str, Any], rules: list[str] | None = None, **changes: Any) -> Shop:
    """The small shop, with checks, and with editors' rules (CSV lines) where there are any."""
    made = small_shop.shop(folder / "home", **changes)
    given: dict[str, Any] = {"content": Content.model_validate(section), "folder": folder}
    publish_ = made.config.publish
    if rules is not None:
        head = "kind,surface,item_id,rank,factor,valid_from,valid_until,note"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rules.csv").write_text("\n".join([head, *rules]) + "\n")
        (folder / "rules.sql").write_text("select * from raw")
        publish_ = publish_.model_copy(update={"editorial": InputFiles(files="rules.csv", sql="rules.sql")})
    described = {
        "users": DescribedInputFiles(files="u", sql="u", attributes={"born": "date", "country": "word"}),
        "items": DescribedInputFiles(files="i", sql="i", attributes={"min_age": "number", "regions": "word"}),
    }
    ingest = made.config.ingest.model_copy(update=described)
    return replace(made, config=made.config.model_copy(update=given | {"publish": publish_, "ingest": ingest}))


def described(made: Shop, **columns: pa.Array) -> None:
    """Give the items attributes."""
    path = made.folder("features") / "items.parquet"
    table = pq.read_table(path)
    for name, values in columns.items():
        table = table.append_column(name, values)
    pq.write_table(table, path)


def check(made: Shop, night: date = NIGHT) -> Path:
    """Run the stage; its folder."""
    out = artifacts.stage_dir(made.config.lake, "content", night)
    out.mkdir(parents=True, exist_ok=True)
    report = content.run(
        ingest=artifacts.stage_dir(made.config.lake, "ingest", night),
        features=made.folder("features"),
        classify=made.folder("classify") if made.config.enabled("classify") else None,
        run_date=night,
        section=made.config.content,
        config=made.config,
        out=out,
    )
    about = {"stage": "content", "run_date": night, "files": artifacts.describe(out), "report": report}
    artifacts.write_manifest(out, about)
    return out


def go(made: Shop, folder: Path) -> dict[str, Any]:
    """Publish the night with what was found."""
    out = made.config.lake / "publish" / f".run_date={made.night}.partial"
    out.mkdir(parents=True, exist_ok=True)
    given = made.folders() | {"content": folder}
    return publish.run(**given, run_date=made.night, config=made.config, out=out)


def findings(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What was found, by id and check."""
    rows = pq.read_table(folder / "findings.parquet").to_pylist()
    return {(row["id"], row["check"]): row for row in rows}
