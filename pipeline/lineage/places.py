"""What datasets are called: as OpenLineage's naming conventions have it, without anything that is secret.

    files and the lake     file, /shop/logs/{year}.csv      s3://bucket, path/of/it
    tables in DuckDB       duckdb:///home/tables/current.duckdb, current.main.current_recommendations
    tables in PostgreSQL   postgres://host:5432, database.schema.current_recommendations

A table of the lake is one dataset over all nights, so that `run_date=...` is no part of its name; nor are the names of
a year's log files, whose dataset is the shop's glob.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.ground import keeping
from pipeline.ground.errors import PublishError
from pipeline.published.targets import dsn
from pipeline.settings.config import Config
from pipeline.settings.sections.data import InputFiles
from pipeline.store import urls


@dataclass(frozen=True, order=True)
class Place:
    """A dataset's namespace and its name there."""

    namespace: str
    name: str


def of_lake(config: Config, stage: str, table: str) -> Place:
    """A stage's table, of all nights."""
    return _of_home(config, config.lake.relative_to(config.home) / stage / table)


def of_glob(config: Config, source: InputFiles, glob: str) -> Place:
    """The files that a glob of a source stands for."""
    if source.connection is not None:
        return _of_home(config, config.asked.relative_to(config.home) / glob)
    if urls.is_url(glob):
        found = urls.parse(glob)
        return _of_store(found.bucket, found.prefix)
    return Place("file", os.path.normpath(config.folder.absolute() / glob))  # as *, ** and {year} are no folders yet


def of_published(config: Config, table: str) -> Place:
    """A published table, or its view of the active run, where applications read it."""
    if config.publish.target == "postgres":
        return _of_postgres(config, table)
    file = _of_home(config, Path("tables") / "current.duckdb")
    where = file.name if file.namespace == "file" else f"{file.namespace}/{file.name}"
    return Place(f"duckdb://{where}", f"current.main.{table}")


def of_copies(config: Config, table: str) -> Place:
    """The Parquet copies of a published table, one of each run."""
    return _of_home(config, Path("tables") / "parquet" / table)


def _of_home(config: Config, path: Path) -> Place:
    if (keeper := keeping.keeper_of(config.home)) is not None:
        found = urls.parse(keeper.url)
        return _of_store(found.bucket, f"{found.prefix}/{path}".lstrip("/"))
    return Place("file", str(config.home.absolute() / path))


def _of_store(bucket: str, path: str) -> Place:
    return Place("file", f"/{path}") if bucket == "file://" else Place(bucket, path)


def _of_postgres(config: Config, table: str) -> Place:
    try:
        found = dsn.from_environment()
    except PublishError:  # said where it is needed; an event about that failure is to be sent all the same
        found = dsn.Settings(host="unknown", dbname="unknown")
    host, port = (found.get(name, default).split(",")[0] for name, default in (("host", ""), ("port", "5432")))
    named = "localhost" if not host or host.startswith("/") else host
    database = found.get("dbname") or found.get("user", "postgres")
    return Place(f"postgres://{named}:{port}", f"{database}.{config.publish.schema_name}.{table}")
