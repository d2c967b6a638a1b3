"""A surface's rows of a whole night, made for every user and then given out within its limits.

What every user could be shown is made where all lists are made, in blocks, by processes or a cluster or tasks of the
orchestrator; what limits are about comes together here, once, from files. So the bytes are the same wherever the blocks
were made and however large they were.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.arrays.blocks import blocks
from pipeline.publication.allotment.rules import Rules, said
from pipeline.publication.allotment.solving import Allotted, allot

log = logging.getLogger(__name__)

Columns = Mapping[str, np.ndarray]
LIMITS = pa.schema(
    [
        pa.field("surface", pa.string(), nullable=False),
        pa.field("number", pa.int32(), nullable=False),  # of the limit in the settings, from 1
        pa.field("limit", pa.string(), nullable=False),  # in words
        pa.field("named", pa.string(), nullable=False),  # an item, a group, or all rows
        pa.field("most", pa.float64(), nullable=False),
        pa.field("used", pa.float64(), nullable=False),
        pa.field("price", pa.float64(), nullable=False),  # what one more would be worth, in the unit of worth
    ]
)
FILE = "allotted.{}.parquet"
"""Beside the published tables: LIMITS of a surface."""
ABOUT = b"allotted"
"""Under which FILE says what all rows are worth."""
UNSAID = "items given to nobody, as nobody says what they are worth, what they cost, or how many there are"
ADDS = "adds"
"""Column of what giving a row is expected to add to the chance that its user acts."""
ROWS = 2**16
"""Users looked at together."""
FULL = 0.999
"""From this share on what there is counts as used up."""


def allotted(
    rules: Rules, pieces: Iterable[Columns], users: np.ndarray, scratch: Path
) -> Iterator[dict[str, np.ndarray]]:
    """The rows that are given out, with their new ranks.

    Args:
        rules: of the surface.
        pieces: its rows, `user` by `user` in one order, then `rank`, with `item` and `score`, a probability, and ADDS
            where they are worth that; no user is in two.
        users: [T] user indices in that order; a user may have no row.
        scratch: an existing folder for the pieces, which may be larger than memory; FILE of the surface stays in it.
    """
    with TemporaryDirectory(prefix=".allotted-", dir=scratch) as folder:
        files, items, chances, added = _held(pieces, users, rules.surface.candidates, Path(folder))
        found = allot(rules.problem(items, chances, added))
        write(rules, found, _unsaid(rules, items), scratch / FILE.format(rules.surface.name))
        place = _places(users)
        for file, names in files:
            with np.load(file, allow_pickle=False) as piece:
                columns = {name: piece[f"arr_{n}"] for n, name in enumerate(names)}
            kept = found.chosen[place[columns["user"]], columns["rank"] - 1]
            given = {name: values[kept] for name, values in columns.items() if name != ADDS}
            yield given | {"rank": _ranks(given["user"])}


def _held(
    pieces: Iterable[Columns], users: np.ndarray, width: int, folder: Path
) -> tuple[list[tuple[Path, tuple[str, ...]]], np.ndarray, np.ndarray, np.ndarray | None]:
    """The pieces in files, with the names of their columns, and of all users items, chances, ADDS, each [T, width]."""
    items = np.lib.format.open_memmap(folder / "items.npy", "w+", np.int32, (len(users), width))
    chances = np.lib.format.open_memmap(folder / "chances.npy", "w+", np.float32, (len(users), width))
    items[:] = -1
    adds: np.ndarray | None = None
    place = _places(users)
    files: list[tuple[Path, tuple[str, ...]]] = []
    for piece in pieces:
        at = (place[piece["user"]], piece["rank"] - 1)
        items[at], chances[at] = piece["item"], piece["score"]
        if ADDS in piece:
            if adds is None:
                adds = np.lib.format.open_memmap(folder / "adds.npy", "w+", np.float32, items.shape)
            adds[at] = piece[ADDS]
        files.append((folder / f"{len(files)}.npz", tuple(piece)))
        np.savez(files[-1][0], *piece.values())
    return files, items, chances, adds


def _unsaid(rules: Rules, items: np.ndarray) -> int:
    """How many of the users' candidates are given to nobody, as a number is asked for that nobody says."""
    there = np.zeros(len(rules.unsaid), dtype=bool)
    for rows in blocks(len(items), ROWS):
        shown = items[rows]
        there[shown[shown >= 0]] = True
    return int((there & rules.unsaid).sum())


def _places(users: np.ndarray) -> np.ndarray:
    """[U] the place of each user index."""
    place = np.full(int(users.max(initial=-1)) + 1, -1, dtype=np.int64)
    place[users] = np.arange(len(users))
    return place


def _ranks(users: np.ndarray) -> np.ndarray:
    """[N] int32, from 1 within the rows of each user, which stand together."""
    begins = np.ones(len(users), dtype=bool)
    begins[1:] = users[1:] != users[:-1]
    number = np.arange(len(users))
    first = np.maximum.accumulate(np.where(begins, number, 0)) if len(users) else number
    return (number - first + 1).astype(np.int32)


def write(rules: Rules, found: Allotted, unsaid: int, path: Path) -> None:
    """Write LIMITS of a surface, the dearest first; beside, what all rows are worth, and how many items are unsaid."""
    assert rules.surface.allot is not None
    tables, start = [], 0
    for number, (limit, names) in enumerate(zip(rules.surface.allot.limits, rules.names, strict=True), start=1):
        mine = slice(start, start + len(names))
        asked = np.flatnonzero((found.used[mine] > 0) | (found.prices[mine] > 0))
        order = asked[np.lexsort((asked, -found.used[mine][asked], -found.prices[mine][asked]))]
        columns = {
            "surface": pa.repeat(rules.surface.name, len(order)),
            "number": np.full(len(order), number, np.int32),
            "limit": pa.repeat(said(limit), len(order)),
            "named": names.take(pa.array(order)),
            "most": rules.limits[number - 1].most[order],
            "used": found.used[mine][order],
            "price": found.prices[mine][order],
        }
        tables.append(pa.table(columns, schema=LIMITS))
        start += len(names)
    about = {
        "rows": int(found.chosen.sum()),
        "users": int(found.chosen.any(axis=1).sum()),
        "worth": found.worth,
        "bound": found.bound,
        "gap": found.gap,
        "unsaid": unsaid,
    }
    table = pa.concat_tables([LIMITS.empty_table(), *tables])
    pq.write_table(table.replace_schema_metadata({ABOUT: json.dumps(about)}), path, compression="zstd")
    if unsaid:
        log.warning("surface %s: %s: %d", rules.surface.name, UNSAID, unsaid)
    words = "surface %s: %d rows are given out, worth %.6g; at most %.3f %% more is possible"
    log.info(words, rules.surface.name, about["rows"], found.worth, 100 * found.gap)


def report(out: Path, surfaces: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What the manifest says of the surfaces whose items are allotted, by surface.

    Returns:
        rows, users, worth, bound and gap (the share of the bound that is missing), unsaid, and for each limit in words
        how many things it has that are used, how many of them are used up, and of the dearest one its name, most, used
        and price.
    """
    return {name: _report(pq.read_table(out / FILE.format(name))) for name in surfaces}


def _report(table: pa.Table) -> dict[str, Any]:
    found = json.loads(table.schema.metadata[ABOUT])
    found["limits"] = []
    for number in sorted(set(table.column("number").to_pylist())):
        rows = table.filter(pc.equal(table.column("number"), number)).to_pylist()
        full = sum(row["used"] >= FULL * row["most"] for row in rows)
        first = {name: rows[0][name] for name in ("limit", "named", "most", "used", "price")}
        found["limits"].append(first | {"things": len(rows), "full": full})
    return dict(found)
