"""What each person last asked about, by the night."""

import numpy as np
import pyarrow as pa

from pipeline.answers.night import Night
from pipeline.answers.schemas import LAST_ASKED


def make(night: Night, names: np.ndarray, published: pa.Table, labels: dict[str, str]) -> pa.Table:
    """LAST_ASKED, by user_id.

    Args:
        night: its documents.
        names: [N] the cluster of each question, as Texts.rows has them.
        published: the clusters that have a row; what fewer asked has no name outside.
        labels: the label of documents that have one.
    """
    documents = night.documents.table
    rows = night.questions.rows  # by time, then by id
    authors = np.array(documents.column("author").take(pa.array(rows)).to_pylist(), dtype=object)
    known = np.flatnonzero([author is not None for author in authors])
    people, back = np.unique(authors[known][::-1].astype(str), return_index=True)
    last = known[::-1][back]
    asked = documents.take(pa.array(rows[last]))
    there = set(published.column("cluster_id").to_pylist())
    columns = {
        "user_id": people.tolist(),
        "cluster_id": [one if one in there else None for one in names[last].tolist()],
        "document_id": asked.column("document_id"),
        "label": [labels.get(one) for one in asked.column("document_id").to_pylist()],
        "time": asked.column("time"),
    }
    return pa.table({one: columns[one] for one in LAST_ASKED.names}).cast(LAST_ASKED)
