"""What the shop declares of users and items, as it was known at a cut-off: numbers and ages, words as codes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.features import given
from pipeline.features.events import Events, day_number
from pipeline.features.read import Cutoff
from pipeline.ground import artifacts, keeping, schemas
from pipeline.settings.config import Config
from pipeline.settings.sections.data import AttributeKind

VALUES = pa.schema(
    [
        pa.field("item_index", pa.int32()),
        pa.field("attribute", pa.string()),
        pa.field("word", pa.string()),
        pa.field("number", pa.float64()),
        pa.field("date", pa.date32()),
    ]
)
"""What was said of an item's attribute, as each of the kinds; null where it is none of it."""


def write(events: Events, folder: Path, row: dict[str, Any], config: Config) -> None:
    """Write what had been said of users and items by a cut-off, where anything was; nothing that was said later counts.

    Args:
        events: what had arrived; `interactions` are the cut-off's.
        folder: the cut-off's.
        row: of schemas.CUTOFFS.
        config: the attributes, and which words count.
    """
    known = {"known_by": row["cutoff"], "cutoff_day": day_number(row["cutoff"])}
    settings = {"min_users": config.features.word_min_users, "words": config.features.words}
    for name, schema, there, declared in (
        ("user_attributes", schemas.USER_ATTRIBUTES, events.has_user_attributes, config.user_attributes),
        ("item_attributes", schemas.ITEM_ATTRIBUTES, events.has_item_attributes, config.item_attributes),
    ):
        if there:
            relations = {"declared": given.declared(declared)}
            said = events.query(name, schema, relations, **row | known | settings)
            pq.write_table(said, folder / f"{name}.parquet", compression="zstd")


def with_columns(items: pa.Table, events: Events, config: Config, **heard: Any) -> pa.Table:
    """The items with a column for each attribute that the shop declares, null where nothing was said.

    Args:
        items: schemas.ITEMS, row i is item i.
        events: what had arrived.
        config: the attributes.
        heard: known_by, heard_by and else_later, as `pipeline.features.items.describe` means them.
    """
    said = events.query("item_values", VALUES, **heard) if events.has_item_attributes else VALUES.empty_table()
    for name, kind in config.item_attributes.items():
        mine = said.filter(pc.equal(said.column("attribute"), name))
        place = pc.index_in(items.column("item_index"), mine.column("item_index").combine_chunks())
        items = items.append_column(name, mine.column(kind).combine_chunks().take(place.combine_chunks()))
    return items


@dataclass(frozen=True)
class Words:
    """An attribute of a few values, of N users or items.

    Attributes:
        values: [V] the words, ascending.
        code: [N] int32, each one's place among them; -1: none.
    """

    values: tuple[str, ...]
    code: np.ndarray


@dataclass(frozen=True)
class Attributes:
    """What was known of N users or items at a cut-off: of all declared attributes, those too that nobody had.

    Attributes:
        numbers: [N] float32 by name, nan where unknown; of a date its age in days.
        words: by name.
    """

    numbers: dict[str, np.ndarray]
    words: dict[str, Words]

    @classmethod
    def of_users(cls, cutoff: Cutoff, config: Config) -> "Attributes":
        """Those of the users at a cut-off."""
        return cls._of(cutoff.user_attributes(), config.user_attributes, cutoff.users)

    @classmethod
    def of_items(cls, cutoff: Cutoff, config: Config) -> "Attributes":
        """Those of the items at a cut-off."""
        return cls._of(cutoff.item_attributes(), config.item_attributes, cutoff.items)

    @classmethod
    def _of(cls, table: pa.Table | None, declared: Mapping[str, AttributeKind], size: int) -> "Attributes":
        """Read schemas.USER_ATTRIBUTES or ITEM_ATTRIBUTES; None: nothing was known."""
        table = schemas.USER_ATTRIBUTES.empty_table() if table is None else table
        attribute = table.column(0).to_numpy(zero_copy_only=False)
        things, word, number = (table.column(place).combine_chunks() for place in (1, 2, 3))
        numbers, words = {}, {}
        for name, kind in declared.items():
            start, stop = np.searchsorted(attribute, [name, name + "\0"]).tolist()
            mine = things[start:stop].to_numpy()
            if kind == "word":
                said = word[start:stop].to_numpy(zero_copy_only=False).astype(str)
                values, code = np.unique(said, return_inverse=True)
                words[name] = Words(tuple(values.tolist()), _spread(mine, code, size, np.int32(-1)))
            else:
                known = number[start:stop].to_numpy(zero_copy_only=False).astype(np.float32)
                numbers[name] = _spread(mine, known, size, np.float32(np.nan))
        return cls(numbers, words)


def latest(config: Config, user_ids: Iterable[str], night: date) -> dict[str, str]:
    """What the logs had said last of a user by a night, by attribute; of users too who are known by nothing else.

    Args:
        config: the lake, and the attributes.
        user_ids: the spellings of the user's id, as the lake has them.
        night: the last one that counts.
    """
    found: dict[str, str] = {}
    mine = pc.field("user_id").isin(list(user_ids))
    for folder in reversed(artifacts.partitions_until(config.lake, "ingest", night)):
        path = folder / "users.parquet"
        keeping.fetch(folder, [path.name])
        if found.keys() >= config.user_attributes.keys():
            break
        if path.is_file():
            said = pq.read_table(path, columns=["name", "value"], filters=mine, partitioning=None).to_pylist()
            found = {one["name"]: one["value"] for one in said} | found
    return {name: found[name] for name in config.user_attributes if name in found}


def _spread(some: np.ndarray, values: np.ndarray, size: int, absent: np.generic) -> np.ndarray:
    """[N] the values of some users or items, and what stands for none."""
    found = np.full(size, absent)
    found[some] = values
    return found
