"""The documents that are known by a night, and the labels that they have: what arrived later is not read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ground import artifacts, sql
from pipeline.intake.inputs.documents import DOCUMENTS
from pipeline.settings.config import Config

SCHEMA = pa.schema(
    [
        pa.field("document_id", pa.string()),
        pa.field("text", pa.string()),
        pa.field("text_key", pa.string()),  # SHA-256 of the text
        pa.field("time", pa.timestamp("us", tz="UTC")),
        pa.field("author", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("thread_id", pa.string()),
        pa.field("text_since", pa.date32()),  # the first night by which the text was known
        pa.field("day", pa.int32()),  # since 1970-01-01, of the shop's time zone, on which it was written
        pa.field("language", pa.string()),  # as its row says it
        pa.field("authors", pa.list_(pa.string())),  # whom any of its rows names; `author` is the last of them
    ]
)
LABELS = pa.schema(
    [
        pa.field("document_id", pa.string()),
        pa.field("label_set", pa.string()),
        pa.field("label", pa.string()),
        pa.field("label_since", pa.date32()),  # the first night by which this label was known
    ]
)


def authors_of(tables: Iterable[pa.Table]) -> pa.Array:
    """[A] everybody whom a row of some documents names as author, for `forget`: a later row may name somebody else."""
    found = [chunk for table in tables for chunk in pc.list_flatten(table.column("authors")).chunks]
    return pc.unique(pa.chunked_array(found, pa.string())).sort()


@dataclass(frozen=True)
class Labelled:
    """The documents that have a label of one set, oldest first.

    Attributes:
        rows: [N] int64 rows of the documents.
        labels: [N] text.
        known: [N] datetime64[D] the first night by which both text and label were.
    """

    rows: np.ndarray
    labels: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class Documents:
    """The documents of a night.

    Attributes:
        table: SCHEMA, sorted by document_id.
        labels: LABELS.
    """

    table: pa.Table
    labels: pa.Table

    @classmethod
    def read(cls, night: date, config: Config, names: Sequence[str], since: date = date.min) -> "Documents":
        """Those that arrived by a night, of every finished night of `ingest` up to it, with the labels of some sets.

        Args:
            night: the last that counts.
            config: the lake, and the time zone of days.
            names: the label sets.
            since: only those whose text was not known by an earlier night.
        """
        folders = artifacts.partitions_until(config.lake, "ingest", night)
        files = [str(path) for path in map(DOCUMENTS.path, folders) if path.is_file()]
        if not files:
            return cls(SCHEMA.empty_table(), LABELS.empty_table())
        with sql.connect(config.threads, config.memory_limit_mb, timezone=config.timezone) as connection:
            table = sql.query(connection, "words/documents", SCHEMA, files=files, since=since)
            return cls(table, sql.query(connection, "words/labels", LABELS, files=files, names=list(names)))

    @property
    def since(self) -> np.ndarray:
        """[N] datetime64[D] the first night by which the text of each was known."""
        return _dates(self.table, "text_since")

    @property
    def days(self) -> np.ndarray:
        """[N] int64 the day on which each was written, since 1970-01-01."""
        return np.asarray(self.table.column("day").to_numpy(), dtype=np.int64)

    def column(self, name: str) -> np.ndarray:
        """A column as objects, null as None."""
        return np.array(self.table.column(name).to_pylist(), dtype=object)

    def of(self, name: str) -> Labelled:
        """Those that have a label of a set, by time and then by id."""
        mine = self.labels.filter(pc.equal(self.labels.column("label_set"), name))
        place = pc.index_in(mine.column("document_id"), self.table.column("document_id").combine_chunks())
        mine = mine.append_column("row", place).filter(pc.is_valid(place))
        rows = mine.column("row").to_numpy().astype(np.int64)
        times = self.table.column("time").cast(pa.int64()).to_numpy()[rows]
        order = np.lexsort([rows, times])
        labels = np.array(mine.column("label").to_pylist(), dtype=object)
        known = np.maximum(_dates(mine, "label_since"), self.since[rows])
        return Labelled(rows[order], labels[order], known[order])

    def lately(self, night: date, days: int, kinds: tuple[str, ...]) -> np.ndarray:
        """[N] rows of the documents of some kinds (none: all) that were written in the last days, in their order."""
        recent = self.days > night.toordinal() - date(1970, 1, 1).toordinal() - days
        if kinds:
            recent &= np.asarray(pc.is_in(self.table.column("kind"), value_set=pa.array(kinds)).to_numpy(), dtype=bool)
        return np.flatnonzero(recent)


def _dates(table: pa.Table, name: str) -> np.ndarray:
    """[N] datetime64[D] of a column."""
    return np.asarray(table.column(name).to_numpy().astype("datetime64[D]"))
