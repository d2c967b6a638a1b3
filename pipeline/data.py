"""The typed reader of what the features stage wrote: one `Cutoff` per point in time at which models are fitted."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import lists, schemas
from pipeline.errors import InputError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Decay = Literal["confidence", "count", "decay_7", "decay_30", "decay_90", "decay_365"]


def _read(path: Path, schema: pa.Schema, columns: list[str] | None = None) -> pa.Table:
    try:
        with pq.ParquetFile(path, memory_map=True) as file:  # read_table would import pandas
            table = file.read(columns or schema.names)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: run stage 'features' first") from None
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} is damaged ({error}): run stage 'features' again with --force") from None
    return table


@dataclass(frozen=True)
class Cutoff:
    """What was known at the end of one day.

    Attributes:
        cutoff: the day.
        role: "run" (tonight, no labels) or "label" (its label window is complete).
        users: U, how many user indices were known.
        items: I, how many item indices were known.
        folder: features/.../cutoff=YYYY-MM-DD.
    """

    cutoff: date
    role: str
    users: int
    items: int
    folder: Path

    def interactions(self, columns: list[str] | None = None) -> pa.Table:
        """One row per (user, item) with a positive history, sorted by user_index, item_index."""
        return _read(self.folder / "interactions.parquet", schemas.INTERACTIONS, columns)

    def matrix(self, values: Decay = "confidence") -> "csr_matrix":
        """[U, I] CSR float32 of one column of the interactions."""
        from scipy.sparse import csr_matrix

        table = self.interactions(["user_index", "item_index", values])
        users, items, weights = (table.column(i).to_numpy() for i in range(3))
        indptr = np.zeros(self.users + 1, dtype=np.int64)
        np.cumsum(np.bincount(users, minlength=self.users), out=indptr[1:])
        return csr_matrix((weights.astype(np.float32), items, indptr), shape=(self.users, self.items))

    def targets(self) -> np.ndarray:
        """[T] int32 user indices the lists of this cut-off are made for, ascending."""
        return np.asarray(_read(self.folder / "targets.parquet", schemas.TARGETS).column(0).to_numpy())

    def labels(self) -> pa.Table:
        """What the targets acted on in the label window: user_index, item_index, count, is_new."""
        if self.role != "label":
            raise InputError(f"{self.folder} has no labels: its window has not passed yet")
        return _read(self.folder / "labels.parquet", schemas.LABELS)

    def item_stats(self) -> pa.Table:
        """[I] rows, row i is item i."""
        return _read(self.folder / "item_stats.parquet", schemas.ITEM_STATS)

    def user_stats(self) -> pa.Table:
        """[U] rows, row u is user u."""
        return _read(self.folder / "user_stats.parquet", schemas.USER_STATS)

    def dir_in(self, stage: Path) -> Path:
        """This cut-off's folder inside another stage's folder."""
        return lists.cutoff_dir(stage, self.cutoff)

    @property
    def part(self) -> str:
        """The name of this cut-off's sub-folder."""
        return f"cutoff={self.cutoff.isoformat()}"


def read_cutoffs(features: Path) -> list[Cutoff]:
    """All cut-offs of a run: tonight first, then the label cut-offs, newest first."""
    rows = _read(features / "cutoffs.parquet", schemas.CUTOFFS).to_pylist()
    found = [Cutoff(**row, folder=lists.cutoff_dir(features, row["cutoff"])) for row in rows]
    return sorted(found, key=lambda c: (c.role != "run", -c.cutoff.toordinal()))


def read_items(features: Path, columns: list[str] | None = None) -> pa.Table:
    """Every known item, row i is item i."""
    return _read(features / "items.parquet", schemas.ITEMS, columns)


def read_users(features: Path) -> pa.Table:
    """Every known user, row u is user u."""
    return _read(features / "users.parquet", schemas.USERS)


def read_actions(features: Path) -> pa.Table:
    """What the language model is fine-tuned on, sorted by user and day."""
    return _read(features / "actions.parquet", schemas.ACTIONS)


def blocks(rows: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` rows that cover `rows`."""
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))
