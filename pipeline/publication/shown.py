"""What the first places of the published lists show, held while a run is made: for tables that are told of every row.

    <scratch>/.shown/<surface>.npy        SHOWN [T, ranks], a row per target, a column per rank
    <scratch>/.shown/<surface>/<n>.npz    all columns of a piece of its lists, where reasons follow what is explained

It is what readers get, after editors, draws and limits, and is no part of the run.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.settings.config import Config

if TYPE_CHECKING:
    from pipeline.publication.night import Night

SHOWN = np.dtype(
    [("is_there", "?"), ("item", "<i4"), ("score", "<f4"), ("because", "<i4"), ("kind", "i1"), ("can", "<i2")]
)
"""A place of a list: whether there is anything, the item, its score, an item that the user has and a reason may name,
-1: none, the kind of the reason, and which kinds are true, 0: nobody asked."""
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
        user, rank = piece["user"][first], piece["rank"][first]
        rows = np.zeros(len(user), dtype=SHOWN)
        rows["is_there"] = True
        for name in SHOWN.names or ():
            if name in piece:
                rows[name] = piece[name][first]
        held[np.searchsorted(targets, user), rank - 1] = rows
        yield dict(piece)
    held.flush()


def put_by(pieces: Iterable[Piece], scratch: Path, surface: str) -> None:
    """Hold the pieces of a surface until `told` asks for them."""
    at = place(scratch, surface).with_suffix("")
    shutil.rmtree(at, ignore_errors=True)  # of a killed attempt
    at.mkdir(parents=True)
    for number, piece in enumerate(pieces):
        np.savez(at / f"{number}.npz", **piece)  # type: ignore[arg-type]


def told(night: "Night", surface: str) -> Iterator[Piece]:
    """The pieces that were put by, in their order, each reason as SHOWN now has it."""
    path, targets = place(night.scratch, surface), np.asarray(night.cutoff.targets())
    held = np.load(path, mmap_mode="r", allow_pickle=False)
    files = sorted(path.with_suffix("").glob("*.npz"), key=lambda file: int(file.stem))
    for file in files:
        with np.load(file, allow_pickle=False) as found:
            piece = {name: found[name] for name in found.files}
        first = piece["rank"] <= held.shape[1]
        piece["kind"][first] = held["kind"][np.searchsorted(targets, piece["user"][first]), piece["rank"][first] - 1]
        yield piece
        file.unlink()
