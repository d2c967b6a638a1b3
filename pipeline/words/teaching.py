"""Which documents teach a night's classifiers: tonight's, or those that were known when they were last fitted."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from pipeline.encoder import pretrained
from pipeline.settings.config import Config
from pipeline.settings.sections.words import Classify, LabelSet
from pipeline.words import fitting
from pipeline.words.documents import Documents, Labelled

ENOUGH = 4000
"""Documents with a label from which on those without one take no part: what is like them is hardly missing."""


def known(documents: Documents, run_date: date, config: Config) -> Documents:
    """Those that teach; as long as too little was known when classifiers would have been fitted, tonight's.

    Args:
        documents: tonight's.
        run_date: the night.
        config: the label sets, and how often they are learned.
    """
    day = run_date - timedelta(days=run_date.toordinal() % config.classify.refresh_days)
    if day == run_date:
        return documents
    sets = config.classify.label_sets
    taught = Documents.read(day, config, sorted(sets))
    return taught if all(fitting.can_learn(taught.of(name).labels, one) for name, one in sets.items()) else documents


def unlabelled(taught: Documents, labelled: Labelled, section: LabelSet, classify: Classify) -> np.ndarray:
    """[U] rows of documents without a label that take part in learning, each text once, in the order of their hashes.

    They are the latest of those that were written and known by the night that first knew the last label, so that a
    night which brings none has nothing to learn. Where nothing is labelled, more than ENOUGH is, or no
    encoder says what is alike, there are none.

    Args:
        taught: the documents that teach.
        labelled: which of them have a label.
        section: the label set, for the kinds of its documents.
        classify: how old, and how many.
    """
    if not 0 < len(labelled.rows) <= ENOUGH or classify.model == pretrained.NONE:
        return np.zeros(0, dtype=np.int64)
    last = labelled.known.max()
    keys = taught.column("text_key").astype(str)
    rows = taught.lately(last.item(), classify.days, section.kinds)
    # what is written later, or said again, changes nothing
    known = (taught.since[rows] <= last) & (taught.days[rows] <= last.astype(np.int64))
    rows = rows[known & ~np.isin(keys[rows], keys[labelled.rows])]
    times = taught.table.column("time").cast(pa.int64()).to_numpy()[rows]
    rows = rows[np.lexsort([rows, -times])]
    first = np.sort(np.unique(keys[rows], return_index=True)[1])[: classify.most_unlabelled]
    return np.asarray(rows[first][np.argsort(keys[rows[first]])])


def needed(
    documents: Documents, taught: Documents, teaching: Sequence[np.ndarray], recent: Iterable[np.ndarray]
) -> tuple[pa.Table, np.ndarray]:
    """The documents of tonight and of when they taught, and the rows of both whose vectors are needed.

    Args:
        documents, taught: tonight's, and those that teach; may be the same.
        teaching: rows of `taught` that are learned from.
        recent: rows of `documents` that get one.
    """
    if taught is documents:
        rows = np.concatenate([*recent, *teaching])
        return documents.table, np.unique(rows).astype(np.int64)
    after = documents.table.num_rows
    rows = np.concatenate([*recent, *(rows + after for rows in teaching)])
    return pa.concat_tables([documents.table, taught.table]), np.unique(rows).astype(np.int64)
