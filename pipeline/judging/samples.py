"""Three users' lists, for people to look at: what they had, what they did last, and what tonight's lists give them.

Who they are depends on nothing but the night: of all users with a list, ordered by how many items they had, the one at
the top, the middle and the bottom of the nine tenths between the extremes. The page names none of them. Which user a
sample is of stays beside it, in samples.parquet, so that `forget` finds it and takes it out of the page.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ground import sql
from pipeline.publication.candidates import Candidates
from pipeline.publication.maker import Maker
from pipeline.publication.night import NAMES, Night
from pipeline.publication.surfaces import OwnHistory
from pipeline.publication.tables.recommendations import sentences
from pipeline.settings.config import Config
from pipeline.sources import Sources

SHARES = {"much": 0.95, "middling": 0.5, "little": 0.05}
"""Where in the order by history the samples stand."""
LAST, FIRST = 5, 10
"""How many items of a history, and of a list, are shown."""
TITLE = 80
"""Characters of a title that are shown."""
FILE = "samples.parquet"
SCHEMA = pa.schema([pa.field("sample", pa.int32(), nullable=False), pa.field("user_id", pa.string(), nullable=False)])
Rows = tuple[tuple[str, str], ...]
"""Titles (the id of an item without one), each with what is said of it."""


@dataclass(frozen=True)
class Sample:
    """One user's night.

    Attributes:
        number: from 1; marks the sample's places in the page.
        user_id: never shown.
        history: much, middling or little.
        things: how many items the user had.
        last: the newest of them, each with its day.
        lists: by surface, the first items, each with its reason.
    """

    number: int
    user_id: str
    history: str
    things: int
    last: Rows
    lists: Mapping[str, Rows] = field(default_factory=dict)


def take(
    upstream: tuple[Path, Sources, Path, Path],
    run_date: date,
    config: Config,
    out: Path,
    fallen: Collection[str] = (),
    *,
    content: Path | None = None,
) -> tuple[Sample, ...]:
    """The samples of a night, and their file; editors' rules are not applied.

    Args:
        upstream: the folders of features, of the sources, of ensemble and outcomes.
        run_date, config: tonight; evaluate.samples says whether there are any.
        out: gets samples.parquet, one row per sample.
        fallen: the pools whose lists are the baseline's.
        content: of a shop that checks some, what is held back.
    Raises:
        InputError: an upstream artifact breaks its contract.
    """
    words = {} if content is None or not config.enabled("content") else {"content": content}
    with sql.connect(config.threads, config.memory_limit_mb, timezone=config.timezone) as connection:
        night = Night(*upstream, out, run_date, "", config, connection, out, given_up=frozenset(fallen), words=words)
        targets = night.cutoff.targets() if config.evaluate.samples else np.zeros(0, dtype=np.int64)
        found = _samples(night, targets) if len(targets) else ()
    columns = {"sample": [sample.number for sample in found], "user_id": [sample.user_id for sample in found]}
    pq.write_table(pa.table(columns, schema=SCHEMA), out / FILE)
    return found


def numbers(path: Path, user_ids: Collection[str]) -> list[int]:
    """The samples that are of somebody, of a night's samples.parquet."""
    rows = pq.read_table(path, schema=SCHEMA).to_pylist()
    return [row["sample"] for row in rows if row["user_id"] in user_ids]


def _samples(night: Night, targets: np.ndarray) -> tuple[Sample, ...]:
    history = OwnHistory.read(night.cutoff)
    counts = np.diff(history.indptr)[targets]
    ids = night.users.column("user_id").take(pa.array(targets))
    chosen = chosen_rows(counts, ids)
    lists = _lists(night, history, targets, np.array(list(chosen.values())))
    return tuple(
        Sample(
            number=number,
            user_id=(user_id := ids[row].as_py()),
            history=name,
            things=int(counts[row]),
            last=_last(night, history, int(targets[row])),
            lists={surface: rows[user_id] for surface, rows in lists.items() if user_id in rows},
        )
        for number, (name, row) in enumerate(chosen.items(), start=1)
    )


def chosen_rows(counts: np.ndarray, ids: pa.ChunkedArray) -> dict[str, int]:
    """Which users are shown, by how much history they have; of fewer than three users each once.

    Args:
        counts: [T] items that each had.
        ids: [T] their ids, which decide between equals.
    """
    by_id = np.empty(len(counts), dtype=np.int64)
    by_id[pc.sort_indices(ids).to_numpy()] = np.arange(len(counts))
    order = np.lexsort([by_id, counts])
    found = {name: int(order[round(share * (len(order) - 1))]) for name, share in SHARES.items()}
    return {name: row for name, row in found.items() if row not in list(found.values())[: list(found).index(name)]}


def _last(night: Night, history: OwnHistory, user: int) -> Rows:
    """What a user did last, newest first."""
    rows = np.arange(history.indptr[user], history.indptr[user + 1])
    newest = rows[np.argsort(history.last_age[rows], kind="stable")[:LAST]]
    days = [night.run_date - timedelta(days=round(float(age))) for age in history.last_age[newest]]
    return tuple(zip(_titles(night, history.items[newest]), (f"{d.day} {d:%b %Y}" for d in days), strict=True))


def _lists(night: Night, history: OwnHistory, targets: np.ndarray, rows: np.ndarray) -> dict[str, dict[str, Rows]]:
    """The first items of some targets on every surface, by surface and user_id.

    Which items are similar to which is looked up for those on the lists alone, so the lists are made twice.
    """
    nothing = replace(night, asked=np.zeros(night.items.num_rows, dtype=bool))
    listed = [made["item"] for _, made in _made(nothing, history, targets, rows).values()]
    asked = np.zeros(night.items.num_rows, dtype=bool)
    asked[np.concatenate(listed)] = True
    given = replace(night, asked=asked)
    found: dict[str, dict[str, Rows]] = {}
    for name, (labels, made) in _made(given, history, targets, rows).items():
        surface = next(surface for surface in night.config.surfaces if surface.name == name)
        table = sentences(given, surface, labels, made)
        titles = _titles(night, made["item"])
        by_user: dict[str, Rows] = {}
        columns = (table.column(column).to_pylist() for column in ("user_id", "reason"))
        for user_id, reason, title in zip(*columns, titles, strict=True):
            by_user[user_id] = (*by_user.get(user_id, ()), (title, reason))[:FIRST]
        found[name] = by_user
    return found


def _made(
    night: Night, history: OwnHistory, targets: np.ndarray, rows: np.ndarray
) -> dict[str, tuple[list[str], dict[str, np.ndarray]]]:
    """By surface the sources' names and the lists of some targets, as pipeline.publication.maker gives them."""
    found = {}
    for surface in night.config.surfaces:
        candidates = Candidates.read(night, surface, len(targets))
        maker = Maker.of(night, surface, candidates, history)
        found[surface.name] = (candidates.labels, maker.lists(rows, targets[rows]))
    return found


def _titles(night: Night, items: np.ndarray) -> list[str]:
    """What people call the items; the id of one without a title."""
    wanted = night.items.select(["item_index", "item_id", "title"]).take(pa.array(items))
    numbered = wanted.set_column(0, "item_index", pa.array(range(len(items)), pa.int32()))  # an item can be there twice
    names = sql.query(night.connection, "publish/names", NAMES, {"items": numbered}, length=TITLE)
    return list(pc.coalesce(names.column("name"), wanted.column("item_id")).to_pylist())
