"""A question's context is its thread so far: its vector is mixed with those of the questions before it in the thread.

    share = thread_words / (thread_words + words of the question)
    vector = (1 - share) x its own + share x the mean of the earlier ones at length 1

A turn of one word ("why?") means little alone and leans on what was asked before, one of twenty says it all itself. By
its words a question is its own text alone: with the thread's beside it, every turn of a chat had the same words.
"""

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.answers import exact
from pipeline.answers.asked import Texts
from pipeline.ground import artifacts, sql
from pipeline.intake.inputs.documents import DOCUMENTS
from pipeline.settings.config import Config
from pipeline.words.documents import Documents

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

TURNS = 20
"""Questions before one that are its context, the latest; a thread of thousands would say the same of all that come."""
SCHEMA = pa.schema(
    [
        pa.field("place", pa.int64()),  # in Texts.rows
        pa.field("earlier", pa.list_(pa.int64())),  # texts, as Texts.of has them; null: none
        pa.field("key", pa.string()),  # a hash of its text and theirs
        pa.field("since", pa.date32()),
    ]
)


def within(
    documents: Documents, texts: Texts, vectors: np.ndarray, night: date, config: Config
) -> tuple[Texts, np.ndarray]:
    """The questions of a night with their threads so far.

    Args:
        documents: all of the night.
        texts: of kind question.
        vectors: [T, h] of `exact.rounded`, of these.
        night, config: whose documents are read.
    Returns:
        The different questions, of which a text with another context is another one, and their vectors.
    """
    thread_words = config.answer.thread_words
    if not thread_words or not len(texts.rows):
        return texts, vectors
    found = _turns(documents, texts, night, config)
    keys = np.array(found["key"].to_pylist(), dtype=str)
    named, first, of = np.unique(keys, return_index=True, return_inverse=True)
    since = np.full(len(named), np.iinfo(np.int32).max, dtype=np.int64)
    np.minimum.at(since, of, found["since"].cast(pa.int32()).to_numpy())
    order = np.lexsort([named, since])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    chosen = first[order]
    mine = texts.of[chosen]
    made = Texts(named[order], texts.texts[mine], texts.rows[chosen], texts.rows, place[of])
    return made, mixed(vectors, mine, _sums(found["earlier"], chosen, len(vectors)), made.texts, thread_words)


def _turns(documents: Documents, texts: Texts, night: date, config: Config) -> pa.Table:
    """SCHEMA, one row per question, by its place."""
    folders = artifacts.partitions_until(config.lake, "ingest", night)
    files = [str(path) for path in map(DOCUMENTS.path, folders) if path.is_file()]
    mine = documents.table.take(pa.array(texts.rows)).select(["document_id", "thread_id", "time", "text_key"])
    places = {"place": np.arange(len(texts.rows)), "text_place": texts.of}
    for name, column in places.items():
        mine = mine.append_column(name, pa.array(column, pa.int64()))
    with sql.connect(config.threads, config.memory_limit_mb) as connection:
        given = {"files": files, "turns": TURNS, "thread_words": config.answer.thread_words}
        return sql.query(connection, "answers/turns", SCHEMA, {"questions": mine}, **given)


def _sums(earlier: pa.ChunkedArray, rows: np.ndarray, number: int) -> "csr_matrix":
    """[N, T] CSR float64: how often each text is among what was asked before some questions."""
    from scipy import sparse

    lists = earlier.combine_chunks().take(pa.array(rows))
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    texts = lists.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return sparse.csr_matrix((np.ones(len(texts)), texts, starts), shape=(len(rows), number))


def mixed(
    vectors: np.ndarray, own: np.ndarray, earlier: "csr_matrix", texts: np.ndarray, thread_words: float
) -> np.ndarray:
    """[N, h] of `exact.rounded`: the vectors of questions, each with those before it in its thread.

    Args:
        vectors: [T, h] of `exact.rounded`, of all texts.
        own: [N] int64 the text of each.
        earlier: [N, T] what was asked before it.
        texts: [N] theirs, whose words are counted.
        thread_words: what the thread counts, in words.
    """
    found: np.ndarray = vectors[own]
    some = np.flatnonzero(np.diff(earlier.indptr))
    if not len(some):
        return found
    words = np.array([len(text.split()) for text in texts[some].tolist()], dtype=np.float64)
    share = (thread_words / (thread_words + words))[:, None]
    before = earlier[some] @ vectors.astype(np.float64)  # whole numbers, so that no order of adding is another
    length = np.sqrt((before**2).sum(axis=1, keepdims=True))
    mean = np.divide(before, length, out=np.zeros_like(before), where=length > 0)
    found[some] = exact.rounded(((1 - share) * found[some] / exact.STEPS + share * mean).astype(np.float32))
    return found
