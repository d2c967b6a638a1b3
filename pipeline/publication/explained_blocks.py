"""What explains the lists of a night that are held, made once: for the table, and before it for reasons that follow it.

<scratch>/.shown/explained.<first target>.npz    the columns of the table's rows of a block of users
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.arrays.blocks import blocks
from pipeline.engine import Arrays, map_blocks
from pipeline.publication import shown
from pipeline.publication.explaining import Explained

if TYPE_CHECKING:
    from pipeline.publication.night import Night

OF_ROWS = 7
"""So many columns are of rows of the table; those after them are of places."""


def each(work: Explained, night: "Night") -> Iterator[tuple[slice, Arrays]]:
    """What `work` finds of rows, a block of users at a time; read where `lead` has found it."""
    targets, size = len(night.cutoff.targets()), work.size(shown.ranks(night.config))
    if work.lead:
        for block in blocks(targets, size):
            with np.load(_found(night.scratch, block), allow_pickle=False) as found:
                yield block, tuple(found[name] for name in found.files)
        return
    for block, made in map_blocks("publish explanations", work, targets, night.config, night.scratch, size=size):
        yield block, made[:OF_ROWS]


def lead(night: "Night") -> None:
    """Explain the lists, and give their places the kind of reason that follows."""
    work, targets = Explained.of_night(night), len(night.cutoff.targets())
    held = [np.load(shown.place(night.scratch, name), mmap_mode="r+", allow_pickle=False) for name in work.surfaces]
    size = work.size(shown.ranks(night.config))
    for block, made in map_blocks("publish explanations", work, targets, night.config, night.scratch, size=size):
        row, surface, rank, kind = made[OF_ROWS:]
        for number, places in enumerate(held):
            mine = surface == number
            places["kind"][block.start + row[mine], rank[mine] - 1] = kind[mine]
        np.savez(_found(night.scratch, block), *made[:OF_ROWS])


def _found(scratch: Path, block: slice) -> Path:
    return shown.folder(scratch) / f"explained.{block.start}.npz"
