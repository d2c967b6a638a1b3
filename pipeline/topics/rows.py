"""The rows of a night: how much is written about each topic, in which words, about whom, and an example."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.answers import trends
from pipeline.ground import artifacts, sql
from pipeline.intake.inputs.documents import DOCUMENTS
from pipeline.settings.config import Config
from pipeline.settings.sections.topics import Topics
from pipeline.topics.schemas import TOPICS
from pipeline.topics.written import Written
from pipeline.words import contrast, entities

ENTITIES = 3
"""So many things are named as what a topic is about."""
TOLD = 200
"""The latest texts of a topic of which its words are."""
Named = Mapping[str, Sequence[str]]
"""By document, what it names."""


def named(ingest: Path, night: date, section: Topics, config: Config) -> Named:
    """What the documents of the last days name; one that names too much is a list, and names nothing."""
    folders = artifacts.partitions_until(config.lake, "ingest", artifacts.run_date_of(ingest))
    files = [str(path) for path in map(DOCUMENTS.path, folders) if path.is_file()]
    if not files:
        return {}
    bound: dict[str, Any] = {
        "first": night - timedelta(days=section.days - 1),
        "last": night,
        "kinds": list(section.kinds),
        "longest": entities.LONGEST,
        "most": entities.MOST,
    }
    with sql.connect(config.threads, config.memory_limit_mb, timezone=config.timezone) as connection:
        table = sql.query(connection, "words/entities", entities.NAMED, files=files, **bound)
    found: dict[str, list[str]] = {}
    for document, entity in zip(*(table.column(one).to_pylist() for one in ("document_id", "entity")), strict=True):
        found.setdefault(document, []).extend([] if entity is None else [entity])
    return found


def make(
    written: Written,
    of: np.ndarray,
    names: Sequence[str],
    vectors: np.ndarray,
    *,
    seen: Mapping[str, int],
    about: Named,
    section: Topics,
    languages: np.ndarray | None = None,
) -> tuple[pa.Table, np.ndarray]:
    """TOPICS of those that are written about, and the microsecond at which each of all was first seen.

    Args:
        written: [T] texts.
        of: [T] int64 the topic of each; -1: none.
        names: [G] of the topics.
        vectors: [T, h] of `exact.rounded`.
        seen: of topics of the night before, when they were first seen.
        about: what documents name.
        section: the settings.
        languages: [T] int64 the language of each text, one in a topic; None: they are not told apart.
    """
    number, days = len(names), section.days
    lately = _count(of, written.age < days, number)
    before = _count(of, (written.age >= days) & (written.age < 2 * days), number)
    first_seen = np.full(number, np.iinfo(np.int64).max)
    np.minimum.at(first_seen, of[of >= 0], written.times[of >= 0])
    first_seen = np.minimum(first_seen, [seen.get(name, np.iinfo(np.int64).max) for name in names]).astype(np.int64)
    order = np.lexsort([np.array(names, dtype=str), -before, -lately])
    some = order[lately[order] >= section.fewest][: section.topics]
    recent = _recent(of, written.age < days, some)
    examples = [texts[_middle(vectors[texts])] for texts in recent]
    documents = written.table.take(pa.array(written.first[np.array(examples, dtype=np.int64)]))
    goes_back = written.oldest >= 2 * days - 1 and bool(((written.age >= days) & (written.age < 2 * days)).any())
    trend = trends.columns(lately[some], before[some], goes_back)
    columns = {
        "topic_id": [names[topic] for topic in some],
        "rank": np.arange(1, len(some) + 1, dtype=np.int32),
        "words": _words(written, recent, days, languages),
        "documents": lately[some].astype(np.int32),
        **dict(zip(("documents_before", "growth", "growth_low", "growth_high", "direction"), trend, strict=True)),
        "entities": [_named(written, texts, about) for texts in recent],
        "document_id": documents.column("document_id"),
        "first_seen": pa.array(first_seen[some], pa.timestamp("us", tz="UTC")),
        "user_id": documents.column("author"),
    }
    return pa.table({one: columns[one] for one in TOPICS.names}).cast(TOPICS), first_seen


def _recent(of: np.ndarray, lately: np.ndarray, topics: np.ndarray) -> list[np.ndarray]:
    """The texts of the last days of some topics, rising."""
    texts = np.flatnonzero(lately)
    texts = texts[np.argsort(of[texts], kind="stable")]
    low, high = (np.searchsorted(of[texts], topics, side=side) for side in ("left", "right"))
    return [texts[start:end] for start, end in zip(low.tolist(), high.tolist(), strict=True)]


def _count(of: np.ndarray, counts: np.ndarray, number: int) -> np.ndarray:
    """[G] how many texts of each topic count."""
    return np.bincount(of[counts & (of >= 0)], minlength=number)


def _middle(vectors: np.ndarray) -> int:
    """The place of the one nearest to the sum of all; of equals the first. Whole numbers, in whatever order added."""
    among = vectors.astype(np.float64)
    return int((among @ among.sum(axis=0)).argmax())


def _words(written: Written, recent: Sequence[np.ndarray], days: int, languages: np.ndarray | None) -> list[list[str]]:
    """The words that tell the latest texts of each topic from those of the others, and from all that are in none.

    Where languages are told apart, from those in the topic's own: from others every word of it would tell them.
    """
    lately = np.flatnonzero(written.age < days)
    if languages is None:
        return _telling(written, recent, lately)
    found: list[list[str]] = [[] for _ in recent]
    of_topic = np.array([languages[texts[0]] for texts in recent], dtype=np.int64)
    for language in np.unique(of_topic):
        topics = np.flatnonzero(of_topic == language).tolist()
        mine = lately[languages[lately] == language]
        for topic, words in zip(topics, _telling(written, [recent[one] for one in topics], mine), strict=True):
            found[topic] = words
    return found


def _telling(written: Written, recent: Sequence[np.ndarray], lately: np.ndarray) -> list[list[str]]:
    """The words of some topics, among texts that are in one of them or in none."""
    groups = [*recent, np.setdiff1d(lately, np.concatenate([lately[:0], *recent]))]
    latest = [texts[np.argsort(written.times[texts], kind="stable")][-TOLD:] for texts in groups]
    return [list(words) for words in contrast.between([list(written.texts[texts]) for texts in latest])[:-1]]


def _named(written: Written, texts: np.ndarray, about: Named) -> list[str]:
    """What is named in most of some texts, of equals the first by name."""
    ids = written.table.column("document_id").take(pa.array(written.first[texts])).to_pylist()
    counts = Counter(name for document in ids for name in about.get(document, ()))
    return [name for name, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:ENTITIES]]
