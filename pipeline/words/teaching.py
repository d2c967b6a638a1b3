"""Which documents teach a night's classifiers: tonight's, or those that were known when they were last fitted."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from pipeline.settings.config import Config
from pipeline.words import fitting
from pipeline.words.documents import Documents, Labelled


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


def needed(
    documents: Documents, taught: Documents, teaching: Sequence[Labelled], recent: Iterable[np.ndarray]
) -> tuple[pa.Table, np.ndarray]:
    """The documents of tonight and of when they taught, and the rows of both whose vectors are needed.

    Args:
        documents, taught: tonight's, and those that teach; may be the same.
        teaching: of each label set, which of `taught` have a label.
        recent: rows of `documents` that get one.
    """
    if taught is documents:
        rows = np.concatenate([*recent, *(one.rows for one in teaching)])
        return documents.table, np.unique(rows).astype(np.int64)
    after = documents.table.num_rows
    rows = np.concatenate([*recent, *(one.rows + after for one in teaching)])
    return pa.concat_tables([documents.table, taught.table]), np.unique(rows).astype(np.int64)
