"""The order of items that everybody wants."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def order(items: pa.Table, stats: pa.Table, popularity: np.ndarray) -> np.ndarray:
    """[I] int32 items, the most popular first, then those most bought in 91 days, then ever, then by item_id.

    Of those that nobody ever bought the newest come first.

    Args:
        items: schemas.ITEMS.
        stats: schemas.ITEM_STATS.
        popularity: [I] float64.
    """
    by_id = np.empty(items.num_rows, dtype=np.int64)
    by_id[pc.sort_indices(items.column("item_id")).to_numpy()] = np.arange(items.num_rows)
    windows = (stats.column(f"buyers_{days}").to_numpy() for days in ("total", "91"))
    seen = items.column("first_seen").cast(pa.int32()).to_numpy()
    newest = np.where(stats.column("buyers_total").to_numpy() > 0, 0, -seen.astype(np.int64))
    return np.lexsort([by_id, newest, *(-window.astype(np.int64) for window in windows), -popularity]).astype(np.int32)
