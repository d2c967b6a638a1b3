"""A help desk whose questions say what they are about: labelled and not, night by night."""

import json
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pipeline.operations import stages
from pipeline.settings.config import Config
from tests.tiny_log import row, shop, write

FIRST = date(2024, 1, 1)
ABOUT = {
    "card": (
        "my card has not arrived",
        "where is the card I ordered",
        "the card is still missing",
        "card lost in the post",
    ),
    "fee": (
        "why was I charged a fee",
        "the fee is too high",
        "what is this fee on my statement",
        "give me the fee back",
    ),
    "rate": (
        "what is the exchange rate",
        "the rate was wrong today",
        "which exchange rate do you use",
        "rate for euros",
    ),
}
MAPPING = "select id as document_id, said as text, moment as time, who as author, tags as labels, _file, _row from raw"


def night_of(number: int) -> date:
    """The night of this number, from 0."""
    return FIRST + timedelta(days=number)


def question(number: int, night: date, label: str, known: bool = True, who: str | None = None) -> dict[str, Any]:
    """A question of a night about a thing, labelled or not; no two are the same text."""
    text = f"{ABOUT[label][number % 4]}, said number{number}"
    moment = f"{night} {8 + number // 60:02d}:{number % 60:02d}:00"
    return {
        "id": f"d{number}",
        "said": text,
        "moment": moment,
        "who": who,
        "tags": {"intent": label} if known else None,
    }


def desk(folder: Path, nights: int, classify: dict[str, Any] | None = None, **over: Any) -> Config:
    """A shop with a log of so many nights, and questions in a file a night; classifies by words alone."""
    for number in range(nights):
        write(folder / f"log-{night_of(number)}.csv", [row("u", "a", f"{night_of(number)} 10:00:00")])
    (folder / "said.sql").write_text(MAPPING)
    documents = {"files": "said-{year}-{month}-{day}.jsonl", "sql": "said.sql"}
    section = {"model": "none", "label_sets": {"intent": {"wanted": 5, "precision": 0.8}}} | (classify or {})
    given = {"ingest": {"documents": documents} | over.pop("ingest", {}), "classify": section}
    return shop(folder, "log-{year}-{month}-{day}.csv", **given, **over)


def ask(folder: Path, night: date, questions: Iterable[dict[str, Any]]) -> None:
    """Write a night's file."""
    lines = [json.dumps(one) for one in questions]
    (folder / f"said-{night}.jsonl").write_text("\n".join(lines) + "\n")


def run(config: Config, night: date) -> Path:
    """Ingest and classify a night; the folder of its labels."""
    for stage in ("ingest", "classify"):
        stages.run_stage(stage, night, config)
    return config.lake / "classify" / f"run_date={night}"


def taught(night: date, start: int = 0, number: int = 60) -> list[dict[str, Any]]:
    """Labelled questions about everything, by turns."""
    names = sorted(ABOUT)
    return [question(n, night, names[n % 3]) for n in range(start, start + number)]


def asked(night: date, start: int = 100) -> list[dict[str, Any]]:
    """Questions without a label, and one that is about nothing known."""
    lines = [question(start + n, night, about, known=False, who=f"u{n}") for n, about in enumerate(ABOUT)]
    odd = {"id": "odd", "said": "zebra umbrella quixotic", "moment": f"{night} 12:00:00", "who": None, "tags": None}
    return [*lines, odd]
