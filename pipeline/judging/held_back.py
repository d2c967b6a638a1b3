"""What content checks hold back, for the report of a night: how much, by which check, and the most urgent items.

Documents are counted and not named, as a report is kept when who wrote them is forgotten.
"""

from html import escape
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ground.terminal import clean
from pipeline.publication.content import queue
from pipeline.settings.config import Config
from pipeline.words.held import FILE, FINDINGS

SHOWN = 10
"""Of the review queue so many are shown."""
LONGEST = 80
"""Characters of a title or an id that are shown."""
NOTE = (
    "Words of lists and labels of documents that the shop looks for. What is blocked is shown to nobody; what is to be "
    "reviewed waits for an editor's allow or block, and is shown until then only where the check says so."
)
HEAD = ("check", "severity", "items found", "held back", "documents found", "held back", "allowed by editors")
QUEUE_HEAD = ("item", "check", "why", "since", "acted on by, 28 days", "shown")


def section(content: Path | None, config: Config) -> list[tuple[str, str]]:
    """The report's part about it: (title, HTML), every text of it escaped; nothing of a shop that checks nothing."""
    if content is None or not config.content.checks:
        return []
    findings = pq.read_table(content / FILE, schema=FINDINGS)
    waiting = pq.read_table(content / queue.FILE, schema=queue.REVIEW)
    parts = [f'<p class="soft">{escape(NOTE)}</p>', _table(HEAD, _counts(findings, config))]
    if waiting.num_rows:
        items = waiting.filter(pc.is_valid(waiting.column("item_id")))
        number, others = items.num_rows, waiting.num_rows - items.num_rows
        parts.append(f"<h3>Waiting for an editor: items {number:,}, documents {others:,}</h3>")
        parts.append(_table(QUEUE_HEAD, [_row(row) for row in items[:SHOWN].to_pylist()]))
    return [("What is held back", "".join(parts))]


def _counts(findings: pa.Table, config: Config) -> list[list[str]]:
    rows = []
    for check in config.content.checks:
        mine = findings.filter(pc.equal(findings.column("check"), check.name))
        counts = []
        for subject in ("item", "document"):
            some = mine.filter(pc.equal(mine.column("subject"), subject))
            counts += [some.num_rows, pc.sum(some.column("is_held")).as_py() or 0]
        allowed = pc.sum(pc.equal(mine.column("decision"), "allow")).as_py() or 0
        rows.append([check.name, check.severity, *(f"{count:,}" for count in (*counts, allowed))])
    return rows


def _row(row: dict[str, object]) -> list[str]:
    """A row of the queue about an item; ids, titles and words are other people's."""
    named = f"{row['item_id']} {row['title'] or ''}"
    sure = "" if row["probability"] is None else f" ({row['probability']:.2f})"
    people = "" if row["people"] is None else f"{row['people']:,}"
    shown = "yes" if row["is_shown"] else "no"
    cells = [named, str(row["check"]), f"{row['matched'] or ''}{sure}", str(row["since"]), people, shown]
    return [_short(clean(cell)) for cell in cells]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    cells = [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows]
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f'<div class="wide"><table><thead><tr>{names}</tr></thead><tbody>{"".join(cells)}</tbody></table></div>'
