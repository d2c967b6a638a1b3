"""What the first places of the published lists show, held while a run is made: for tables that are told of every row.

    <scratch>/.shown/<surface>.npy    SHOWN [T, ranks], a row per target, a column per rank

It is what readers get, after editors, draws and limits, and is no part of the run.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.publication.reasons import Kind
from pipeline.settings.config import Config

if TYPE_CHECKING:
    from pipeline.publication.night import Night

SHOWN = np.dtype([("is_there", "?"), ("item", "<i4"), ("score", "<f4"), ("evidence", "<i4")])
"""A place of a list: whether there is anything, the item, its score, and the item of the user's own history that the
reason names, -1: none."""
Piece = dict[str, np.ndarray]


def ranks(config: Config) -> int:
    """How many first places of a list are told of: as many as are asked for, and as the longest list has."""
    return min(config.explanations.ranks, max(surface.k for surface in config.surfaces))


def folder(scratch: Path) -> Path:
    """Where the files are."""
    return scratch / ".shown"


def place(scratch: Path, surface: str) -> Path:
    """The file of a surface."""
    return folder(scratch) / f"{surface}.npy"


def kept(pieces: Iterable[Mapping[str, np.ndarray]], night: "Night", surface: str, ranks: int) -> Iterator[Piece]:
    """The pieces of a surface's lists, whose first ranks are written to its file as they pass.

    Args:
        pieces: columns with one element per recommendation, see pipeline.publication.maker.
        night: whose lists they are.
        surface: its name.
        ranks: how many of each list are kept.
    """
    path, targets = place(night.scratch, surface), np.asarray(night.cutoff.targets())
    path.parent.mkdir(exist_ok=True)
    held = np.lib.format.open_memmap(path, mode="w+", dtype=SHOWN, shape=(len(targets), ranks))
    for piece in pieces:
        first = piece["rank"] <= ranks
        user, rank, item, score, kind, because = (
            piece[name][first] for name in ("user", "rank", "item", "score", "kind", "because")
        )
        rows = np.zeros(len(user), dtype=SHOWN)
        rows["is_there"], rows["item"], rows["score"] = True, item, score
        rows["evidence"] = np.where(kind == Kind.BOUGHT, item, because)
        held[np.searchsorted(targets, user), rank - 1] = rows
        yield dict(piece)
    held.flush()
