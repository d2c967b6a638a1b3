"""What is written about the things that documents name: their tone, and days on which more is written than usual.

    days.parquet       a row per thing and recent day on which something was written about it
    unusual.parquet    the days on which more was than the past lets expect, with words, an example, and how new it is
    authors.parquet    who wrote what is in here

Nothing is learned, and nothing read that arrived after the night. A text counts once a day, however often it is said.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ground import artifacts, sql
from pipeline.intake.inputs.documents import DOCUMENTS
from pipeline.settings.config import Config
from pipeline.settings.sections.words import Entities
from pipeline.words import bursts, contrast, held, spoken, tone
from pipeline.words.classify import AUTHORS
from pipeline.words.documents import authors_of
from pipeline.words.schemas import ENTITY_DAYS, UNUSUAL_DAYS

LONGEST = 200
"""Bytes of a name; a longer one is no name."""
MOST = 100
"""Things that a document can be about; one that names more is a list, and about none of them."""
NAMED = pa.schema(
    [
        pa.field("document_id", pa.string()),
        pa.field("day", pa.int32()),  # since the first that counts
        pa.field("entity", pa.string()),  # null: the document names none
        pa.field("text_key", pa.string()),
        pa.field("author", pa.string()),
        pa.field("authors", pa.list_(pa.string())),
    ]
)
TEXTS = pa.schema([pa.field("document_id", pa.string()), pa.field("text", pa.string())])


def run(
    *,
    ingest: Path,
    languages: Path | None = None,
    classify: Path | None = None,
    content: Path | None = None,
    run_date: date,
    section: Entities,
    config: Config,
    out: Path,
) -> dict[str, Any]:
    """Count what is written about what, and find the days that are unlike the past.

    Args:
        ingest: the night's; documents of all nights up to it are read.
        languages: of a shop that declares some: what tells a day is told in that of most of its texts.
        classify, content: of a shop whose documents get labels, and are checked: what is held back is not counted.
        run_date: the night.
        section, config: the settings.
        out: receives what is said above.
    Returns:
        How many documents, things, days with a row, and unusual ones; of these those of the night.
    """
    first = run_date - timedelta(days=section.days + section.past_days - 1)
    folders = artifacts.partitions_until(config.lake, "ingest", artifacts.run_date_of(ingest))
    files = [str(path) for path in map(DOCUMENTS.path, folders) if path.is_file()]
    with sql.connect(
        config.threads, config.memory_limit_mb, spill=out / ".spill", timezone=config.timezone
    ) as connection:
        bound: dict[str, Any] = {"kinds": list(section.kinds), "longest": LONGEST, "most": MOST}
        bound |= {"first": first, "last": run_date, "files": files}
        named = sql.query(connection, "words/entities", NAMED, **bound) if files else NAMED.empty_table()
        written = Written.of(named := held.left(named, content, config), section)
        unusual = written.unusual()
        wanted = written.about(unusual.entity)
        texts = TEXTS.empty_table()
        if len(wanted):
            texts = sql.query(connection, "words/texts_about", TEXTS, files=files, documents=wanted)
    shutil.rmtree(out / ".spill", ignore_errors=True)
    days = _days(written, tone.values(classify, section), first)
    of_documents = spoken.by_document(languages) if languages is not None and config.enabled("languages") else None
    rows = _unusual(written, unusual, texts, first, of_documents)
    pq.write_table(days, out / "days.parquet", compression="zstd")
    pq.write_table(rows, out / "unusual.parquet", compression="zstd")
    pq.write_table(pa.table({"user_id": authors_of([named])}), out / AUTHORS, compression="zstd")
    documents: int = pc.count_distinct(named.column("document_id")).as_py()
    counts = {"documents": documents, "entities": len(written.names), "days": days.num_rows, "unusual": rows.num_rows}
    return counts | {"unusual tonight": int((unusual.day == section.past_days + section.days - 1).sum())}


@dataclass(frozen=True)
class UnusualDays:
    """Days on which more was written about a thing than usual, by day and then by thing.

    Attributes:
        entity: [U] int64 place of the thing.
        day: [U] int64, since the first day that counts.
        expected: [U] texts that its past lets expect.
        false_share: [U] bursts.Unusual.false_share.
    """

    entity: np.ndarray
    day: np.ndarray
    expected: np.ndarray
    false_share: np.ndarray


@dataclass(frozen=True)
class Written:
    """What was written about what, on which of D days: those of the past, and then those that are published.

    Attributes:
        names: [E] the things, sorted.
        document_ids, keys: [M] text, of each mention of a thing, by thing and then by day.
        authors: [M] text or None.
        cells: [M] int64, rising: thing * D + day.
        texts: [E, D] int32 different texts about a thing.
        all_texts: [D] int64 different texts, whatever they are about.
        section: the settings.
    """

    names: np.ndarray
    document_ids: np.ndarray
    keys: np.ndarray
    authors: np.ndarray
    cells: np.ndarray
    texts: np.ndarray
    all_texts: np.ndarray
    section: Entities

    @classmethod
    def of(cls, named: pa.Table, section: Entities) -> "Written":
        """From NAMED."""
        width = section.days + section.past_days
        mentions = named.filter(pc.is_valid(named.column("entity")))
        names = pc.unique(mentions.column("entity")).sort()
        entity = pc.index_in(mentions.column("entity"), names).to_numpy().astype(np.int64)
        cells = entity * width + mentions.column("day").to_numpy()
        order = np.argsort(cells, kind="stable")
        mentions, cells = mentions.take(pa.array(order)), cells[order]
        different = pa.table({"cell": cells, "key": mentions.column("text_key")}).group_by(["cell", "key"])
        texts = np.bincount(different.aggregate([]).column("cell").to_numpy(), minlength=len(names) * width)
        days = named.group_by(["day", "text_key"]).aggregate([]).column("day").to_numpy()
        asked = ("document_id", "text_key", "author")
        document_ids, keys, authors = (np.array(mentions.column(name).to_pylist(), object) for name in asked)
        return cls(
            names=np.array(names.to_pylist(), dtype=object),
            document_ids=document_ids,
            keys=keys,
            authors=authors,
            cells=cells,
            texts=texts.reshape(len(names), width).astype(np.int32),
            all_texts=np.bincount(days, minlength=width),
            section=section,
        )

    def unusual(self) -> UnusualDays:
        """The published days that are unlike the past."""
        found: list[list[np.ndarray]] = []
        others = self.all_texts[None, :] - self.texts
        for day in range(self.section.past_days, self.texts.shape[1]):
            past = slice(day - self.section.past_days, day)
            known = np.flatnonzero(self.texts[:, past.start : day + 1].any(axis=1))
            today, before = self.texts[known, day], self.texts[known, past]
            judged = bursts.of_day(today, before, others[known, day], others[known, past])
            some = (judged.false_share <= self.section.false_share) & (today >= self.section.fewest)
            some &= today > judged.expected
            found.append([known[some], np.full(some.sum(), day), judged.expected[some], judged.false_share[some]])
        return UnusualDays(*(np.concatenate(column) for column in zip(*found, strict=True)))

    def different(self, entity: int, first: int, end: int) -> np.ndarray:
        """The places of a thing's mentions on days from `first` until before `end`, each text once."""
        start = entity * self.texts.shape[1]
        low, high = np.searchsorted(self.cells, [start + first, start + end])
        return np.asarray(low + np.sort(np.unique(self.keys[low:high].astype(str), return_index=True)[1]))

    def about(self, entities: np.ndarray) -> list[str]:
        """The documents that name one of some things."""
        return sorted(set(self.document_ids[np.isin(self.cells // self.texts.shape[1], entities)]))


def _days(written: Written, worth: tone.Values | None, first: date) -> pa.Table:
    """ENTITY_DAYS of the published days."""
    section = written.section
    entity, day = np.nonzero(written.texts[:, section.past_days :])
    day += section.past_days
    tones = tone.of_days(written.cells, written.document_ids, written.keys, written.texts.shape, worth)
    columns = {
        "entity": written.names[entity],
        "day": _dates(first, day),
        "texts": written.texts[entity, day],
        **{name: column[entity, day] for name, column in tones.against_past(section.past_days).items()},
    }
    return _table(columns, ENTITY_DAYS)


def _in_one_language(
    today: np.ndarray, past: np.ndarray, documents: np.ndarray, languages: Mapping[str, str]
) -> tuple[np.ndarray, np.ndarray]:
    """Of the mentions of a day and of its past those in the language of most of the day's, of equals the first by name.

    Among texts of several languages each word of a rarer one would tell the day on which somebody wrote in it.
    """
    of_today, of_past = (
        np.array([languages.get(one, "") for one in documents[rows]], dtype=str) for rows in (today, past)
    )
    names, counts = np.unique(of_today[of_today != ""], return_counts=True)  # "": it is not known
    usual = names[counts.argmax()] if len(names) else ""
    return today[of_today == usual], past[of_past == usual]


def _unusual(
    written: Written, unusual: UnusualDays, texts: pa.Table, first: date, languages: Mapping[str, str] | None
) -> pa.Table:
    """UNUSUAL_DAYS; `languages` by document, None: they are not told apart."""
    text_of = dict(zip(*(texts.column(name).to_pylist() for name in TEXTS.names), strict=True))
    told, examples = [], []
    for entity, day in zip(unusual.entity.tolist(), unusual.day.tolist(), strict=True):
        today = written.different(entity, day, day + 1)
        past = written.different(entity, day - written.section.past_days, day)
        if languages is not None:
            today, past = _in_one_language(today, past, written.document_ids, languages)
        said = ([text_of[one] for one in written.document_ids[places]] for places in (today, past))
        told.append(contrast.tell(*said))
        examples.append(today[told[-1].example])
    columns = {
        "entity": written.names[unusual.entity],
        "day": _dates(first, unusual.day),
        "texts": written.texts[unusual.entity, unusual.day],
        "expected": unusual.expected,
        "false_share": unusual.false_share,
        "novelty": np.array([one.novelty for one in told], dtype=np.float64),
        "words": [list(one.words) for one in told],
        "document_id": written.document_ids[np.array(examples, dtype=np.int64)],
        "user_id": written.authors[np.array(examples, dtype=np.int64)],
    }
    return _table(columns, UNUSUAL_DAYS)


def _dates(first: date, days: np.ndarray) -> np.ndarray:
    return np.datetime64(first, "D") + days.astype("timedelta64[D]")


def _table(columns: dict[str, Any], schema: pa.Schema) -> pa.Table:
    """Not a number is null."""
    arrays = [pa.array(columns[field.name], from_pandas=True).cast(field.type, safe=False) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)
