"""A service counter whose questions get answers: some resolve them, night by night."""

import json
import os
import signal
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.operations import stages
from pipeline.settings.config import Config
from tests.tiny_log import row, shop, write
from tests.words.desk import night_of

MAPPING = """
select id as document_id, said as text, moment as time, who as author, sort as kind, thread as thread_id,
    tags as labels, _file, _row
from raw
"""
ASKED = {
    "card": (
        "my card has not arrived yet",
        "the card has not arrived",
        "has my card arrived yet",
        "my card did not arrive",
    ),
    "fee": (
        "why was I charged this fee",
        "why this fee was charged",
        "I was charged a fee why",
        "this fee was charged why",
    ),
    "rate": (
        "which exchange rate is used",
        "what exchange rate is used",
        "the exchange rate used is which",
        "exchange rate used",
    ),
}
TOLD = {
    "card": "Cards arrive within ten days, ask us for another one after that.",
    "fee": "We take a fee of one euro for each transfer abroad.",
    "rate": "We use the exchange rate of the central bank.",
}


def question(number: int, night: date, about: str, who: str | None = None, **more: Any) -> dict[str, Any]:
    """A question of a night about a thing, in a thread of its own."""
    moment = f"{night} {8 + number // 60 % 12:02d}:{number % 60:02d}:00"
    text = ASKED[about][number % 4]
    made = {"id": f"q{number}", "said": text, "moment": moment, "who": who, "sort": "question", "thread": f"t{number}"}
    return made | {"tags": None} | more


def answer(about: str, night: date, who: str | None = None, **more: Any) -> dict[str, Any]:
    """What the help centre says of a thing, in no thread."""
    made = {"id": f"a-{about}", "said": TOLD[about], "moment": f"{night} 07:00:00", "who": who, "sort": "answer"}
    return made | {"thread": None, "tags": None} | more


def told(document: str, **labels: str) -> dict[str, Any]:
    """A row that says only what an answer did for a question."""
    return {"id": document, "said": None, "moment": None, "who": None, "sort": None, "thread": None, "tags": labels}


def counter(folder: Path, nights: int, section: dict[str, Any] | None = None, **over: Any) -> Config:
    """A shop with a log of so many nights, and documents in a file a night; known by their words alone."""
    for number in range(nights):
        write(folder / f"log-{night_of(number)}.csv", [row("u", "a", f"{night_of(number)} 10:00:00")])
    (folder / "said.sql").write_text(MAPPING)
    documents = {"files": "said-{year}-{month}-{day}.jsonl", "sql": "said.sql"}
    answer = {"model": "none", "k": 2, "same": 0.4, "min_questions": 2} | (section or {})
    given = {"ingest": {"documents": documents} | over.pop("ingest", {}), "answer": answer}
    return shop(folder, "log-{year}-{month}-{day}.csv", **given, **over)


def say(folder: Path, night: date, documents: Iterable[dict[str, Any]]) -> None:
    """Write a night's file."""
    (folder / f"said-{night}.jsonl").write_text("\n".join(json.dumps(one) for one in documents) + "\n")


def run(config: Config, night: date, *names: str) -> Path:
    """Ingest and answer a night, after other stages; the folder of its answers."""
    for stage in ("ingest", *names, "answer"):
        stages.run_stage(stage, night, config)
    return config.lake / "answer" / f"run_date={night}"


def day(night: date, start: int = 0, number: int = 12) -> list[dict[str, Any]]:
    """Questions about everything by turns, each by somebody else."""
    names = sorted(ASKED)
    return [question(n, night, names[n % 3], who=f"u{n}") for n in range(start, start + number)]


def centre(night: date, who: str | None = "agent") -> list[dict[str, Any]]:
    """All answers."""
    return [answer(about, night, who=who) for about in sorted(TOLD)]


def run_and_die(folder: Path, night: date) -> None:
    """Answer a night, and be killed when its tables are made and not yet all written; for a process of its own."""
    from pipeline.answers import answer

    def write(out: Path, tables: dict[str, Any]) -> None:
        (out / "clusters.parquet").write_bytes(b"half a file")
        os.kill(os.getpid(), signal.SIGKILL)

    answer._write = write
    run(counter(folder, 2), night)
