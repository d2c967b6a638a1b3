"""What is written about, how much and whether more than before, as of a night; a stage of shops that ask for it.

    topics.parquet     a row per topic that is written about, the largest first
    members.parquet    which texts are in which topic, for the names of the next night
    known.parquet      when each topic was first seen
    authors.parquet    who wrote what is in here
    vectors/           the texts' vectors (pipeline.words.text_vectors)

Topics are put together anew of the texts of the last days, and go on under the names that the last finished night has
given to the same texts. Nothing is read that arrived after the night.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.answers import vectors
from pipeline.arrays.determinism import blas_threads
from pipeline.ground import artifacts, keeping
from pipeline.settings.config import Config
from pipeline.settings.sections.topics import Topics
from pipeline.topics import grouping, names, rows
from pipeline.topics.schemas import KNOWN, MEMBERS
from pipeline.topics.written import Written
from pipeline.words import held, text_vectors
from pipeline.words import spoken as languages_of
from pipeline.words.classify import AUTHORS
from pipeline.words.documents import Documents, authors_of

Report = dict[str, Any]


def run(
    *,
    ingest: Path,
    languages: Path | None = None,
    classify: Path | None = None,
    content: Path | None = None,
    run_date: date,
    section: Topics,
    config: Config,
    out: Path,
) -> Report:
    """Put together what is written about, and count it.

    Args:
        ingest: the night's; documents of all nights up to it are read.
        languages: the night's, of a shop that declares some: a topic is in one of them.
        classify, content: the night's, of a shop that has them: vectors are linked; what is held back does not count.
        run_date: the night.
        section, config: the settings.
        out: receives what is said above.
    Returns:
        Documents, different texts, those encoded, topics, how many of them went on from the night before, and rows.
    Raises:
        InputError: the encoder is not found.
    """
    first = run_date - timedelta(days=section.past_days - 1)
    documents = held.without(Documents.read(artifacts.run_date_of(ingest), config, (), since=first), content, config)
    written = Written.of(documents, run_date, section)
    earlier = _earlier(run_date, config)
    linked = [*earlier, *([classify] if classify is not None and config.enabled("classify") else [])]
    encoded = text_vectors.make(documents.table, written.first, out, linked, section=section, config=config)
    with blas_threads(config.threads):
        found = vectors.of(written.texts, written.keys, encoded, section)
        before, seen = _before(earlier)
        spoken = languages_of.read(languages, documents, config)
        of_texts = None if spoken is None else spoken.of[written.first]
        places = names.places(written.keys, before)
        of = grouping.in_languages(found, section.likeness, places, of_texts)
        topic = names.names(of, written.keys, before)
        about = rows.named(ingest, run_date, section, config)
        table, first_seen = rows.make(
            written, of, topic, found, seen=seen, about=about, section=section, languages=of_texts
        )
    _write(out, "topics", table)
    _remember(out, written, of, topic, first_seen)
    pq.write_table(_authors(documents, encoded), out / AUTHORS, compression="zstd")
    report: Report = {"documents": written.documents, "texts": len(written.keys), "encoded": encoded.encoded}
    report |= {"topics": len(topic), "gone on": sum(one in seen for one in topic), "rows": table.num_rows}
    return report | {"after": _key(earlier)} | languages_of.counts(spoken, "rows", table, documents)


def still_holds(config: Config, manifest: dict[str, Any]) -> bool:
    """Whether the night before, whose topics tonight's go on from, is still what it was."""
    report = manifest["report"]
    if report.get("enabled") is False:
        return True
    return bool(report.get("after") == _key(_earlier(date.fromisoformat(manifest["run_date"]), config)))


def _key(earlier: list[Path]) -> str | None:
    return artifacts.content_hash(earlier[0]) if earlier else None


def _earlier(night: date, config: Config) -> list[Path]:
    """The last finished night before this one, if there is any; what it has is brought of a home in an object store."""
    folders = artifacts.partitions_until(config.lake, "topics", night)
    found = [folder for folder in folders if artifacts.run_date_of(folder) < night][-1:]
    for folder in found:
        keeping.bring(folder)
    return found


def _before(earlier: list[Path]) -> tuple[dict[str, str], dict[str, int]]:
    """Of an earlier night the topic of each text, and the microsecond at which each topic was first seen."""
    members, seen = dict[str, str](), dict[str, int]()
    for folder in earlier:
        if (folder / "members.parquet").is_file():  # a night on which the stage was switched off has none
            table = pq.read_table(folder / "members.parquet", schema=MEMBERS)
            members = dict(zip(*(column.to_pylist() for column in table.columns), strict=True))
            known = pq.read_table(folder / "known.parquet", schema=KNOWN)
            times = known.column("first_seen").cast(pa.int64()).to_pylist()
            seen = dict(zip(known.column("topic_id").to_pylist(), times, strict=True))
    return members, seen


def _remember(out: Path, written: Written, of: np.ndarray, topic: list[str], first_seen: np.ndarray) -> None:
    """Write what the next night goes on from: which texts are in which topic, and when each was first seen."""
    in_one = of >= 0
    members = {"text_key": written.keys[in_one].tolist(), "topic_id": [topic[one] for one in of[in_one]]}
    _write(out, "members", pa.table(members, schema=MEMBERS))
    _write(out, "known", pa.table({"topic_id": topic, "first_seen": first_seen}, schema=KNOWN))


def _write(out: Path, name: str, table: pa.Table) -> None:
    pq.write_table(table, out / f"{name}.parquet", compression="zstd")


def _authors(documents: Documents, encoded: text_vectors.Vectors) -> pa.Table:
    """Who wrote a text of which there is a vector, wanted or not."""
    return pa.table({"user_id": authors_of([documents.table.filter(encoded.has(documents.table.column("text_key")))])})
