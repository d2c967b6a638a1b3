"""The tables of a stage on Spark: each is a folder of Parquet files in the stage's own, under a view of its name.

A table is written when it is made, so that no statement makes another's rows again, and a lost executor costs no more
than its tasks. Rows that grow with the log come back as sorted Parquet files, which the driver streams into one.
"""

import contextlib
import itertools
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.engine import dialect, ranges, spark, text_functions
from pipeline.engine.groups import ROW_GROUP, write_groups
from pipeline.ground import artifacts, sql
from pipeline.ground.errors import PipelineError, ResourceError
from pipeline.settings.config import Config

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NIGHT = f".*{artifacts.PARTITION}([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})"
_TYPES = {
    pa.string(): "string",
    pa.float64(): "double",
    pa.float32(): "float",
    pa.int64(): "bigint",
    pa.int32(): "int",
    pa.int16(): "smallint",
    pa.int8(): "tinyint",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us", tz="UTC"): "timestamp",
    pa.decimal128(38, 0): "decimal(38, 0)",
}


@contextlib.contextmanager
def spark_tables(config: Config, scratch: Path) -> Iterator["SparkTables"]:
    """Tables on the cluster of the configuration, in a folder that is removed again.

    Args:
        config: spark, timezone.
        scratch: an existing folder that all machines see under this name.
    Raises:
        InputError: PySpark is not installed.
        ResourceError: the cluster cannot be reached.
    """
    session = spark.session(config)
    text_functions.register(session)
    with tempfile.TemporaryDirectory(prefix=".tables-", dir=scratch) as folder:
        made = SparkTables(session, Path(folder))
        try:
            yield made
        finally:
            made.close()


class SparkTables:
    """`pipeline.engine.tables.Tables` in Spark.

    Args:
        session: with the functions of `text_functions`.
        folder: for the tables; all machines see it under this name.
    """

    def __init__(self, session: "SparkSession", folder: Path) -> None:
        self._session = session
        self._folder = folder
        self._numbers = itertools.count()
        self._macros: dict[str, dialect.Macro] = {}
        self._held: dict[str, Path | None] = {}

    def execute(self, name: str, **params: Any) -> list[tuple[Any, ...]]:
        """Run a file; the rows of its last statement."""
        if name != text_functions.MACROS:
            self._macros |= dialect.macros(name)
        rows: list[tuple[Any, ...]] = []
        for statement in dialect.statements(name, self._macros):
            with _explained(name):
                found = self._select(statement, params)
                if statement.makes is not None:
                    self._hold(statement.makes, self._written(found), found.schema)
                rows = [] if statement.makes is not None else [tuple(row) for row in found.collect()]
        return rows

    def query(
        self, name: str, schema: pa.Schema, relations: Mapping[str, pa.Table] | None = None, **params: Any
    ) -> pa.Table:
        """The rows of a file, cast to a schema."""
        with self._related(relations), _explained(name):
            table = self._only(name, params).toArrow()
        sql.require_columns(name, table.column_names, schema)
        return table.cast(schema)

    def write(
        self,
        path: Path,
        name: str,
        schema: pa.Schema,
        relations: Mapping[str, pa.Table] | None = None,
        **params: Any,
    ) -> None:
        """Write the rows of a file: the executors sort them into files, and the driver reads those, batch by batch."""
        with self._related(relations), _explained(name):
            found = self._only(name, params)
            sql.require_columns(name, found.columns, schema)
            parts = self._written(found)
        write_groups(path, schema, sql.in_groups(_batches(parts), schema, ROW_GROUP))
        shutil.rmtree(parts)

    def name(self, relation: str, *paths: Path) -> None:
        """Let statements select from Parquet files by a name."""
        self._hold(relation, None, _schema(paths), paths)

    def put(self, relation: str, table: pa.Table) -> None:
        """Make a table of rows that no statement gives."""
        folder = self._new()
        folder.mkdir()
        pq.write_table(table, folder / "rows.parquet")
        self._hold(relation, folder, _schema([folder / "rows.parquet"]))

    def close(self) -> None:
        """Forget all tables; their folder is the caller's."""
        for name in list(self._held):
            self._drop(name)

    def _only(self, name: str, params: Mapping[str, Any]) -> "DataFrame":
        (statement,) = dialect.statements(name, self._macros)
        return self._select(statement, params)

    def _select(self, statement: dialect.Statement, params: Mapping[str, Any]) -> "DataFrame":
        for read in statement.reads:
            paths = params[read.parameter]
            self._nights(paths, read).createOrReplaceTempView(read.view)
            self._held[read.view] = None
        given = ranges.everything(params)
        bound = {name: _bound(given[name]) for name in statement.parameters}
        return self._session.sql(statement.text, args=bound)

    @contextlib.contextmanager
    def _related(self, relations: Mapping[str, pa.Table] | None) -> Iterator[None]:
        """Tables that are there for one statement."""
        for relation, table in (relations or {}).items():
            self.put(relation, table)
        try:
            yield
        finally:
            for relation in relations or {}:
                self._drop(relation)

    def _new(self) -> Path:
        return self._folder / f"table-{next(self._numbers)}"

    def _written(self, rows: "DataFrame") -> Path:
        folder = self._new()
        rows.write.parquet(str(folder))
        return folder

    def _hold(self, name: str, folder: Path | None, schema: Any, paths: Sequence[Path] = ()) -> None:
        """Let a name stand for the rows of a folder, or of files of others; its last folder is removed."""
        self._files(paths if folder is None else [folder], schema).createOrReplaceTempView(name)
        before = self._held.get(name)
        self._held[name] = folder
        if before is not None:
            shutil.rmtree(before)

    def _drop(self, name: str) -> None:
        self._session.catalog.dropTempView(name)
        folder = self._held.pop(name)
        if folder is not None:
            shutil.rmtree(folder)

    def _files(self, paths: Sequence[Path], schema: Any) -> "DataFrame":
        """The rows of files and folders; the folders' names say nothing."""
        reader = self._session.read.schema(schema).option("recursiveFileLookup", "true")
        return reader.parquet(*map(_literal, paths))

    def _nights(self, paths: Sequence[Path], read: dialect.Read) -> "DataFrame":
        """The rows of nights' files, and the night as run_date; columns that some do not have are null there."""
        from pyspark.sql import functions as F

        found = self._files(paths, _schema(paths, read.also))
        night = F.regexp_extract(F.col("_metadata.file_path"), NIGHT, 1)
        more = [F.col("_metadata.row_index").alias("file_row_number")] if read.numbered else []
        return found.select("*", night.alias("run_date"), *more)


def _schema(paths: Sequence[Path], also: Mapping[str, str] | None = None) -> str:
    """The columns of Parquet files, as Spark says them: of all of them, and of further ones that none may have."""
    columns = pa.unify_schemas([pq.read_schema(path).remove_metadata() for path in paths])
    kinds = {column.name: _TYPES[column.type] for column in columns}
    return ", ".join(f"`{name}` {kind}" for name, kind in ((dict(also or {})) | kinds).items())


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    """Say which statement Spark gave up on, and why, in a line of the hundreds that it says."""
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise ResourceError(
            f"Spark gave up on sql/{name}.sql: {why}: see the executors' logs; more executor_memory or partitions help "
            "where a task was killed"
        ) from error


def _batches(folder: Path) -> Iterator[pa.RecordBatch]:
    """The rows that executors wrote, in the order of their files, whose names are numbered."""
    for part in sorted(folder.glob("part-*.parquet")):
        with pq.ParquetFile(part) as file:
            yield from file.iter_batches(ROW_GROUP)


def _bound(value: Any) -> Any:
    """A value as Spark binds it."""
    from pyspark.sql import functions as F

    return F.array(*map(F.lit, value)) if isinstance(value, list) else value


def _literal(path: Path) -> str:
    """A path as Spark must be given it, which takes a name with *, ?, [ or { for a pattern."""
    return re.sub(r"([\\*?\[\]{}])", r"\\\1", str(path))
