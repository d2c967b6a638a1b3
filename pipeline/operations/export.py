"""One surface of a published run as JSON Lines: a user's whole list per line, for whatever reads files.

    {"user_id": "12748", "run_id": "2011-10-02-1f0c9a7e", "items": [{"rank": 1, "item_id": "21034", "score": 2.9, ...}]}

The file is ASCII, users come in the order of their ids. It is written beside its place and renamed when whole, so a
reader sees the export before or this one. Memory is that of one batch of rows, however many users there are.
"""

import json
import logging
import os
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError, PublishError
from pipeline.operations import bringing
from pipeline.publication import publish
from pipeline.publication.tables.recommendations import TABLE
from pipeline.published.contract import ActiveRun
from pipeline.published.run_ids import partition_of
from pipeline.settings.config import Config

log = logging.getLogger(__name__)


class NoSuchListError(InputError):
    """The run was published without this surface."""


BATCH_ROWS = 50_000
COLUMNS = [column.name for column in TABLE.columns]
ITEM = [name for name in COLUMNS if name not in {"surface", "user_id"}]
"""What a line says of each item; the rest is the file's or the line's."""
LATER = {column.name for column in TABLE.later}
NUMBERS = ("score", "propensity")


def run(config: Config, surface: str, out: Path, run_id: str | None = None, night: date | None = None) -> int:
    """Export one surface.

    Args:
        config: the configuration.
        surface: the list's name.
        out: the file, or a link to it; its folder is made.
        run_id: a run that is kept; default: the run of `night`, else the active run.
        night: the run of this night that was published last.
    Returns:
        Users written.
    Raises:
        InputError: nothing is published, the run or night is not kept, or `out` is there and no regular file; it stays
            as it was.
        NoSuchListError: the run has no such surface; `out` stays as it was.
        PublishError: the run's file is damaged, or `out` could not be written.
    """
    chosen = choose(config, run_id, night)
    try:
        out = _regular(out)
        partial = out.with_name(f".{out.name}.partial")
        with artifacts.lock(out):
            try:
                users = _write(partial, _lists(chosen, surface))
                partial.replace(out)
            finally:
                partial.unlink(missing_ok=True)
    except OSError as error:
        raise PublishError(f"{out} could not be written ({error}): it is as it was before") from error
    log.info("%s of run %s: %d users in %s", surface, chosen.run_id, users, out)
    return users


def _regular(out: Path) -> Path:
    """Where `out` leads; a device, a pipe or a folder is never replaced by a file."""
    leads_to = out.resolve()
    if leads_to.exists() and not leads_to.is_file():
        raise InputError(f"{out} is not a regular file, which --out would replace: name a file, and read that")
    return leads_to


def choose(
    config: Config, run_id: str | None = None, night: date | None = None, so_far: str | None = None
) -> ActiveRun:
    """The run that is named, else the latest one of a night, or of a moment of a day so far, else the active one.

    Raises:
        InputError: there is none.
    """
    bringing.tables(config)
    if run_id is None and night is None and so_far is None:
        if (active := publish.active_run(config)) is None:
            raise InputError(f"nothing is published in {config.tables}: run a night first")
        return active
    kept = publish.published_runs(config)
    of = so_far or (night and night.isoformat())
    found = [r for r in kept if r.run_id == run_id or (run_id is None and partition_of(r.run_id) == of)]
    if not found:
        wanted = f"run {run_id}" if run_id is not None else f"a run of {of}"
        raise InputError(f"{wanted} is not kept; there are {', '.join(r.run_id for r in kept) or 'none'}")
    return found[0]


def _write(path: Path, lines: Iterator[str]) -> int:
    written = 0
    with path.open("w", encoding="ascii", newline="\n") as file:
        for line in lines:
            file.write(line)
            written += 1
        file.flush()
        os.fsync(file.fileno())
    return written


def _lists(chosen: ActiveRun, surface: str) -> Iterator[str]:
    """One line per user of the surface; the file is sorted by surface, user, rank, so a user's rows are together."""
    seen: set[str] = set()
    path = chosen.folder / TABLE.file
    try:
        rows = _rows(path, surface, seen)
        for user_id, mine in groupby(rows, key=itemgetter("user_id")):
            items = [_item(row) for row in mine]
            line = {"user_id": user_id, "run_id": chosen.run_id, "items": items}
            yield json.dumps(line, allow_nan=False) + "\n"
    except FileNotFoundError:
        raise InputError(f"{path} is gone: the run is not kept any more; export a newer one") from None
    except pa.ArrowInvalid as error:
        raise PublishError(f"{path} is damaged ({error}): publish its night again") from None
    if surface not in seen:
        raise NoSuchListError(
            f"run {chosen.run_id} has no list '{surface}'; it has {', '.join(sorted(seen)) or 'none'}"
        )


def _item(row: dict[str, Any]) -> dict[str, Any]:
    """What a line says of an item; of what came later, and is not known, nothing."""
    known = {name: row.get(name) for name in ITEM if name not in LATER or row.get(name) is not None}
    return known | {name: _short(float(row[name])) for name in NUMBERS if name in known}


def _short(score: float) -> float:
    """A float32 in the digits it has."""
    return float(f"{score:.7g}")


def _rows(path: Path, surface: str, seen: set[str]) -> Iterator[dict[str, Any]]:
    """The surface's rows in the file's order; `seen` collects the names of all surfaces."""
    with path.open("rb") as opened:  # a run that is dropped meanwhile stays readable
        for batch in pq.ParquetFile(opened).iter_batches(BATCH_ROWS, columns=COLUMNS):
            seen |= set(pc.unique(batch.column("surface")).to_pylist())
            yield from batch.filter(pc.equal(batch.column("surface"), surface)).to_pylist()
