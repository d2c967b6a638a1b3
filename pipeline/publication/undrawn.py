"""What a surface would show everybody without chance and without an experiment, kept beside what it does show.

A later night is compared with the table that was in use, see pipeline.judging.champion. Where some of its slots are
drawn, or some of its users are shown what an experiment tries, it is beaten the more easily for that, and not because
tonight's models are better. Of a surface that draws slots, or whose lists arms divide, a file stands beside the
published tables, kept and dropped with its run:

    <publish>/undrawn.<surface>.parquet    ROWS, by user_id, then rank; without what editors pinned
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.engine import Arrays, Bound, Work, map_works
from pipeline.publication import arms, parquet
from pipeline.publication.candidates import Candidates
from pipeline.publication.maker import Maker
from pipeline.publication.night import Night
from pipeline.publication.surfaces import OwnHistory

FILE = "undrawn.{}.parquet"
ROWS = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
    ]
)


def write(out: Path, night: Night) -> None:
    """Write FILE of every surface whose published lists are others.

    Args:
        out: tonight's folder.
        night: tonight.
    """
    experiment, _ = arms.of_night(night)
    surfaces = [
        surface
        for surface in sorted(night.config.surfaces, key=lambda one: one.name)
        if surface.allot is None  # its lists are those of a whole table, that no user's stand for
        and (surface.explore is not None or (experiment is not None and len(arms.variants(experiment, surface)) > 1))
    ]
    if not surfaces:
        return
    targets, history = night.cutoff.targets(), OwnHistory.read(night.cutoff)
    rows = pc.sort_indices(night.users.column("user_id").take(pa.array(targets))).to_numpy()

    def works() -> Iterator[tuple[str, Work]]:
        for surface in surfaces:
            plain = surface.model_copy(update={"explore": None})
            maker = Maker.of(night, plain, Candidates.read(night, plain, len(targets)), history)
            yield f"undrawn {surface.name}", Undrawn(Bound(Plain, {"maker": maker, "rows": rows, "targets": targets}))

    made = map_works(works(), len(targets), night.config, night.scratch, shared=True)
    for surface, pieces in zip(surfaces, made, strict=True):
        _write(out / FILE.format(surface.name), (arrays for _, arrays in pieces), night)


def _write(path: Path, pieces: Iterator[Arrays], night: Night) -> None:
    user_ids, item_ids = night.users.column("user_id"), night.items.column("item_id")
    with parquet.Writer(path, ROWS) as writer:
        for user, rank, item in pieces:
            ids = user_ids.take(pa.array(user)), item_ids.take(pa.array(item))
            writer.add(pa.table([ids[0], rank, ids[1]], schema=ROWS))


@dataclass(frozen=True)
class Plain:
    """A surface's maker and whom it makes lists for, in the order of the table.

    Attributes:
        maker: of the lists.
        rows: [T] which row of the candidates comes when.
        targets: [T] user index of each row of the candidates.
    """

    maker: Maker
    rows: np.ndarray
    targets: np.ndarray

    def lists(self, block: slice) -> Arrays:
        """User index, rank and item index of each row of a block's lists."""
        rows = np.asarray(self.rows[block])
        users = np.asarray(self.targets[rows])
        items = self.maker.undrawn(rows, users)
        row, column = np.nonzero((items >= 0) & ~self.maker.editing.pinned[items])
        return users[row], (column + 1).astype(np.int32), items[row, column]


@dataclass(frozen=True)
class Undrawn(Work):
    """Makes one surface's lists of blocks of users.

    Attributes:
        plain: what makes them.
    """

    plain: Bound[Plain]

    def share(self, folder: Path) -> Self:
        """See Work.share: all that the maker knows."""
        return replace(self, plain=self.plain.share(folder))

    def open(self, threads: int) -> Callable[[slice], Arrays]:
        """A function of a block, see Plain.lists."""
        return self.plain.call().lists
