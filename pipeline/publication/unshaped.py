"""A pool's final lists as the models made them, kept where no surface shows them as they are.

A later night is compared with the table that was in use, see pipeline.judging.champion, by lists that nothing has
shaped yet. Published lists that end sooner, that rules, variants or editors have changed, of which some slots are drawn
or which an experiment divides, would be beaten for that, and not because tonight's models are better. Of a pool that
has no other ones a file stands beside the published tables, kept and dropped with its run:

    <publish>/final.<pool>.parquet    ROWS, as deep as lists are judged
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.arrays.blocks import blocks
from pipeline.ground.lists import Pool
from pipeline.publication import arms
from pipeline.publication.candidates import Candidates
from pipeline.publication.night import Night
from pipeline.settings.sections.publication import Surface

ROWS = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
    ]
)


def path(folder: Path, pool: Pool) -> Path:
    """Where a run's folder has the lists of a pool, if it has them."""
    return folder / f"final.{pool}.parquet"


def write(out: Path, night: Night) -> None:
    """Write the lists of every pool that no surface shows as they are.

    Args:
        out: tonight's folder.
        night: tonight.
    """
    config, targets = night.config, night.cutoff.targets()
    for pool in config.pools:
        surfaces = [surface for surface in config.surfaces if config.pool(surface) == pool]
        if not surfaces or any(_shows(surface, night) for surface in surfaces):
            continue
        items = Candidates.read(night, surfaces[0], len(targets)).items[:, : config.evaluate.deepest]
        user_ids = night.users.column("user_id").combine_chunks().take(pa.array(targets))
        item_ids = night.items.column("item_id").combine_chunks()
        write_lists(path(out, pool), items, user_ids, item_ids, config.block_users)


def _shows(surface: Surface, night: Night) -> bool:
    """Whether a surface shows everybody the places of its pool's lists that the gate looks at, of what can be shown."""
    experiment, _ = arms.of_night(night)
    divided = experiment is not None and len(arms.variants(experiment, surface)) > 1
    editing = night.editing[surface.name]
    edited = bool(editing.pins) or bool(editing.blocked.any()) or bool((editing.factors != 1).any())
    checked = bool(night.held.any()) or night.never.limits is not None
    changed = divided or edited or checked or night.products is not None  # of one product one variant is shown
    return surface.is_plain and surface.k >= night.config.evaluate.depth and not changed


def write_lists(path: Path, items: np.ndarray, user_ids: pa.Array, item_ids: pa.Array, block_users: int) -> None:
    """Write lists as ROWS, one row per user and rank, a block of users at a time.

    Args:
        path: the file.
        items: [T, n] item indices, -1 pads.
        user_ids: [T] string; item_ids: [I] string.
        block_users: users of a block.
    """
    with pq.ParquetWriter(path, ROWS, compression="zstd") as writer:
        for block in blocks(len(items), block_users):
            found = np.asarray(items[block])
            rows, columns = np.nonzero(found >= 0)
            users = user_ids.slice(block.start, block.stop - block.start).take(pa.array(rows))
            shown = item_ids.take(pa.array(found[rows, columns]))
            writer.write_table(pa.table([users, shown, (columns + 1).astype(np.int32)], schema=ROWS))
