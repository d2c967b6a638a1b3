"""The clusters of a night, from where an earlier night's ended: where its questions are the first of tonight's.

leaders/leaders.parquet    of each text of a question its hash, and that of the one that stands for it
leaders/made_of.txt        what else decided it

Where languages are told apart there are such files for each (leaders.<language>): questions in two of them are not put
together, and a language goes on by itself, whatever changed in another.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.answers import clusters
from pipeline.answers.clusters import NOBODY, Leaders
from pipeline.ground import artifacts
from pipeline.settings.sections.answers import Answer
from pipeline.words import text_vectors
from pipeline.words.spoken import UNKNOWN

PART = "leaders"


def in_languages(
    keys: np.ndarray,
    vectors: np.ndarray,
    languages: np.ndarray,
    names: Sequence[str],
    *,
    known: Sequence[Path],
    out: Path,
    section: Answer,
) -> Leaders:
    """`leaders` of each language by itself; questions whose language is not known are among themselves.

    Args:
        languages: [T] int64 the language of each text, a place in `names`; UNKNOWN.
        names: the languages.
        keys, vectors, known, out, section: as there.
    """
    of = np.arange(len(keys))
    for place, name in [*enumerate(names), (UNKNOWN, "unknown")]:
        mine = np.flatnonzero(languages == place)
        of[mine] = mine[leaders(keys[mine], vectors[mine], known, out, section, part=f"{PART}.{name}").of]
    return Leaders(of)


def leaders(
    keys: np.ndarray, vectors: np.ndarray, known: Sequence[Path], out: Path, section: Answer, *, part: str = PART
) -> Leaders:
    """Who stands for each text of a question; written for the next night.

    Args:
        keys: [T] hashes of the texts, in the order in which nights first knew them.
        vectors: [T, h] of `exact.rounded`.
        known: finished folders of earlier nights.
        out: the stage's folder.
        section: the settings.
        part: of the folder, in which it stands.
    """
    made_of = artifacts.text_sha256(text_vectors.encoder_key(section), section.same, artifacts.code_version())
    before = next((found for folder in known if (found := _read(folder / part, keys, made_of)) is not None), NOBODY)
    found = clusters.go_on(before, vectors, section.same)
    (out / part).mkdir()
    (out / part / "made_of.txt").write_text(made_of)
    table = pa.table({"text_key": pa.array(keys.tolist(), pa.string()), "leader": found.of.astype(np.int64)})
    pq.write_table(table, out / part / "leaders.parquet", compression="zstd")
    return found


def _read(folder: Path, keys: np.ndarray, made_of: str) -> Leaders | None:
    """What an earlier night found; None: of other questions, or otherwise."""
    path = folder / "made_of.txt"
    if not path.is_file() or path.read_text() != made_of:
        return None
    table = pq.read_table(folder / "leaders.parquet")
    theirs = np.array(table.column("text_key").to_pylist(), dtype=str)
    if len(theirs) > len(keys) or not np.array_equal(theirs, keys[: len(theirs)].astype(str)):
        return None
    return Leaders(table.column("leader").to_numpy().astype(np.int64))
