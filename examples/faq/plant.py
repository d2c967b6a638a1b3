"""Let customers ask a FAQ: entries and rephrasings are as published, days and customers are planted.

    python examples/faq/plant.py FAQ.parquet QUESTION_PAIRS.parquet examples/faq/messages.csv.zst

Nothing is drawn: hashes decide. The entries are there on 2020-03-17. Each rephrasing is asked by one to six of 200
customers in the 60 days after, some topics more in the last of them. Two thirds of those asked before the last 14 days
were resolved by the entry's answer on the next day, which is a row of its own; `truth` is the entry of every question,
and nothing reads it but who wants to know how good the answers are.
"""

import hashlib
import io
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pc

FIRST, DAYS, CUSTOMERS, LAST = datetime(2020, 3, 17), 60, 200, 14
NAMES = ("document_id", "known_at", "written_at", "kind", "thread", "customer", "text", "resolved", "opened", "truth")


def row(**values: str | None) -> dict[str, str | None]:
    """A line; what is not said is empty."""
    return {name: values.get(name) for name in NAMES}


def entry(number: int, question: str, answer: str) -> Iterator[dict[str, str | None]]:
    """A question of the FAQ and its answer, in one thread."""
    for kind, text in (("question", question), ("answer", answer)):
        at = FIRST.isoformat(sep=" ")
        yield row(
            document_id=f"faq-{number}-{kind[0]}",
            known_at=at,
            written_at=at,
            kind=kind,
            thread=f"faq-{number}",
            text=" ".join(text.split()),
        )


def asked(text: str, number: int) -> Iterator[dict[str, str | None]]:
    """A rephrased question of an entry, by some customers, with what resolved it."""
    topic = hashlib.sha256(f"topic {number}".encode()).digest()[0]
    for copy in range(1 + hashlib.sha256(text.encode()).digest()[0] % 6):
        digest = hashlib.sha256(f"{text} {copy}".encode()).digest()
        day, second, customer, resolved = (int.from_bytes(digest[n : n + 4]) for n in (0, 4, 8, 12))
        since = DAYS - LAST + day % LAST if topic < 50 and day % 2 else day % DAYS
        at = FIRST + timedelta(days=1 + since, seconds=8 * 3600 + second % (12 * 3600))
        name, when = digest.hex()[:12], at.isoformat(sep=" ")
        yield row(
            document_id=name,
            known_at=when,
            written_at=when,
            kind="question",
            thread=name,
            customer=f"c{customer % CUSTOMERS:03d}",
            text=" ".join(text.split()),
            opened=f"faq-{number}" if resolved % 2 else None,
            truth=f"faq-{number}-a",
        )
        if resolved % 3 and since < DAYS - LAST:
            later = (at + timedelta(days=1)).isoformat(sep=" ")
            yield row(document_id=name, known_at=later, resolved=f"faq-{number}-a")


def main() -> None:
    """Write the file, oldest line first."""
    faq, pairs, target = sys.argv[1:]
    entries = duckdb.read_parquet(faq).project("faq_id, trim(question) as question, answer").order("faq_id").fetchall()
    found = {question: number for number, question, _ in reversed(entries)}
    alike = duckdb.read_parquet(pairs).filter('"similar" = 1')
    similar = alike.project("trim(question_1), trim(question_2)").fetchall()
    rows = [line for one in entries for line in entry(*one)]
    rows += [line for known, text in sorted(set(similar)) for line in asked(text, found[known])]
    rows.sort(key=lambda line: (line["known_at"], line["document_id"], line["resolved"] or ""))
    written = io.BytesIO()
    pc.write_csv(pa.Table.from_pylist(rows), written, pc.WriteOptions(quoting_style="needed"))
    Path(target).write_bytes(pa.Codec("zstd", compression_level=19).compress(written.getvalue(), asbytes=True))


if __name__ == "__main__":
    main()
