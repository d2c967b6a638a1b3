"""A hand-made features folder: dense matrices in, the cut-off files of the features stage out."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts, lists, schemas
from pipeline.sources.configuration import FullConfig

NIGHT = date(2011, 5, 1)
DECAYS = ("confidence", "decay_7", "decay_30", "decay_90", "decay_365")


def checkerboard(rows: int) -> np.ndarray:
    """[rows, rows] 1 where user and item are both even or both odd, less the diagonal: what it lacks is the answer."""
    board = (np.add.outer(np.arange(rows), np.arange(rows)) % 2 == 0).astype(np.float32)
    np.fill_diagonal(board, 0)
    return board


def write_cutoff(
    folder: Path,
    values: np.ndarray,
    decays: Mapping[str, np.ndarray] | None = None,
    buyers: np.ndarray | None = None,
    spent: np.ndarray | None = None,
) -> None:
    """One cut-off: every decay column is `values` [U, I] unless `decays` names another; buyers [I] in all windows.

    A value below 0 is a dislike; spent [U, I], NaN where no price is known, as everywhere by default.
    """
    folder.mkdir(parents=True)
    users, items = (values > 0).nonzero()
    columns: dict[str, Any] = {"user_index": users, "item_index": items}
    columns |= {name: (decays or {}).get(name, values)[users, items] for name in DECAYS}
    columns |= {name: np.zeros(len(users)) for name in ("first_age", "last_age", "quantity", "returns", "kept")}
    columns["count"] = np.ones(len(users))
    columns["spent"] = np.full(len(users), np.nan) if spent is None else spent[users, items]
    _write(folder / "interactions.parquet", schemas.INTERACTIONS, columns)
    count = (values > 0).sum(axis=0) if buyers is None else buyers
    stats: dict[str, Any] = {name: count for name in schemas.ITEM_STATS.names if name.startswith("buyers")}
    stats |= {"item_index": np.arange(values.shape[1])}
    stats |= {name: np.zeros(values.shape[1]) for name in ("first_age", "last_age", "price")}
    _write(folder / "item_stats.parquet", schemas.ITEM_STATS, stats)
    dislikes = (values < 0).nonzero()
    disliked = {"user_index": dislikes[0], "item_index": dislikes[1]}
    _write(folder / "disliked.parquet", schemas.DISLIKED, disliked)
    _write(folder / "targets.parquet", schemas.TARGETS, {"user_index": np.unique(users)})


def _write(path: Path, schema: pa.Schema, columns: Mapping[str, Any]) -> None:
    arrays = [pa.array(np.asarray(columns[field.name])).cast(field.type, safe=False) for field in schema]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)


def write_features(
    lake: Path, cutoffs: Mapping[date, np.ndarray], night: date = NIGHT, repeats: bool = True, **kwargs: Any
) -> Path:
    """A finished features folder with one cut-off per entry; the newest is tonight's."""
    folder = artifacts.stage_dir(lake, "features", night)
    for cutoff, values in cutoffs.items():
        write_cutoff(lists.cutoff_dir(folder, cutoff), values, **kwargs)
    rows = [
        {"cutoff": c, "role": "run" if c == max(cutoffs) else "label", "users": v.shape[0], "items": v.shape[1]}
        | {"repeats": repeats}
        for c, v in cutoffs.items()
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=schemas.CUTOFFS), folder / "cutoffs.parquet")
    manifest = {"files": artifacts.describe(folder), "parts": {}}
    (folder / artifacts.MANIFEST).write_text(json.dumps(manifest))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a stage's folder by name, the manifest aside."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != artifacts.MANIFEST)
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def config_for(home: Path, **sections: Any) -> FullConfig:
    """A configuration with everything below `home`, two threads and blocks so small that there are several."""
    return FullConfig.model_validate({"home": home, "threads": 2, "block_users": 3, **sections})
