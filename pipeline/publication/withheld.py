"""What drawn slots could have shown and, by chance, did or did not: the record of a trial that every night is.

Of a surface whose `explore.record` is above 0, a file beside the published tables, kept and dropped with its run:

    <publish>/withheld.<surface>.parquet    SCHEMA, one row per user and item that the slots were drawn among

An item is treated where it stands in the published list; whether an application showed it is in no file of a night. A
pair that is certain to stand in the list, or certain not to, is no part of the trial and has no row: what ranks that
are not drawn show, pins, what a rule forbids, a variant of what stands above.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipeline.publication import parquet
from pipeline.publication.added import BEFORE, Before
from pipeline.publication.listing import Among

if TYPE_CHECKING:
    from pipeline.publication.night import Night

FILE = "withheld.{}.parquet"
"""Beside the published tables: SCHEMA of a surface, by user_id, then place."""
SCHEMA = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("chance", pa.float64(), nullable=False),  # of standing in the published list, over all draws
        pa.field("is_listed", pa.bool_(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),  # the ranker's, as it would be published
        pa.field("place", pa.int16(), nullable=False),  # among what was drawn among, from 1
        pa.field("acted", pa.float32(), nullable=False),  # what was known of the pair before, see added.Before
        pa.field("times", pa.int16(), nullable=False),
        pa.field("age", pa.float32()),
        pa.field("items", pa.int32(), nullable=False),
        pa.field("idle", pa.float32()),
    ]
)
USER = "withheld_user"
COLUMNS = (USER, *(f"withheld_{name}" for name in ("item", "chance", "listed", "score", "place", *BEFORE)))
_TYPES = (np.int64, np.int64, *(field.type.to_pandas_dtype() for field in list(SCHEMA)[2:]))
Known = Callable[[np.ndarray, np.ndarray], Before]
"""What is known before of pairs (place in the block, item)."""


def columns(among: Among | None, users: np.ndarray, known: Known) -> dict[str, np.ndarray]:
    """COLUMNS of a block of users [B], one element per pair of the trial, by user as given, then place."""
    if among is None or not len(among.rows):
        return {name: np.zeros(0, kind) for name, kind in zip(COLUMNS, _TYPES, strict=True)}
    row, column = np.nonzero(among.open)
    place = np.cumsum(among.open, axis=1)[row, column]
    item, chance, listed, score = (a[row, column] for a in (among.items, among.chance, among.listed, among.scores))
    before = known(among.rows[row], item)
    found = (users[among.rows[row]], item, chance, listed, score, place, *(getattr(before, n) for n in BEFORE))
    return {name: values.astype(kind) for name, kind, values in zip(COLUMNS, _TYPES, found, strict=True)}


def kept(pieces: Iterable[Mapping[str, np.ndarray]], night: "Night", surface: str) -> Iterator[dict[str, np.ndarray]]:
    """The pieces without COLUMNS, which are written to FILE of the surface as they pass."""
    user_ids, item_ids = night.users.column("user_id"), night.items.column("item_id")
    with parquet.Writer(night.scratch / FILE.format(surface), SCHEMA) as writer:
        for piece in pieces:
            user, item, *values = (piece[name] for name in COLUMNS)
            ids = user_ids.take(pa.array(user)), item_ids.take(pa.array(item))
            given = (pa.array(one, from_pandas=True) for one in values)  # nan: never
            writer.add(pa.table([*ids, *given], schema=SCHEMA))
            yield {name: values for name, values in piece.items() if name not in COLUMNS}
