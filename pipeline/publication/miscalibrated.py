"""How far the published lists are from the mix of what their users did: a measure of every night, whatever is kept.

It is the paper's C_KL, KL(p || q), of what surfaces.calibrated_mix keeps; see pipeline.publication.mixing.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.arrays import mix
from pipeline.arrays.blocks import blocks
from pipeline.ground import sql
from pipeline.publication.mixing import Histories, shown_groups
from pipeline.publication.night import Night

SAMPLE = 50_000
"""Of more users so many, evenly spaced, are asked about: a mean of so many is as good as that of all."""
LISTS = pa.schema(
    [pa.field("surface", pa.string()), *(pa.field(n, pa.int32()) for n in ("user", "rank", "item_index"))]
)


def measured(path: Path, night: Night) -> dict[str, float]:
    """The mean divergence of each surface's lists, in nats, by its name; absent where its items have no categories.

    The first `evaluate.k` places count, of those users whose history has categories that the surface may show.

    Args:
        path: of the published lists, recommendations.parquet.
        night: what they were made from.
    """
    groups = {surface.name: shown_groups(night, surface) for surface in night.config.surfaces}
    groups = {name: codes for name, codes in groups.items() if (codes >= 0).any()}
    if not groups:
        return {}
    targets = night.cutoff.targets()
    users = targets[np.linspace(0, len(targets) - 1, min(len(targets), SAMPLE)).astype(np.int64)]
    lists = _lists(path, night, users)
    found: dict[str, float] = {}
    known: list[tuple[np.ndarray, Histories]] = []  # surfaces that show the same share what is read
    for name, codes in groups.items():
        if name in lists:
            same = [histories for of, histories in known if np.array_equal(of, codes)]
            histories = same[0] if same else Histories.read(night.cutoff, codes, users)
            known.append((codes, histories))
            if (far := _far(histories, lists[name])) is not None:
                found[name] = far
    return found


def _lists(path: Path, night: Night, users: np.ndarray) -> dict[str, np.ndarray]:
    """[U, k] int32 items of the first places of the users' lists, -1 pads, by surface."""
    ids = night.users.column("user_id").take(pa.array(users))
    relations = {
        "items": night.items.select(["item_id", "item_index"]),
        "users": pa.table({"user_id": ids, "place": np.arange(len(users), dtype=np.int32)}),
    }
    k = night.config.evaluate.k
    table = sql.query(night.connection, "publish/mix_lists", LISTS, relations, lists=str(path), k=k)
    surfaces = np.asarray(table.column("surface").to_pylist(), dtype=object)
    user, rank, item = (table.column(name).to_numpy() for name in ("user", "rank", "item_index"))
    found = {}
    for name in sorted(set(surfaces.tolist())):
        mine = surfaces == name
        found[name] = np.full((len(users), k), -1, dtype=np.int32)
        found[name][user[mine], rank[mine] - 1] = item[mine]
    return found


def _far(histories: Histories, lists: np.ndarray) -> float | None:
    """The mean of those who have a list and a mix; None: nobody has."""
    far = np.full(len(lists), np.nan)
    for part in blocks(len(lists), histories.rows_at_a_time(lists.shape[1])):
        items = lists[part]
        rows = np.arange(part.start, part.stop)
        far[part] = mix.divergence(histories.wanted(rows), np.where(items >= 0, histories.groups[items], -1))
    far = far[(lists >= 0).any(axis=1) & ~np.isnan(far)]
    return float(far.mean()) if len(far) else None
