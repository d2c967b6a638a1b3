"""The typed reader of what the features stage wrote: one `Cutoff` per point in time at which models are fitted."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.arrays.blocks import indptr_of
from pipeline.ground import lists, schemas
from pipeline.ground.errors import InputError
from pipeline.settings.sections.base import Decay

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def read_table(path: Path, schema: pa.Schema, columns: list[str] | None = None) -> pa.Table:
    # read_table would import pandas
    with _explained(path), pq.ParquetFile(path, memory_map=True) as file:
        return file.read(columns or schema.names)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn a missing or damaged file into an error that says what to do."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: run stage 'features' first") from None
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} is damaged ({error}): run stage 'features' again with --force") from None


@dataclass(frozen=True)
class Cutoff:
    """What was known at the end of one day.

    Attributes:
        cutoff: the day.
        role: "run" (tonight, no labels) or "label" (its label window is complete).
        users: U, how many user indices were known.
        items: I, how many item indices were known.
        folder: features/.../cutoff=YYYY-MM-DD.
        repeats: whether users come back to an item, as far as was known then; where nobody does (films, news), what a
            user has had is no candidate in any pool.
    """

    cutoff: date
    role: str
    users: int
    items: int
    folder: Path
    repeats: bool = True

    def interactions(self, columns: list[str] | None = None) -> pa.Table:
        """One row per (user, item) with a positive history, sorted by user_index, item_index."""
        return read_table(self.folder / "interactions.parquet", schemas.INTERACTIONS, columns)

    def matrix(self, values: Decay | Literal["spent"] = "confidence") -> "csr_matrix":
        """[U, I] CSR float32 of one column of the interactions, NaN where it is not known."""
        from scipy.sparse import csr_matrix

        with self.history(["user_index", "item_index", values]) as history:
            items, weights = np.empty(history.rows, np.int32), np.empty(history.rows, np.float32)
            counts, start = np.zeros(self.users, dtype=np.int64), 0
            for table in history.groups():
                counts += np.bincount(table.column(0).to_numpy(), minlength=self.users)
                items[start : start + len(table)] = table.column(1).to_numpy()
                weights[start : start + len(table)] = table.column(2).to_numpy()
                start += len(table)
        return csr_matrix((weights, items, indptr_of(counts)), shape=(self.users, self.items))

    def history(self, columns: list[str]) -> "History":
        """The interactions, to be read a part at a time."""
        return History(self.folder / "interactions.parquet", columns)

    def targets(self) -> np.ndarray:
        """[T] int32 user indices the lists of this cut-off are made for, ascending."""
        return np.asarray(read_table(self.folder / "targets.parquet", schemas.TARGETS).column(0).to_numpy())

    @property
    def untouched(self) -> bool:
        """Whether nobody had ever done anything, so that all that is known is the catalogue."""
        return bool(self.item_stats().column("first_age").null_count == self.items)

    def assortments(self) -> dict[str, np.ndarray | None]:
        """Which items each assortment held on that day: bool [I] by its name; None: all."""
        path = self.folder / "eligible.parquet"
        if not path.is_file():
            return {lists.EVERYTHING: None}
        with _explained(path), pq.ParquetFile(path) as file:
            table = file.read()
        return {name: table.column(name).to_numpy() for name in table.column_names}

    def eligible(self, pool: lists.Pool) -> np.ndarray | None:
        """Which items the lists of a pool may hold: bool [I]; None: all."""
        return self.assortments()[lists.assortment_of(pool)]

    def labels(self, pool: lists.Pool = "all", *, sampled: bool = True) -> pa.Table:
        """What users acted on in the label window and counts in a pool: user_index, item_index, count, is_new.

        Args:
            pool: of `new` only what was new to the user; of an assortment only its items and goal.
            sampled: only what the targets acted on, who are a sample of a large shop's users; else everybody's.
        """
        if self.role != "label":
            raise InputError(f"{self.folder} has no labels: its window has not passed yet")
        of = lists.assortment_of(pool)
        labels = read_table(self.folder / lists.file_of(of, "labels.parquet"), schemas.LABELS)
        if lists.kind_of(pool) == "new":
            labels = labels.filter(labels.column("is_new"))
        if not sampled or not len(labels):
            return labels
        targets, owner = self.targets(), labels.column("user_index").to_numpy()
        theirs = targets[np.minimum(np.searchsorted(targets, owner), len(targets) - 1)] == owner
        return labels if theirs.all() else labels.filter(pa.array(theirs))

    def ratings(self) -> pa.Table:
        """One row per (user, item) whose events had a value, sorted by user_index, item_index; often empty."""
        return read_table(self.folder / "ratings.parquet", schemas.RATINGS)

    def item_stats(self) -> pa.Table:
        """[I] rows, row i is item i."""
        return read_table(self.folder / "item_stats.parquet", schemas.ITEM_STATS)

    def disliked(self) -> "csr_matrix":
        """[U, I] CSR float32, 1 where what the user did hides an item (sql/features/disliked.sql): on no list."""
        from scipy.sparse import csr_matrix

        table = read_table(self.folder / "disliked.parquet", schemas.DISLIKED)
        users, items = (table.column(name).to_numpy() for name in ("user_index", "item_index"))
        counts = np.bincount(users, minlength=self.users)
        return csr_matrix((np.ones(len(users), np.float32), items, indptr_of(counts)), shape=(self.users, self.items))

    def offers(self) -> pa.Table | None:
        """Who had been offered what: schemas.OFFERS; None: no log names offers."""
        path = self.folder / "offers.parquet"
        return read_table(path, schemas.OFFERS) if path.is_file() else None

    def user_attributes(self) -> pa.Table | None:
        """What was known of the users then: schemas.USER_ATTRIBUTES, sorted by both; None: nothing was."""
        path = self.folder / "user_attributes.parquet"
        return read_table(path, schemas.USER_ATTRIBUTES) if path.is_file() else None

    def item_attributes(self) -> pa.Table | None:
        """What was known of the items then: schemas.ITEM_ATTRIBUTES, sorted by both; None: nothing was."""
        path = self.folder / "item_attributes.parquet"
        return read_table(path, schemas.ITEM_ATTRIBUTES) if path.is_file() else None

    def links(self) -> "csr_matrix | None":
        """[I, I] CSR float32, 1 where the row's item belongs to the column's; None: no log names links."""
        from scipy.sparse import csr_matrix

        path = self.folder / "links.parquet"
        if not path.is_file():
            return None
        rows, columns = (column.to_numpy() for column in read_table(path, schemas.LINKS).columns)
        return csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(self.items, self.items))

    def trends(self) -> pa.Table:
        """[I] rows, row i is item i: what was done with it lately, hour by hour, and its category as known then."""
        return read_table(self.folder / "trends.parquet", schemas.TRENDS)

    def user_stats(self) -> pa.Table:
        """[U] rows, row u is user u."""
        return read_table(self.folder / "user_stats.parquet", schemas.USER_STATS)

    def dir_in(self, stage: Path) -> Path:
        """This cut-off's folder inside another stage's folder."""
        return lists.cutoff_dir(stage, self.cutoff)

    @property
    def part(self) -> str:
        """The name of this cut-off's sub-folder."""
        return f"cutoff={self.cutoff.isoformat()}"


class History:
    """Columns of a cut-off's interactions, read a row group at a time: what is asked for, never all of it.

    Args:
        path: interactions.parquet, sorted by user_index.
        columns: of schemas.INTERACTIONS; user_index is the first.
    """

    def __init__(self, path: Path, columns: list[str]) -> None:
        self._columns = columns
        with _explained(path):
            self._file = pq.ParquetFile(path, memory_map=True)
        self.rows: int = self._file.metadata.num_rows
        groups = [self._file.metadata.row_group(g) for g in range(self._file.num_row_groups)]
        spans = [group.column(0).statistics for group in groups if group.num_rows]
        self._least = np.array([span.min for span in spans], dtype=np.int64)
        self._most = np.array([span.max for span in spans], dtype=np.int64)
        self._read: dict[int, pa.Table] = {}

    def groups(self) -> Iterator[pa.Table]:
        """All rows, in order."""
        return (self._file.read_row_group(g, self._columns) for g in range(self._file.num_row_groups))

    def of(self, users: np.ndarray) -> pa.Table:
        """The rows of some users (ascending indices), sorted by user and item.

        The row groups read for one block are kept for the next, which begins in the last of them.
        """
        first, last = (users[0], users[-1]) if len(users) else (0, -1)
        wanted = np.flatnonzero((self._least <= last) & (self._most >= first)).tolist()
        self._read = {g: self._read.get(g) or self._file.read_row_group(g, self._columns) for g in wanted}
        parts = [self._of(table, users) for table in self._read.values()]
        return pa.concat_tables(parts) if parts else self._file.schema_arrow.empty_table().select(self._columns)

    def among(self, users: np.ndarray) -> pa.Table:
        """`of` for users who are few of all: every row group is read and none kept."""
        parts = [self._of(table, users) for table in self.groups()]
        return pa.concat_tables(parts) if parts else self.of(users[:0])

    @staticmethod
    def _of(table: pa.Table, users: np.ndarray) -> pa.Table:
        if not len(users):
            return table.slice(0, 0)
        start, stop = np.searchsorted(table.column(0).to_numpy(), [users[0], users[-1] + 1]).tolist()
        table = table.slice(start, stop - start)
        owner = table.column(0).to_numpy()
        mine = users[np.minimum(np.searchsorted(users, owner), len(users) - 1)] == owner
        return table if mine.all() else table.filter(pa.array(mine))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def rows_matrix(table: pa.Table, values: np.ndarray, users: np.ndarray, width: int) -> "csr_matrix":
    """[B, I] CSR float32, row b is user users[b].

    Args:
        table: the users' rows of the interactions, with user_index and item_index, as `History.of` gives them.
        values: [N] one value per row of the table.
        users: [B] ascending indices.
        width: I, how many items there are.
    """
    from scipy.sparse import csr_matrix

    owner, items = (table.column(name).to_numpy() for name in ("user_index", "item_index"))
    counts = np.searchsorted(owner, users, side="right") - np.searchsorted(owner, users)
    return csr_matrix((values.astype(np.float32), items, indptr_of(counts)), shape=(len(users), width))


def read_cutoffs(features: Path) -> list[Cutoff]:
    """All cut-offs of a run: tonight first, then the label cut-offs, newest first."""
    rows = read_table(features / "cutoffs.parquet", schemas.CUTOFFS).to_pylist()
    found = [Cutoff(**row, folder=lists.cutoff_dir(features, row["cutoff"])) for row in rows]
    return sorted(found, key=lambda c: (c.role != "run", -c.cutoff.toordinal()))


def read_items(features: Path, columns: list[str] | None = None) -> pa.Table:
    """Every known item, row i is item i; with the declared attributes as further columns, unless some are named."""
    path = features / "items.parquet"
    with _explained(path):
        return read_table(path, schemas.ITEMS, columns or pq.read_schema(path).names)


def read_users(features: Path) -> pa.Table:
    """Every known user, row u is user u."""
    return read_table(features / "users.parquet", schemas.USERS)


def read_actions(features: Path) -> pa.Table:
    """What the language model is fine-tuned on, sorted by user and day."""
    return read_table(features / "actions.parquet", schemas.ACTIONS)


def read_queries(features: Path, name: str = "queries") -> pa.Table:
    """What people acted on after frequent queries; "tuning_queries": the same as of the day of tuning."""
    return read_table(features / f"{name}.parquet", schemas.QUERIES)


def choices(queries: pa.Table, items: int) -> "csr_matrix":
    """[Q, I] CSR float32: how many people chose item i after query q; items known later are left out."""
    from scipy.sparse import csr_matrix

    row, column, value = (queries.column(name).to_numpy() for name in ("query_index", "item_index", "clicks"))
    kept = (column < items) & (column >= 0)  # -1: nobody chose anything
    shape = (int(row.max(initial=-1)) + 1, items)
    return csr_matrix((value[kept].astype(np.float32), (row[kept], column[kept])), shape=shape)


def query_texts(queries: pa.Table) -> list[str]:
    """[Q] texts."""
    found: list[str] = (
        queries.group_by(["query_index", "query"]).aggregate([]).sort_by("query_index")["query"].to_pylist()
    )
    return found
