"""The questions and answers of a night: every text once, and what speaks for an answer to a question.

thread     the answer came in the question's thread, to the question before it
helpful    somebody found it helpful
resolved   it resolved the question
reopened   it did not after all: nothing that was said of the two before counts
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ground import artifacts, sql
from pipeline.intake.inputs.documents import DOCUMENTS
from pipeline.settings.config import Config
from pipeline.settings.sections.answers import Answer
from pipeline.words.documents import Documents

SAID = pa.schema(
    [
        pa.field("question_id", pa.string()),
        pa.field("answer_id", pa.string()),
        pa.field("label_set", pa.string()),
        pa.field("arrival", pa.date32()),
    ]
)
THREAD, HELPFUL, RESOLVED = 0, 1, 2
"""What speaks for an answer, the strongest last."""


@dataclass(frozen=True)
class Texts:
    """The different texts of one kind of document, in the order in which nights first knew them.

    Attributes:
        keys, texts: [T] the hash and the text of each.
        first: [T] int64 the row of the first document that has it, by time and then by id.
        rows: [N] int64 the rows of all documents of the kind.
        of: [N] int64 the text of each of them.
    """

    keys: np.ndarray
    texts: np.ndarray
    first: np.ndarray
    rows: np.ndarray
    of: np.ndarray


@dataclass(frozen=True)
class Pairs:
    """Questions and the answers for which something speaks; a document's question counts once with each answer's text.

    Attributes:
        question: [P] int64 rows of the documents.
        answer: [P] int64 texts of the answers; rising.
        strength: [P] int8 THREAD, HELPFUL or RESOLVED.
    """

    question: np.ndarray
    answer: np.ndarray
    strength: np.ndarray


def texts_of(documents: Documents, kind: str) -> Texts:
    """The texts of a kind."""
    table = documents.table
    rows = np.flatnonzero(pc.fill_null(pc.equal(table.column("kind"), kind), False).to_numpy(zero_copy_only=False))
    times = table.column("time").cast(pa.int64()).to_numpy()[rows]
    rows = rows[np.lexsort([rows, times])]
    keys = documents.column("text_key")[rows].astype(str)
    since = table.column("text_since").cast(pa.int32()).to_numpy()[rows]
    names, first, of = np.unique(keys, return_index=True, return_inverse=True)
    order = np.lexsort([names, since[first]])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    chosen = rows[first[order]]
    return Texts(names[order], documents.column("text")[chosen], chosen, rows, place[of])


def said(night: date, config: Config, section: Answer) -> pa.Table:
    """SAID, what was said by a night of answers and the questions that they resolved, or did not."""
    folders = artifacts.partitions_until(config.lake, "ingest", night)
    files = [str(path) for path in map(DOCUMENTS.path, folders) if path.is_file()]
    if not files:
        return SAID.empty_table()
    names = sorted({*section.resolved, *section.helpful, *section.reopened})
    with sql.connect(config.threads, config.memory_limit_mb) as connection:
        return sql.query(connection, "answers/said", SAID, files=files, names=names)


def pairs(documents: Documents, answers: Texts, told: pa.Table, section: Answer) -> Pairs:
    """What speaks for answers.

    Args:
        documents: of the night.
        answers: their texts of kind answer.
        told: SAID.
        section: which label sets say what.
    """
    ids = documents.table.column("document_id").combine_chunks()
    text_of = np.full(len(ids), -1, dtype=np.int64)
    text_of[answers.rows] = answers.of
    question, answer = (pc.index_in(told.column(name), ids) for name in ("question_id", "answer_id"))
    known = pc.and_(pc.is_valid(question), pc.is_valid(answer)).to_numpy()
    question, answer = (pc.fill_null(column, -1).to_numpy().astype(np.int64) for column in (question, answer))
    strength = _strength(np.array(told.column("label_set").to_pylist(), dtype=object), section)
    arrival = told.column("arrival").cast(pa.int32()).to_numpy().astype(np.int64)
    in_threads = _in_threads(documents)
    first = np.full(len(in_threads[0]), np.iinfo(np.int64).min)  # before whatever is said of the two
    of_threads = np.stack([in_threads[0], text_of[in_threads[1]], np.full(len(first), THREAD), first])
    of_labels = np.stack([question, text_of[answer], strength, arrival])[:, known]
    found = np.concatenate([of_threads, of_labels], axis=1)
    return _last_said(found[:, found[1] >= 0])


def _strength(sets: np.ndarray, section: Answer) -> np.ndarray:
    """[N] int64 what a label set says; -1: reopened."""
    found = np.full(len(sets), -1, dtype=np.int64)
    for names, strength in ((section.helpful, HELPFUL), (section.resolved, RESOLVED)):
        found[np.isin(sets.astype(str), names)] = strength
    found[np.isin(sets.astype(str), section.reopened)] = -1
    return found


def _last_said(found: np.ndarray) -> Pairs:
    """Of rows question, answer, strength, arrival: the strongest of what was said since the two were last reopened."""
    question, answer, strength, arrival = found
    # by pair and night, what reopens last of its night
    order = np.lexsort([strength == -1, arrival, question, answer])
    question, answer, strength = question[order], answer[order], strength[order]
    if not len(order):
        return Pairs(question, answer, strength.astype(np.int8))
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (question[1:] != question[:-1]) | (answer[1:] != answer[:-1])
    starts = np.flatnonzero(begins)
    place = np.arange(len(order))
    reopened = np.maximum.reduceat(np.where(strength == -1, place, -1), starts)
    counts = place > np.repeat(reopened, np.diff(np.append(starts, len(order))))
    best = np.maximum.reduceat(np.where(counts, strength, -1), starts)
    kept = best >= 0
    return Pairs(question[starts][kept], answer[starts][kept], best[kept].astype(np.int8))


def _in_threads(documents: Documents) -> tuple[np.ndarray, np.ndarray]:
    """Rows of questions and of answers that came to them: in a thread, to the last question that is not after it."""
    threads = documents.column("thread_id")
    kinds = documents.column("kind")
    rows = np.flatnonzero((threads != None) & ((kinds == "question") | (kinds == "answer")))  # noqa: E711  element-wise
    times = documents.table.column("time").cast(pa.int64()).to_numpy()[rows]
    _, thread = np.unique(threads[rows].astype(str), return_inverse=True)
    is_answer = kinds[rows] == "answer"
    order = np.lexsort([rows, is_answer, times, thread])  # at one moment the question is before its answer
    rows, thread, is_answer = rows[order], thread[order], is_answer[order]
    last = np.maximum.accumulate(np.where(is_answer, -1, np.arange(len(rows))))
    to = is_answer & (last >= 0)
    to[to] = thread[last[to]] == thread[to]
    return rows[last[to]], rows[to]
