"""The different texts of the last days: each counts once, on the day on which it was first written."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from pipeline.settings.sections.topics import Topics
from pipeline.words.documents import Documents

EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Written:
    """Texts in the order in which nights first knew them.

    Attributes:
        table: documents.SCHEMA.
        first: [T] int64 the row of the first document that has each text, by time and then by id.
        keys, texts: [T] the hash and the text of each.
        age: [T] int64 days before the night on which it was first written.
        documents: how many documents have these texts.
    """

    table: pa.Table
    first: np.ndarray
    keys: np.ndarray
    texts: np.ndarray
    age: np.ndarray
    documents: int

    @classmethod
    def of(cls, documents: Documents, night: date, section: Topics) -> "Written":
        """Those of documents that were written in the last days; of more than `section.most` the latest."""
        table = documents.table
        rows = documents.lately(night, section.past_days, section.kinds)
        age = night.toordinal() - EPOCH - documents.days
        rows = rows[age[rows] >= 0]
        times = table.column("time").cast(pa.int64()).to_numpy()
        rows = rows[np.lexsort([rows, times[rows]])]
        keys = np.array(table.column("text_key").take(pa.array(rows)).to_pylist(), dtype=str)
        first = rows[np.unique(keys, return_index=True)[1]]
        first = first[np.lexsort([first, times[first]])][-section.most :]
        some = table.take(pa.array(first))
        since = some.column("text_since").cast(pa.int32()).to_numpy()
        key = np.array(some.column("text_key").to_pylist(), dtype=str)
        order = np.lexsort([key, since])
        texts = np.array(some.column("text").to_pylist(), dtype=object)
        return cls(table, first[order], key[order], texts[order], age[first[order]], len(rows))

    @property
    def times(self) -> np.ndarray:
        """[T] int64 microseconds at which each was first written."""
        return np.asarray(self.table.column("time").cast(pa.int64()).to_numpy()[self.first])

    @property
    def oldest(self) -> int:
        """Days between the night and its oldest text; -1: there is none."""
        return int(self.age.max(initial=-1))
