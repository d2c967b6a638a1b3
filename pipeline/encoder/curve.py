"""The curve of a fine-tuning: a row for every step, and at the end of an epoch what held-out users say."""

from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.encoder import held_out

TASKS = ("retrieval", "query", "relevance", "category", "behaviour")
_JUDGED = [f"{split}_{name}" for split in held_out.SPLITS for name in held_out.NAMES]
METRICS = pa.schema(
    [
        ("step", pa.int32()),
        ("epoch", pa.int32()),  # the one that ends with this step, else null
        ("loss", pa.float32()),
        ("positives", pa.int32()),
        ("learning_rate", pa.float32()),
        *((f"loss_{task}", pa.float32()) for task in TASKS),
        *((name, pa.float32()) for name in _JUDGED),  # where an epoch ends
    ]
)


def epochs_of(curve: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per epoch: its number, the mean of each loss since the one before, and what was measured at its end."""
    rows: list[dict[str, Any]] = []
    since: list[dict[str, Any]] = []
    for row in curve:
        since.append(row)
        if row.get("epoch") is not None:
            named = {name for part in since for name in part if name.startswith("loss")}
            means = {name: float(np.mean([part[name] for part in since if name in part])) for name in sorted(named)}
            rows.append({"epoch": row["epoch"], "step": row["step"]} | means | {name: row[name] for name in _JUDGED})
            since = []
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Epochs as lines of text, a column each for what was measured."""
    names = [name for name in METRICS.names if any(name in row for row in rows) and name not in {"epoch", "step"}]
    width = {name: max(len(name), 6) for name in names}
    lines = ["epoch  step  " + "  ".join(f"{name:>{width[name]}}" for name in names)]
    for row in rows:
        cells = (f"{row[name]:>{width[name]}.4f}" if name in row else " " * width[name] for name in names)
        lines.append(f"{row['epoch']:>5}  {row['step']:>4}  " + "  ".join(cells))
    return "\n".join(lines)
