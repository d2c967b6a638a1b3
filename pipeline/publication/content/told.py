"""What the stage `content` says, as a night's publication reads it; of a shop that checks nothing, nothing."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.features.limits import LIMITED, Limits, One, together
from pipeline.features.offers import Never
from pipeline.ground import artifacts
from pipeline.publication.content import queue
from pipeline.settings.config import Config
from pipeline.settings.sections.content import ContentLimit
from pipeline.words import held

STAGE = "content"
Words = Mapping[str, Path]
"""The folders of the stages that not every shop has, by name."""


def held_items(words: Words, items: pa.Table) -> np.ndarray:
    """bool [I], items that are shown to nobody."""
    if STAGE not in words:
        return np.zeros(items.num_rows, dtype=bool)
    return held.flags(items.column("item_id"), held.ids(words[STAGE], "item"))


def limited(never: Never, words: Words, items: pa.Table, users: int, config: Config) -> Never:
    """Who may never be shown what, limits by what users are included.

    Args:
        never: without them.
        words: see above.
        items: schemas.ITEMS and the attributes.
        users: U.
        config: the limits, and what attributes are.
    """
    limits = config.content.limits
    if not limits or STAGE not in words:
        return never
    known = pq.read_table(words[STAGE] / "limited.parquet", schema=LIMITED)
    return replace(never, limits=together([_one(limit, known, items, users, config) for limit in limits]))


def _one(limit: ContentLimit, known: pa.Table, items: pa.Table, users: int, config: Config) -> One:
    kind = config.user_attributes[limit.user]
    mine = known.filter(pc.equal(known.column("name"), limit.user))
    said = mine.column({"word": "word", "number": "number", "date": "years"}[kind])
    of_users: np.ndarray = np.full(users, None, dtype=object)
    of_users[mine.column("user_index").to_numpy()] = said.to_numpy(zero_copy_only=False)
    asked = items.column(limit.item)
    if limit.rule == "among":
        return One(asked.to_numpy(zero_copy_only=False).astype(object), of_users, among=True)
    numbers = of_users.astype(np.float64)  # None is nan
    return One(asked.cast(pa.float64()).to_numpy(zero_copy_only=False), numbers, among=False)


def facts(limits: Limits | None) -> dict[str, pa.Table]:
    """What the check of the lists reads: limited_items, limited_users and the codes of both that go together."""
    if limits is None:
        nobody = np.zeros(0, dtype=np.int64)
        limits = Limits(nobody, nobody, np.zeros((0, 0), dtype=bool))
    item = np.flatnonzero(limits.limited)
    user_code, item_code = np.nonzero(limits.allowed)
    user = np.arange(len(limits.users), dtype=np.int32)
    return {
        "limited_items": pa.table({"item_index": item.astype(np.int32), "item_code": limits.items[item]}),
        "limited_users": pa.table({"user_index": user, "user_code": limits.users}),
        "limits_kept": pa.table({"user_code": user_code, "item_code": item_code}),
    }


def hand_on(words: Words, out: Path) -> None:
    """Put the review queue beside the tables of a run."""
    if STAGE in words:
        artifacts.link(words[STAGE] / queue.FILE, out / queue.FILE)


def why(words: Words, item_id: str) -> list[str]:
    """Which checks keep an item from everybody."""
    if STAGE not in words:
        return []
    found = pq.read_table(words[STAGE] / held.FILE, schema=held.FINDINGS)
    mine = pc.and_(pc.equal(found.column("subject"), "item"), found.column("is_held"))
    names: list[str] = found.filter(pc.and_(mine, pc.equal(found.column("id"), item_id))).column("check").to_pylist()
    return names
