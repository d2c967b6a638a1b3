"""Rows of the tables that a night of `classify` makes: a label for every recent document, and what to label next."""

import numpy as np
import pyarrow as pa

from pipeline.settings.sections.words import LabelSet
from pipeline.words import wanted as wanting
from pipeline.words.documents import Documents
from pipeline.words.schemas import LABELS, WANTED
from pipeline.words.text_vectors import Vectors


def labels(
    name: str,
    section: LabelSet,
    documents: Documents,
    recent: np.ndarray,
    *,
    answers: pa.Table | None,
    given: dict[int, str],
) -> pa.Table:
    """LABELS: a given label is what it is; without a classifier there are no others.

    Args:
        name, section: the label set.
        documents: all.
        recent: [N] rows of those that get a label.
        answers: best, second, probability and unknown of each; None: nothing is learned.
        given: by row, the labels that are known.
    """
    known = [given.get(row) for row in recent.tolist()]
    said = [None] * len(known) if answers is None else answers.column("best").to_pylist()
    unknown = [True] * len(known) if answers is None else answers.column("unknown").to_pylist()
    label = [g if g is not None else None if u else s for g, s, u in zip(known, said, unknown, strict=True)]
    label = [None if one in section.outside else one for one in label]
    nothing = pa.nulls(len(known))
    chosen = documents.table.take(pa.array(recent))
    columns = {
        "document_id": chosen.column("document_id"),
        "label_set": pa.repeat(name, len(known)),
        "label": label,
        "probability": nothing if answers is None else answers.column("probability"),
        "best": said,
        "second": nothing if answers is None else answers.column("second"),
        "is_given": [g is not None for g in known],
        "time": chosen.column("time"),
        "user_id": chosen.column("author"),
    }
    made = pa.table({column: pa.array(c) if isinstance(c, list) else c for column, c in columns.items()})
    return made.cast(LABELS)


def wanted(
    name: str,
    section: LabelSet,
    documents: Documents,
    recent: np.ndarray,
    *,
    answers: pa.Table | None,
    labelled: np.ndarray,
    vectors: Vectors,
) -> pa.Table:
    """WANTED: of recent documents whose text nobody gave a label, each text once.

    Args:
        name, section, documents, recent, answers: as of `labels`.
        labelled: hashes of the texts that have a label.
        vectors: of all recent texts.
    """
    keys = documents.column("text_key")[recent]
    first = np.zeros(len(recent), dtype=bool)
    first[np.unique(keys.astype(str), return_index=True)[1]] = True
    free = np.flatnonzero(first & ~np.isin(keys.astype(str), labelled.astype(str)))
    probability = np.zeros(len(recent)) if answers is None else answers.column("probability").to_numpy()
    chosen = free[wanting.choose(1 - probability[free], vectors.of(keys[free]), section.wanted)]
    found = documents.table.take(pa.array(recent[chosen]))
    nothing = pa.nulls(len(chosen))
    said = answers.take(pa.array(chosen)) if answers is not None else None
    columns = {
        "label_set": pa.repeat(name, len(chosen)),
        "rank": np.arange(1, len(chosen) + 1, dtype=np.int32),
        "document_id": found.column("document_id"),
        "best": nothing if said is None else said.column("best"),
        "second": nothing if said is None else said.column("second"),
        "probability": nothing if said is None else said.column("probability"),
        "user_id": found.column("author"),
    }
    return pa.table(columns).cast(WANTED)
