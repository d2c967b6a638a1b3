"""What a night found that people are to hear of: the things of which more was written than usual, in a few words."""

import re
from datetime import date

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ground import artifacts
from pipeline.settings.config import Config

MOST = 10
"""So many things are named; of more their number."""
LONGEST = 60
"""Characters of a name."""
STRANGE = re.compile(r"[^\w &'$+-]")
"""What could mean something to the program that shows a message (mentions, links, markup) is left out of a name."""


def unusual(config: Config, night: date) -> str:
    """The unusual things of a night, by how sure that is; empty where nothing is to be told.

    Args:
        config: the configuration.
        night: a published night.
    """
    path = artifacts.stage_dir(config.lake, "publish", night) / "entity_events.parquet"
    if not (config.entities.enabled and config.entities.alert and path.is_file()):
        return ""
    rows = pq.read_table(path, partitioning=None)
    rows = rows.filter(pc.equal(rows.column("day"), night)).sort_by(
        [("false_share", "ascending"), ("entity", "ascending")]
    )
    said = [_words(row) for row in rows.slice(0, MOST).to_pylist()]
    more = rows.num_rows - len(said)
    return "; ".join([*said, *([f"and {more} more, see entity_events"] if more else [])])


def _words(row: dict[str, object]) -> str:
    told = ", ".join(_plain(str(word)) for word in row["words"])  # type: ignore[attr-defined]
    counted = f"{row['texts']} texts, {row['expected']:.1f} expected"
    return f"{_plain(str(row['entity']))} ({counted}{': ' + told if told else ''})"


def _plain(name: str) -> str:
    return STRANGE.sub("", name)[:LONGEST].strip() or "(no letters)"
