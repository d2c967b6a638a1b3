"""Which things the questions and answers of a night name, and the relations that these have.

A document names what its `entities` say. Where they say nothing that has a relation, it names the things whose name
stands in its text; a question that has none either, as "and how do I charge it?", those of the question before it in
its thread.
"""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.answers.asked import Texts
from pipeline.answers.related import Relations, names_in
from pipeline.ground import artifacts, sql
from pipeline.intake.inputs.documents import DOCUMENTS
from pipeline.intake.inputs.relations import RELATIONS
from pipeline.intake.inputs.table import InputTable
from pipeline.settings.config import Config
from pipeline.words.documents import Documents

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

KNOWN = pa.schema([(name, pa.string()) for name in ("thing", "relation", "other_thing")])
SAID = pa.schema([("document_id", pa.string()), ("place", pa.int64())])
MOST = 50
"""Things that a document can be about; one that names more is a list, and about none of them."""


@dataclass(frozen=True)
class Naming:
    """What is named.

    Attributes:
        relations: those that hold after the night.
        documents: [D, T] CSR float64, not 0 where a question or an answer names a thing.
    """

    relations: Relations
    documents: "csr_matrix"

    def of_texts(self, texts: Texts) -> "csr_matrix":
        """[N, T] CSR: the things of different texts, those of all documents that have each."""
        from scipy import sparse

        shape = (len(texts.keys), self.documents.shape[0])
        return sparse.csr_matrix((np.ones(len(texts.rows)), (texts.of, texts.rows)), shape) @ self.documents

    @property
    def made_of(self) -> list[list[str] | list[int]]:
        """All of it, for a hash."""
        given, names = self.relations, self.relations.names.tolist()
        said = ["" if one is None else f"is {one}" for one in given.relation.tolist()]
        where = (given.thing, given.other, self.documents.indptr, self.documents.indices)
        return [names, said, *(one.tolist() for one in where)]


def read(night: date, documents: Documents, questions: Texts, answers: Texts, config: Config) -> Naming | None:
    """What is named by a night; None where no relation holds after it.

    Args:
        night: the last whose relations and documents count.
        documents: all of the night.
        questions, answers: their texts.
        config: the lake; and whether a night names all that there is (`features.items_snapshot`).
    """
    files = _files(RELATIONS, night, config)
    if not files:
        return None
    with sql.connect(config.threads, config.memory_limit_mb) as connection:
        snapshot = config.features.items_snapshot
        known = sql.query(connection, "answers/relations", KNOWN, files=files, night=night, snapshot=snapshot)
        if not known.num_rows:
            return None
        relations = Relations.of(*(known.column(name).to_pylist() for name in KNOWN.names))
        things = pa.table({"thing": pa.array(relations.names, pa.string()), "place": np.arange(len(relations.names))})
        said = sql.query(connection, "answers/named", SAID, {"things": things}, files=_files(DOCUMENTS, night, config))
    return Naming(relations, _named(documents, questions, answers, said, relations))


def _files(table: InputTable, night: date, config: Config) -> list[str]:
    folders = artifacts.partitions_until(config.lake, "ingest", night)
    return [str(path) for path in map(table.path, folders) if path.is_file()]


def _named(
    documents: Documents, questions: Texts, answers: Texts, said: pa.Table, relations: Relations
) -> "csr_matrix":
    """[D, T] CSR float64."""
    from scipy import sparse

    shape = (documents.table.num_rows, len(relations.names))
    row = pc.index_in(said.column("document_id"), documents.table.column("document_id").combine_chunks())
    known = pc.is_valid(row).to_numpy()
    where = pc.fill_null(row, 0).to_numpy()[known], said.column("place").to_numpy()[known]
    found = _few(sparse.csr_matrix((np.ones(len(where[0])), where), shape))
    for texts in (questions, answers):
        silent = (np.diff(found.indptr)[texts.rows] == 0).astype(np.float64)
        rows = sparse.csr_matrix((silent, (texts.rows, texts.of)), (shape[0], len(texts.keys)))
        found = (found + rows @ _few(names_in(texts.texts.tolist(), relations.names))).tocsr()
        found.eliminate_zeros()
    return _carried(documents, questions, found)


def _few(named: "csr_matrix") -> "csr_matrix":
    """Without the rows of more than MOST."""
    from scipy import sparse

    kept = (np.diff(named.indptr) <= MOST).astype(np.float64)
    found = (sparse.diags(kept) @ named).tocsr()
    found.eliminate_zeros()
    found.sort_indices()
    return found


def _carried(documents: Documents, questions: Texts, named: "csr_matrix") -> "csr_matrix":
    """A question without a thing has those of the last question before it in its thread that has one."""
    from scipy import sparse

    number = named.shape[0]
    threads = documents.column("thread_id")[questions.rows]
    in_one = threads != None  # noqa: E711  element-wise
    rows, (_, thread) = questions.rows[in_one], np.unique(threads[in_one].astype(str), return_inverse=True)
    order = np.lexsort([rows, documents.table.column("time").cast(pa.int64()).to_numpy()[rows], thread])
    rows, thread = rows[order], thread[order]
    has = np.diff(named.indptr)[rows] > 0
    last = np.maximum.accumulate(np.where(has, np.arange(len(rows)), -1)) if len(rows) else np.zeros(0, np.int64)
    taken = ~has & (last >= 0)
    taken[taken] = thread[last[taken]] == thread[taken]
    carried = sparse.csr_matrix((np.ones(taken.sum()), (rows[taken], rows[last[taken]])), (number, number))
    found = (named + carried @ named).tocsr()
    found.eliminate_zeros()
    found.sort_indices()
    return found
