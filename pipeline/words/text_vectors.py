"""The encoder's vectors of documents' texts, each encoded once and kept from night to night.

    vectors/<night>-<key>.npy    float16 [N, h]: the texts first known by that night, in the order of their hashes

What is encoded together depends on when texts became known and not on which night is run first, so that a lake made
anew has the same bytes. A file is named by what it is made of, and linked where an earlier night has it.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.arrays.determinism import reproducible
from pipeline.encoder import encoder as encoders
from pipeline.encoder import pretrained
from pipeline.encoder.encoder import Encoder, NoEncoder
from pipeline.ground import artifacts
from pipeline.settings.config import Config

log = logging.getLogger(__name__)

FOLDER = "vectors"


class Reader(Protocol):
    """A section that names an encoder: [classify], [answer], [topics]."""

    @property
    def model(self) -> str:
        """A pretrained encoder, or "none"."""
        ...

    @property
    def revision(self) -> str | None:
        """Commit, tag or branch of a hub model."""
        ...

    @property
    def max_tokens(self) -> int:
        """How much of a text the encoder reads."""
        ...


def load(section: Reader) -> Encoder | NoEncoder:
    """The untouched encoder that a section names."""
    if section.model == pretrained.NONE:
        return NoEncoder()
    return encoders.load(section.model, revision=section.revision, max_tokens=section.max_tokens)


def encoder_key(section: Reader) -> str:
    """A hash of what decides an encoder's vectors."""
    if section.model == pretrained.NONE:
        return artifacts.text_sha256(pretrained.NONE)
    folder = pretrained.resolve(section.model, section.revision)
    return artifacts.text_sha256(pretrained.model_hash(folder), section.model, section.max_tokens)


@dataclass(frozen=True)
class Vectors:
    """Vectors by the hash of their text.

    Attributes:
        rows: of each hash, its row.
        table: [T, h] float32.
        encoded: how many texts had to be encoded.
    """

    rows: dict[str, int]
    table: np.ndarray
    encoded: int

    def has(self, keys: pa.ChunkedArray) -> pa.ChunkedArray:
        """bool [N], whether the text of a hash is among them, wanted or encoded beside one that is."""
        return pc.is_in(keys, value_set=pa.array(sorted(self.rows), pa.string()))

    def of(self, keys: Iterable[str]) -> np.ndarray:
        """[N, h] float32."""
        return np.asarray(self.table[[self.rows[key] for key in keys]])


def make(
    texts: pa.Table, wanted: np.ndarray, out: Path, known: Sequence[Path], *, section: Reader, config: Config
) -> Vectors:
    """Vectors of the texts that were first known by the nights of those wanted.

    Args:
        texts: text, text_key, text_since of every document.
        wanted: [N] rows of those whose vectors are needed.
        out: the stage's folder; gets the files.
        known: finished folders, of an earlier night or of another stage, whose files are linked.
        section: the encoder.
        config: seed and threads.
    """
    key, groups = encoder_key(section), _groups(texts, wanted)
    (out / FOLDER).mkdir()
    encoder: list[Encoder | NoEncoder] = []

    def encode(of: list[str]) -> np.ndarray:
        with reproducible(config.seed, config.threads):
            encoder[:] = encoder or [load(section)]
            return encoder[0].encode(of).astype(np.float16)

    rows: dict[str, int] = {}
    tables, encoded = [], 0
    for night, of in groups.items():
        keys = sorted(of)
        path = out / FOLDER / f"{night}-{artifacts.text_sha256(key, artifacts.code_version(), keys)[:16]}.npy"
        if not any(_linked(path, folder) for folder in known):
            np.save(path, encode([of[one] for one in keys]))
            encoded += len(keys)
        rows |= {k: len(rows) + number for number, k in enumerate(keys)}
        tables.append(np.load(path, allow_pickle=False))
    table = np.concatenate(tables).astype(np.float32) if tables else np.zeros((0, 0), dtype=np.float32)
    return Vectors(rows, table, encoded)


def _linked(path: Path, folder: Path) -> bool:
    """Link a file of a finished folder, if that has it."""
    known = folder / FOLDER / path.name
    if not _is_whole(known, folder):
        return False
    artifacts.link(known, path)
    return True


def _is_whole(path: Path, folder: Path) -> bool:
    if not path.is_file():
        return False
    said = artifacts.read_manifest(folder)["files"].get(f"{FOLDER}/{path.name}")
    return said is not None and bool(said["sha256"] == artifacts.file_sha256(path))


def _groups(texts: pa.Table, wanted: np.ndarray) -> dict[date, dict[str, str]]:
    """By night, the texts that were first known by it, by their hash; of nights with one that is wanted."""
    nights = set(texts.column("text_since").take(pa.array(wanted)).to_pylist())
    found: dict[date, dict[str, str]] = {night: {} for night in sorted(nights)}
    columns = (texts.column(name).to_pylist() for name in ("text", "text_key", "text_since"))
    for text, key, night in zip(*columns, strict=True):
        if night in found:
            found[night][key] = text
    return found
