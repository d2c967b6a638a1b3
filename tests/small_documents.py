"""What the stages of documents leave for the tables of a small shop's night."""

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.answers import schemas as answers
from pipeline.ground import artifacts
from pipeline.topics import schemas as topics
from pipeline.words import schemas as words


def labels(folder: Path, night: date) -> None:
    """Two documents of u0 with a label each, one given, and one of nobody that is wanted."""
    said = {"label_set": "intent", "best": "fee", "second": "card"}
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"document_id": f"d{n}", "label": label, "is_given": n == 0, "time": datetime(2011, 9, 1, tzinfo=UTC)}
        | {"probability": 0.5, "user_id": None if n == 2 else "u0"}
        | said
        for n, label in enumerate(["card", "fee", None])
    ]
    pq.write_table(pa.Table.from_pylist(rows, words.LABELS), folder / "labels.parquet")
    wanted = said | {"rank": 1, "document_id": "d2", "probability": 0.5, "user_id": None}
    pq.write_table(pa.Table.from_pylist([wanted], words.WANTED), folder / "wanted.parquet")
    artifacts.write_manifest(folder, {"stage": "classify", "files": artifacts.describe(folder), "report": {}})


def entities(folder: Path, night: date) -> None:
    """Two things with a day each, of which one is unusual."""
    folder.mkdir(parents=True, exist_ok=True)
    days = [{"entity": name, "day": night, "texts": 5, "labelled": 0} for name in ("lamp", "mug")]
    days[0] |= {"labelled": 5, "mean": 0.5, "low": 0.25, "high": 0.75}
    unusual = {"entity": "mug", "day": night, "texts": 5, "expected": 1.5, "false_share": 0.01}
    unusual |= {"novelty": 0.5, "words": ["broken"], "document_id": "d9", "user_id": "u0"}
    pq.write_table(pa.Table.from_pylist(days, words.ENTITY_DAYS), folder / "days.parquet")
    pq.write_table(pa.Table.from_pylist([unusual], words.UNUSUAL_DAYS), folder / "unusual.parquet")
    artifacts.write_manifest(folder, {"stage": "entities", "files": artifacts.describe(folder), "report": {}})


def questions(folder: Path, night: date) -> None:
    """Two clusters, one whose first answer is good, which resolved the other before, and one without any; u0 asked."""
    folder.mkdir(parents=True, exist_ok=True)
    often = {"questions_before": 2, "trend": 2.0, "trend_low": 0.5, "trend_high": 9.0, "label": "fee"}
    asked = {
        "rank": 1,
        "document_id": "d1",
        "questions": 4,
        "user_id": "u0",
        "label_share": 0.5,
        "probability": 0.75,
    }
    rows = [
        {"cluster_id": "c0", "first_asked": datetime(2011, 9, 1, tzinfo=UTC)} | asked | often,
        {
            "cluster_id": "c1",
            "first_asked": datetime(2011, 9, 1, tzinfo=UTC),
            "rank": 2,
            "document_id": "d2",
            "questions": 3,
        },
    ]
    best = {"cluster_id": "c0", "why": "it resolved a question like this", "like_cluster_id": "c1"}
    given = [{"rank": n, "document_id": f"d{n + 2}", "score": 1 / n} | best for n in (1, 2)]
    weak = {"rank": 1, "cluster_id": "c1", "document_id": "d2", "questions": 3}
    last = {"user_id": "u0", "cluster_id": "c0", "document_id": "d1", "label": "fee", "time": rows[0]["first_asked"]}
    for name, schema, found in (
        ("clusters", answers.CLUSTERS, rows),
        ("answers", answers.ANSWERS, given),
        ("unanswered", answers.UNANSWERED, [weak]),
        ("last_asked", answers.LAST_ASKED, [last]),
    ):
        pq.write_table(pa.Table.from_pylist(found, schema), folder / f"{name}.parquet")
    artifacts.write_manifest(folder, {"stage": "answer", "files": artifacts.describe(folder), "report": {}})


def about(folder: Path, night: date) -> None:
    """Two topics, of which one rises."""
    folder.mkdir(parents=True, exist_ok=True)
    seen = {"first_seen": datetime(2011, 9, 1, tzinfo=UTC), "entities": ["mug"]}
    risen = {"documents_before": 2, "growth": 2.0, "growth_low": 1.5, "growth_high": 9.0, "direction": "rising"}
    rows = [
        {"topic_id": f"t{n}", "rank": n + 1, "words": ["broken"], "documents": 4 - n, "document_id": f"d{n}"} | seen
        for n in range(2)
    ]
    rows[0] |= risen | {"user_id": "u0"}
    pq.write_table(pa.Table.from_pylist(rows, topics.TOPICS), folder / "topics.parquet")
    artifacts.write_manifest(folder, {"stage": "topics", "files": artifacts.describe(folder), "report": {}})


WRITERS = {"classify": labels, "entities": entities, "answer": questions, "topics": about}
"""By stage, what writes its folder."""
