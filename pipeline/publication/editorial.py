"""What editors decide: pins, blocks and boosts, kept in a table of theirs, each for the days it names.

    kind    | item_id is ...
    pin     | at `rank` of the surface, for everybody who may be shown it there
    block   | never on the surface; blocked on all of them, in no published table at all
    boost   | ranked as if its place in a user's list were divided by `factor`: with 2, the tenth stands at five
    allow   | shown whatever content checks say (pipeline.publication.content)

allow_document and block_document say the same of a document, whose id stands in `item_id`.

A rule without a surface is for all of them. It holds for a night if the day its tables are for, the next one, lies
between `valid_from` and `valid_until`, both included; an absent end is open. So a night run again years later obeys the
rules of its day, as far as the editors keep old rules in their table.
"""

import logging
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa

from pipeline.ground import artifacts, confinement, sql
from pipeline.ground.errors import InputError
from pipeline.intake import logs, mapping
from pipeline.intake.inputs import EDITORIAL
from pipeline.intake.mapping import map_raw, running
from pipeline.publication.surfaces import TOPPED_UP, Block
from pipeline.settings.config import Config
from pipeline.settings.sections.data import InputFiles

log = logging.getLogger(__name__)

PIN = "editor:pin"
"""The source of a pinned row, as sql/publish/reasons.sql writes it."""
SHOWN = 5
"""Faults that a message quotes."""
READ = pa.schema([*EDITORIAL.schema, pa.field("holds", pa.bool_()), pa.field("fault", pa.string())]).remove(
    EDITORIAL.schema.get_field_index("outcome")
)


@dataclass(frozen=True)
class EditorialRules:
    """The rules that hold for a night, in the order of their files.

    Attributes:
        rows: EDITORIAL.schema without `outcome`.
    """

    rows: tuple[dict[str, object], ...] = ()

    @cached_property
    def digest(self) -> str:
        """A hash of what the rules say, wherever they stand and whatever their notes; "" without rules."""
        said = [[row[name] for name in ("kind", "surface", "item_id", "rank", "factor")] for row in self.rows]
        return artifacts.text_sha256(sorted(said, key=str)) if said else ""


NO_RULES = EditorialRules()
OF_DOCUMENTS = frozenset({"allow_document", "block_document"})


def ids_of(rules: EditorialRules, kind: str) -> pa.Array:
    """What the rules of a kind are about that hold on all surfaces."""
    found = {str(row["item_id"]) for row in rules.rows if row["kind"] == kind and row["surface"] is None}
    return pa.array(sorted(found), pa.string())


def read(config: Config, run_date: date) -> EditorialRules:
    """The rules that hold for a night.

    Raises:
        InputError: no file, an unreadable or empty one, a mapping that does not run, a row that is no rule; names file
            and row.
    """
    source = EDITORIAL.files(config)
    if source is None:
        return NO_RULES
    files = logs.find(source, config)
    if not files:
        raise InputError(
            f"no file matches '{source.named}' in {config.folder} (publish.editorial): editors without rules leave a "
            "file with the names of its columns only"
        )
    if empty := [str(file.path) for file in files if not file.path.stat().st_size]:
        raise InputError(
            f"{', '.join(empty)} is empty (publish.editorial), which would lift every block in it: a file without "
            "rules has the names of its columns; one of JSON Lines a rule that has expired"
        )
    with (
        TemporaryDirectory() as scratch,
        sql.connect(config.threads, config.memory_limit_mb, Path(scratch), config.timezone) as connection,
    ):
        confinement.confine(connection, [file.path for file in files], [Path(scratch)], config.ingest.max_spill_mb)
        rows = _read(connection, source, files, config, run_date)
    if faults := [f"{row['file']} row {row['row']}: {row['fault']}" for row in rows if row["fault"]]:
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise InputError(f"publish.editorial: {'; '.join(faults[:SHOWN])}{more}. Nothing was published; mend the rules")
    holding = [row for row in rows if row["holds"]]
    return EditorialRules(tuple({name: row[name] for name in row if name not in {"holds", "fault"}} for row in holding))


def _read(
    connection: duckdb.DuckDBPyConnection, source: InputFiles, files: list[logs.LogFile], config: Config, run_date: date
) -> list[dict[str, object]]:
    mapping.read(connection, [EDITORIAL], source, files, config)
    map_raw(connection, EDITORIAL, source, config)
    with running(connection, source, config):
        table = sql.query(connection, "publish/editorial", READ, valid_on=config.valid_on(run_date))
    return list(table.to_pylist())


@dataclass
class Editing:
    """What the rules do to one surface.

    Attributes:
        blocked: bool [I].
        factors: float64 [I], 1 where nothing is boosted.
        pins: rank -> item index.
    """

    blocked: np.ndarray
    factors: np.ndarray
    pins: dict[int, int] = field(default_factory=dict)

    @classmethod
    def none(cls, items: int) -> "Editing":
        """Nothing is edited."""
        return cls(np.zeros(items, dtype=bool), np.ones(items))

    @cached_property
    def pinned(self) -> np.ndarray:
        """bool [I]."""
        pinned = np.zeros(len(self.blocked), dtype=bool)
        pinned[list(self.pins.values())] = True
        return pinned


def edit(
    rules: EditorialRules, lengths: dict[str, int], items: pa.Table, shown: dict[str, np.ndarray]
) -> dict[str, Editing]:
    """What the rules do to each surface; a rule that cannot be obeyed is named in a warning.

    Args:
        rules: those that hold.
        lengths: k of each surface; 0: its items are allotted, and only blocks are obeyed.
        items: schemas.ITEMS.
        shown: per surface bool [I], what it may show without the rules.
    Raises:
        InputError: two pins are for the same rank, or of the same item; names them.
    """
    return _apply(rules, lengths, items, shown)[0]


def used(rules: EditorialRules, lengths: dict[str, int], items: pa.Table, shown: dict[str, np.ndarray]) -> pa.Table:
    """EDITORIAL.schema: the rules with what came of them; arguments as `edit`."""
    outcomes = _apply(rules, lengths, items, shown)[1]
    rows = [row | {"outcome": "; ".join(said) or "applied"} for row, said in zip(rules.rows, outcomes, strict=True)]
    return pa.Table.from_pylist(rows, schema=EDITORIAL.schema)


def warn(table: pa.Table) -> None:
    """Say which rules were not obeyed."""
    for row in table.to_pylist():
        if row["outcome"] != "applied":
            log.warning("editors' %s in %s row %d: %s", row["kind"], row["file"], row["row"], row["outcome"])


def _apply(
    rules: EditorialRules, lengths: dict[str, int], items: pa.Table, shown: dict[str, np.ndarray]
) -> tuple[dict[str, Editing], list[list[str]]]:
    known = {row["item_id"] for row in rules.rows}
    ids = items.column("item_id").to_pylist() if known else []
    index = {item_id: i for i, item_id in enumerate(ids) if item_id in known}
    edited = {name: Editing.none(items.num_rows) for name in lengths}
    outcomes: list[list[str]] = [[] for _ in rules.rows]
    pinned: dict[tuple[str, object], dict[str, object]] = {}
    in_turn = sorted(range(len(outcomes)), key=lambda n: rules.rows[n]["kind"] == "pin")  # pins know what is blocked
    for number in in_turn:
        row = rules.rows[number]
        if row["kind"] in OF_DOCUMENTS:
            continue
        names = [name for name in lengths if row["surface"] in {None, name}]
        if not names:
            outcomes[number].append(f"surface {row['surface']!r} is not published")
        if (item := index.get(str(row["item_id"]))) is None:
            outcomes[number].append(f"item {row['item_id']!r} is unknown")
            continue
        for name in names:
            said = _obey(row, item, edited[name], lengths[name], shown[name])
            if said:
                outcomes[number].append(f"not on {name}: {said}")
            elif row["kind"] == "pin":
                _refuse_contradictions(row, name, pinned)
    return edited, outcomes


def _obey(row: dict[str, object], item: int, editing: Editing, k: int, shown: np.ndarray) -> str:
    """Apply one rule to one surface; returns why it cannot be, or ""."""
    if row["kind"] == "block":
        editing.blocked[item] = True
    elif row["kind"] == "allow":
        return ""
    elif k == 0:
        return "its items are allotted, by what they are worth and within limits"
    elif row["kind"] == "boost":
        editing.factors[item] *= float(str(row["factor"]))
    elif not shown[item]:
        return f"item {row['item_id']!r} is not available, or hidden by the surface"
    elif editing.blocked[item]:
        return f"item {row['item_id']!r} is blocked there"
    elif int(str(row["rank"])) > k:
        return f"its rank is {row['rank']}, and the list ends at {k}"
    else:
        editing.pins.setdefault(int(str(row["rank"])), item)
    return ""


def _refuse_contradictions(
    row: dict[str, object], surface: str, pinned: dict[tuple[str, object], dict[str, object]]
) -> None:
    for what in (f"rank {row['rank']}", f"item {row['item_id']!r}"):
        other = pinned.setdefault((surface, what), row)
        if other is not row:
            raise InputError(
                f"publish.editorial: {other['file']} row {other['row']} and {row['file']} row {row['row']} both pin "
                f"{what} of surface {surface} at the same time: remove one of them"
            )


# --- on lists, a block of users at a time -----------------------------------------------------------------------------


def boost(block: Block, factors: np.ndarray) -> Block:
    """Rank each row's items by place / factor; where that ties, the boosted item comes first.

    Args:
        block: [B, n], best first, -1 pads at the end.
        factors: float64 [I], above 0.
    Returns:
        The block in its new order. Boosted items score as their new neighbours do, see `settle`; others as before.
    """
    given = np.where(block.items >= 0, factors[block.items], 1.0)
    if (given == 1).all():
        return block
    key = np.where(block.items >= 0, np.arange(1, block.items.shape[1] + 1) / given, np.inf)
    order = np.lexsort((-given, key), axis=1)
    items, scores, sources = (np.take_along_axis(a, order, axis=1) for a in (block.items, block.scores, block.sources))
    return Block(items, settle(items, scores, np.take_along_axis(given, order, axis=1) != 1), sources)


def pin(block: Block, pins: dict[int, int], allowed: np.ndarray) -> Block:
    """Put items at their ranks; what stood there moves down, and the last out.

    Args:
        block: [B, k] without the pinned items, items at the front of a row.
        pins: rank (1 is the first) -> item index.
        allowed: bool [B, pins], by ascending rank, which of them a user may be given.
    Returns:
        The block; in a row too short for its rank a pinned item comes last.
    """
    items, scores, sources = block.items, block.scores, block.sources
    column = np.arange(items.shape[1])[None, :]
    moved = np.zeros(items.shape, dtype=bool)
    for given, (rank, item) in zip(allowed.T, sorted(pins.items()), strict=True):
        have = (items >= 0).sum(axis=1)
        at = np.where(given, np.minimum(rank - 1, have), items.shape[1])[:, None]

        def put(values: np.ndarray, value: float, at: np.ndarray = at) -> np.ndarray:
            down = np.concatenate([values[:, :1], values[:, :-1]], axis=1)
            return np.where(column < at, values, np.where(column == at, np.asarray(value, values.dtype), down))

        items, scores, sources, moved = put(items, item), put(scores, 0), put(sources, TOPPED_UP), put(moved, True)
    return Block(items, settle(items, scores, moved), sources)


def settle(items: np.ndarray, scores: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Scores that do not ascend, although some items were moved: a moved one scores as the next that was not.

    Args:
        items: [B, k], -1 pads.
        scores: [B, k] float32; without the moved items not ascending.
        moved: bool [B, k].
    Returns:
        [B, k] float32. Moved items at the end score as the last that was not moved, in a row of moved ones all 0.
    """
    k = items.shape[1]
    stays = (items >= 0) & ~moved
    after = np.minimum.accumulate(np.where(stays, np.arange(k), k)[:, ::-1], axis=1)[:, ::-1]
    before = np.maximum.accumulate(np.where(stays, np.arange(k), -1), axis=1)
    neighbour = np.where(after < k, after, before)
    found = np.take_along_axis(scores, np.maximum(neighbour, 0), axis=1)
    settled = np.where(neighbour >= 0, found, 0).astype(scores.dtype)
    return np.where(moved & (items >= 0), settled, scores)
