"""Those who asked to be forgotten: every id by which they can be on disk, and the journal of each."""

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.answers import answer
from pipeline.ground.errors import InputError
from pipeline.intake import ids, inputs
from pipeline.judging import arms
from pipeline.privacy import pseudonyms
from pipeline.privacy.receipts import Journal
from pipeline.publication import tables, taught
from pipeline.settings.config import Config
from pipeline.words import classify


def listed(file: Path) -> list[str]:
    """The ids of a file, one a line, be they quoted or not; of the standard input where it is named "-".

    Raises:
        InputError: it cannot be read.
    """
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from None
    return [line.strip().removeprefix('"').removesuffix('"') for line in text.splitlines() if line.strip()]


class People:
    """Those who asked, under every id by which they can be on disk.

    Attributes:
        aliases: id on disk -> id as the logs have it.
        journals: by id as the logs have it.
        leave_texts: whether their ids are also taken out of other people's rows.
    """

    def __init__(
        self, config: Config, user_ids: Iterable[str], journals: dict[str, Journal], leave_texts: bool = False
    ) -> None:
        self.leave_texts = leave_texts
        written = {form: user_id for user_id in user_ids for form in ids.forms(user_id)}
        self.aliases = written | {user_id: user_id for user_id in journals}
        self.journals = journals
        if config.ingest.pseudonyms:
            self.aliases |= {pseudonyms.stored(config, form): user_id for form, user_id in written.items()}
            for key in map(pseudonyms.key_for, inputs.person_purposes()):
                self.aliases |= {key.hash(form): user_id for form, user_id in written.items()}

    @property
    def ids(self) -> list[str]:
        """Every id they can have on disk."""
        return sorted(self.aliases)

    def note(self, counts: Counter[str], **what: Any) -> None:
        """Write into the journals which rows are about to be removed; `counts` has them by id on disk."""
        for person, rows in self._shares(counts).items():
            self.journals[person].add(**what, rows=rows)

    def mention(self, counts: Counter[str], **where: str) -> None:
        """Write into the journals how many rows of others name them, and where; `counts` as in `note`."""
        for person, rows in self._shares(counts).items():
            self.journals[person].add(**where, mentions=rows)

    def _shares(self, counts: Counter[str]) -> Counter[str]:
        shares = Counter[str]()
        for alias, rows in counts.items():
            shares[self.aliases[alias]] += rows
        return shares

    @property
    def taught_in_silence(self) -> bool:
        """Whether a text was theirs, or had their id taken out, of which no night can tell that."""
        found = [entry for journal in self.journals.values() for entry in journal.entries.values()]
        in_texts = any(str(entry.get("column", "")).startswith("documents.") for entry in found)
        return (self.leave_texts and in_texts) or any(entry.get("nameless") for entry in found)


def files_of(stage: str) -> list[str]:
    """The files of a stage's folder that say which users a night knows."""
    if stage == "publish":
        return [table.file for table in tables.published() if table.about_users]
    named = {"features": ["users.parquet", "onlookers.parquet"], "answer": [answer.AUTHORS]}
    named |= {stage: [classify.AUTHORS] for stage in ("languages", "classify", "content", "entities", "topics")}
    named["outcomes"] = [arms.USERS_FILE, *taught.FILES]
    return named.get(stage, [])
