"""What people searched for and did not find, for the report of a night: the queries, and what was asked instead."""

from html import escape
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.features.read import read_table
from pipeline.ground import schemas
from pipeline.ground.terminal import clean

FILE = "searches.parquet"
"""Of the stage `features`; a shop that does not say what is searched for has none."""
SHOWN = 15
"""Queries that are shown."""
NOTE = (
    "Searches after which the person chose nothing within half an hour, or before the next search. What somebody found "
    "within five minutes by other words answers the first words too from tonight on."
)
HEAD = ("query", "people", "searches", "nothing chosen", "found by other words", "most asked instead")


def read(features: Path) -> pa.Table:
    """schemas.SEARCHES, most in vain first; nothing of a shop that does not say what is searched for."""
    path = features / FILE
    return read_table(path, schemas.SEARCHES) if path.is_file() else schemas.SEARCHES.empty_table()


def section(found: pa.Table) -> list[tuple[str, str]]:
    """The report's part: (title, HTML), every text of it escaped."""
    if not found.num_rows:
        return []
    searches, in_vain = (pc.sum(found.column(name)).as_py() for name in ("searches", "in_vain"))
    told = f"After {in_vain / searches:.1%} of {searches:,} searches for {found.num_rows:,} queries nothing was chosen."
    names = "".join(f"<th>{escape(name)}</th>" for name in HEAD)
    rows = found.filter(pc.greater(found.column("in_vain"), 0))[:SHOWN].to_pylist()
    cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in _cells(row))}</tr>" for row in rows)
    table = f'<div class="wide"><table><thead><tr>{names}</tr></thead><tbody>{cells}</tbody></table></div>'
    return [("What people searched for and did not find", f"<p>{told}</p><p class='soft'>{escape(NOTE)}</p>{table}")]


def scalars(found: pa.Table) -> dict[str, float]:
    """For the manifest: the share of searches for frequent queries after which nothing was chosen."""
    if not found.num_rows:
        return {}
    searches, in_vain = (pc.sum(found.column(name)).as_py() for name in ("searches", "in_vain"))
    return {"search.in_vain": round(in_vain / searches, 6)}


def _cells(row: dict[str, object]) -> list[str]:
    """Of one query, which is what other people typed."""
    counts = [f"{row[name]:,}" for name in ("users", "searches", "in_vain", "asked_again")]
    return [clean(str(row["query"])), *counts, clean(str(row["asked_instead"] or ""))]
