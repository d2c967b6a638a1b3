"""The languages of a night's documents, for the stages that tell them apart."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.settings.config import Config
from pipeline.words.documents import Documents
from pipeline.words.schemas import LANGUAGES

UNKNOWN = -1
"""Stands for a language that is not known."""
NOT_KNOWN = "unknown"
"""The same in words."""
OTHER = "other"
"""Stands for those that are not declared, of documents whose rows say one."""


@dataclass(frozen=True)
class Spoken:
    """Which languages documents are in.

    Attributes:
        names: the declared languages, in the order of the settings, and OTHER.
        of: [D] int64 the place of each document's; UNKNOWN.
    """

    names: tuple[str, ...]
    of: np.ndarray

    @property
    def declared(self) -> int:
        """How many languages are declared; the place of OTHER."""
        return len(self.names) - 1

    def of_texts(self, rows: np.ndarray, texts: np.ndarray, number: int) -> np.ndarray:
        """[T] int64 the language that most documents of each text are in; UNKNOWN: there is not one.

        Args:
            rows: [N] rows of the documents.
            texts: [N] int64 the text of each.
            number: T.
        """
        counts = np.zeros((number, len(self.names)), dtype=np.int64)
        known = self.of[rows] != UNKNOWN
        np.add.at(counts, (texts[known], self.of[rows][known]), 1)
        highest = counts.max(axis=1, initial=0)
        alone = (counts == highest[:, None]).sum(axis=1) == 1
        return np.where(alone & (highest > 0), counts.argmax(axis=1), UNKNOWN)

    @property
    def labels(self) -> np.ndarray:
        """[D] text, the language of each document; "unknown" where it is."""
        found: np.ndarray = np.array([*self.names, NOT_KNOWN], dtype=object)[self.of]
        return found


def counts(spoken: Spoken | None, name: str, table: pa.Table, documents: Documents) -> dict[str, int]:
    """How many rows of a table are about a document in each language; nothing where none are declared.

    Args:
        spoken: the languages of the documents.
        name: what the counts are called, with a colon and the language behind it.
        table: has `document_id`.
        documents: of the night.
    """
    if spoken is None:
        return {}
    of = spoken.of[pc.index_in(table["document_id"], documents.table["document_id"].combine_chunks()).to_numpy()]
    languages = [*enumerate(spoken.names), (UNKNOWN, NOT_KNOWN)]
    return {f"{name}: {language}": int((of == place).sum()) for place, language in languages}


def by_document(folder: Path) -> dict[str, str]:
    """The language of each document of a folder of the stage `languages`, where it is known; or OTHER."""
    table = pq.read_table(folder / "languages.parquet", schema=LANGUAGES)
    known = table.append_column("named", _named(table)).filter(pc.is_valid(_named(table)))
    return dict(zip(*(known.column(name).to_pylist() for name in ("document_id", "named")), strict=True))


def _named(table: pa.Table) -> pa.ChunkedArray:
    """The language of each row, OTHER of one that is not declared."""
    return pc.if_else(pc.fill_null(pc.equal(table.column("how"), OTHER), False), OTHER, table.column("language"))


def read(folder: Path | None, documents: Documents, config: Config) -> Spoken | None:
    """The languages of documents; None where a shop declares none.

    Args:
        folder: of the stage `languages`.
        documents: of the same night, or of an earlier one.
        config: the declared languages.
    """
    if folder is None or not config.enabled("languages"):
        return None
    table = pq.read_table(folder / "languages.parquet", schema=LANGUAGES)
    names = (*config.languages.declared, OTHER)
    place = pc.fill_null(pc.index_in(_named(table), value_set=pa.array(names, pa.string())), UNKNOWN)
    row = pc.index_in(documents.table.column("document_id"), table.column("document_id").combine_chunks())
    of = np.append(place.to_numpy(), UNKNOWN)[pc.fill_null(row, -1).to_numpy()]
    return Spoken(names, of.astype(np.int64))
