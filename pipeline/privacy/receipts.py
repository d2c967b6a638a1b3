"""What was removed of a person, for the person and for an auditor: a journal while it happens, a receipt after.

<home>/receipts/forget-<hash>-<asked>.json     never the id: a hash that needs suppression.py's key
<home>/receipts/.forget-<hash>.jsonl           what is being removed, written before it is
"""

import json
import os
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts
from pipeline.privacy import suppression
from pipeline.privacy.pseudonyms import Key
from pipeline.settings.config import Config

NAMED = (
    "rows of other people that have the id in a text, or in the id of an event or session, as many as `in_others_rows` "
    "says: `forget --also-in-text` takes it out of them",
    "queries of runs that are published, until later ones take their place, and titles and texts of items",
    "what other people's documents name (`entities`) and are labelled",
    "texts in which letters or digits join the id",
)
"""Where a person's id can stay in what other people wrote; of the first one only where nothing was done about it."""
STAYS = (
    "the shop's own logs and databases, which Nightjar only reads: ingest drops the person's rows from now on",
    "backups of this folder and of the database, and files that `export` wrote elsewhere",
    "the scheduler's own logs and database",
    "encoders of other shops that started from one of this shop's (`fine_tune.start_from`), and their copies of it",
)


@dataclass
class Journal:
    """One person's removal.

    Attributes:
        path: the journal.
        person: the hash.
        asked: the day the person asked.
        entries: what was removed, by what it is and where it was.
    """

    path: Path
    person: str
    asked: date
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def open(cls, home: Path, key: Key | None, user_id: str, asked: date) -> "Journal":
        """Begin, or go on where a killed process stopped."""
        person = (key or Key(b"")).derive("receipt").hash(user_id)
        journal = cls(home / "receipts" / f".forget-{person[:16]}.jsonl", person, asked)
        lines = journal.path.read_text(encoding="utf-8").splitlines() if journal.path.is_file() else []
        for line in lines:
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # it was being written
                continue
            if "asked" in entry:
                journal.asked = date.fromisoformat(entry["asked"])
            else:
                journal.entries[_place(entry)] = entry
        if not lines:
            journal._write({"asked": asked.isoformat()})
        return journal

    def add(self, **entry: Any) -> None:
        """Write down what is about to be removed."""
        self.entries[_place(entry)] = entry
        self._write(entry)

    def _write(self, entry: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def close(self, config: Config, databases: list[str], tables: list[str], also_in_text: bool = False) -> Path:
        """Write the receipt and remove the journal; an earlier receipt of the person stays.

        Args:
            config: whose home the person was removed from.
            databases: the kinds of those that were looked through.
            tables: the nights' tables that were, of which the receipt says so even where they had no row.
            also_in_text: whether the id was taken out of other people's rows.
        """
        entries = sorted(self.entries.values(), key=_place)
        content: dict[str, Any] = {
            "person": self.person,
            "asked": self.asked.isoformat(),
            "code_version": artifacts.code_version(),
            "rows": _totals(entries, tables),
            "in_others_rows": {"taken_out": also_in_text, **_mentions(entries)},
            "nights_dropped": sorted({e["night"] for e in entries if "dropped" in e}),
            "databases": databases,
            "removed": entries,
            "suppressed": f"{suppression.path(config).name}: rows of this person in later logs are not taken",
            "stays": (*STAYS, *(NAMED[1:] if also_in_text else NAMED)),
        }
        if config.publish.copies:
            content["copies"] = list(config.publish.copies)
        path = _free(self.path.parent / f"forget-{self.person[:16]}-{self.asked}.json")
        suppression.write_private(path, (json.dumps(content, indent=2) + "\n").encode())
        self.path.unlink(missing_ok=True)
        return path


def _place(entry: dict[str, Any]) -> str:
    names = ("dropped", "table", "night", "run_id", "file", "database", "column", "nameless")
    return json.dumps([entry.get(name, "") for name in names])


def _totals(entries: list[dict[str, Any]], tables: list[str]) -> dict[str, int]:
    totals = dict.fromkeys((*tables, "published", "database"), 0)
    for entry in entries:
        if "rows" in entry:
            totals[entry["table"]] = totals.get(entry["table"], 0) + entry["rows"]
    return totals


def _mentions(entries: list[dict[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in entries:
        if "mentions" in entry:
            found[entry["column"]] = found.get(entry["column"], 0) + entry["mentions"]
    return found


def _free(path: Path) -> Path:
    """The path, or with the first number that makes it new."""
    numbered = (path.with_stem(f"{path.stem}-{n}") for n in range(2, 1_000_000))
    return path if not path.exists() else next(p for p in numbered if not p.exists())


def describe(path: Path) -> str:
    """A receipt in a few words, without the id."""
    content = json.loads(path.read_text(encoding="utf-8"))
    rows = ", ".join(f"{n:,} {name}" for name, n in content["rows"].items())
    nights = len(content["nights_dropped"])
    known = any(content["rows"].values()) or nights
    said = (
        f"removed rows: {rows}; nights dropped, to be made again by their next run: {nights}" if known else "not known"
    )
    others = sum(n for name, n in content["in_others_rows"].items() if name != "taken_out")
    if others:
        done = "taken out" if content["in_others_rows"]["taken_out"] else "left there; --also-in-text takes it out"
        said += f"; the id stands in {others:,} texts of others' rows ({done})"
    return f"person {content['person'][:16]}: {said}; rows in later logs are not taken; receipt {path}"
