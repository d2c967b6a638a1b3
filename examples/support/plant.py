"""Give the messages of BANKING77, which have neither times nor authors, a day each and a customer each.

    python examples/support/plant.py QUERIES.parquet examples/support/messages.csv.zst

Nothing is drawn: the hash of a text decides. A message is written on one of 60 days from 2024-01-01, by one of 600
customers; half of the customers, a message at a time, then open the page about what they asked, which is the log. The
intent is known of the messages of the published training part alone; `truth` is the published intent of all, and
nothing reads it but who wants to know how good the labels are.
"""

import hashlib
import io
import sys
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pc

FIRST, DAYS, CUSTOMERS = datetime(2024, 1, 1), 60, 600


def planted(text: str, intent: str, split: str) -> dict[str, str | None]:
    """One row: a message with its day, its customer, and the page that was opened."""
    digest = hashlib.sha256(text.encode()).digest()
    day, second, customer, opened = (int.from_bytes(digest[n : n + 4]) for n in (0, 4, 8, 12))
    written = FIRST + timedelta(days=day % DAYS, seconds=8 * 3600 + second % (12 * 3600))
    return {
        "message_id": digest.hex()[:12],
        "written_at": written.isoformat(sep=" "),
        "customer": f"c{customer % CUSTOMERS:03d}",
        "text": " ".join(text.split()),
        "intent": intent if split == "train" else None,
        "opened": intent if opened % 2 else None,
        "split": split,
        "truth": intent,
    }


def main() -> None:
    """Write the file, oldest message first."""
    source, target = sys.argv[1:]
    found = duckdb.read_parquet(source).project("text, intent, split").fetchall()
    rows = sorted((planted(*row) for row in found), key=lambda row: (row["written_at"], row["message_id"]))
    written = io.BytesIO()
    pc.write_csv(pa.Table.from_pylist(rows), written, pc.WriteOptions(quoting_style="needed"))
    Path(target).write_bytes(pa.Codec("zstd", compression_level=19).compress(written.getvalue(), asbytes=True))


if __name__ == "__main__":
    main()
