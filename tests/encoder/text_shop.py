"""A shop whose items have texts: what `fine_tune` and `language_model` read, on top of tests.sources.shop."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts, schemas
from tests.sources.shop import NIGHT, write_features

DAY = 15_000


def actions_of(values: np.ndarray) -> pa.Table:
    """One action per positive entry of [U, I], all on the same day."""
    users, items = (values > 0).nonzero()
    columns = {
        "user_index": users,
        "item_index": items,
        "day": np.full(len(users), DAY),
        "weight": values[users, items],
    }
    arrays = [
        pa.array(columns[field.name]).cast(field.type) if field.name in columns else pa.nulls(len(users), field.type)
        for field in schemas.ACTIONS
    ]
    return pa.Table.from_arrays(arrays, schema=schemas.ACTIONS)


def held_out_of(values: np.ndarray) -> pa.Table:
    """Every positive entry of [U, I]."""
    users, items = (values > 0).nonzero()
    return pa.table([pa.array(users, pa.int32()), pa.array(items, pa.int32())], schema=schemas.HELD_OUT)


def write_texts(folder: Path, texts: Sequence[str], anchored: Sequence[str], tuned: Sequence[str]) -> None:
    """items.parquet with tonight's texts, texts.parquet with the anchor's, tuning_texts.parquet with those tuned on."""
    rows = [
        {
            "item_index": n,
            "item_id": f"i{n}",
            "title": t,
            "text": t,
            "kind": "product",
            "available": True,
            "first_seen": NIGHT,
        }
        for n, t in enumerate(texts)
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=schemas.ITEMS), folder / "items.parquet")
    for name, known in (("texts", anchored), ("tuning_texts", tuned)):
        columns = {
            "item_index": pa.array(range(len(known)), pa.int32()),
            "text": pa.array(known, pa.string()),
            "category": pa.nulls(len(known), pa.string()),
        }
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")


def write_text_shop(
    lake: Path,
    cutoffs: Mapping[date, np.ndarray],
    texts: Sequence[str],
    *,
    learned: np.ndarray,
    anchored: Sequence[str] | None = None,
    tuned: Sequence[str] | None = None,
    later: np.ndarray | None = None,
    queries: pa.Table | None = None,
    night: date = NIGHT,
) -> Path:
    """A finished features folder: cut-offs, texts, and the actions the encoder is tuned on and judged by.

    Args:
        learned: [U, I] the actions it is tuned on.
        later: [U, I] those right after them; default: the same, of which nobody is judged.
        queries: schemas.QUERIES; default: none.
    """
    folder = write_features(lake, cutoffs, night)
    anchored = texts if anchored is None else anchored
    write_texts(folder, texts, anchored, anchored if tuned is None else tuned)
    pq.write_table(actions_of(learned), folder / "actions.parquet")
    queries = schemas.QUERIES.empty_table() if queries is None else queries
    for name in ("queries", "tuning_queries"):
        pq.write_table(queries, folder / f"{name}.parquet")
    pq.write_table(held_out_of(learned if later is None else later), folder / "held_out.parquet")
    artifacts.write_manifest(folder, {"files": artifacts.describe(folder), "parts": {}})
    return folder
