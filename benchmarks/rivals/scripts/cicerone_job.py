"""Cicerone's batch job with its own command; defaults, or its AutoML. Its lists leave out what the user knows."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from common import DEPTH, Log, Settings, main, rows_of

JOB = """
[input]
kind = "dataset"
[input.options]
storage_backend = "local"
path = "{folder}/in"

[output]
kind = "dataset"
[output.options]
storage_backend = "local"
path = "{folder}/out"

[job]
feature_config_path = "{folder}/features.toml"
top_k = {depth}

[job.explain]
enabled = false

[job.automl]
enabled = {automl}
primary_metric = "NDCG@10"
"""


def recommend(log: Log, protocols: dict[str, Settings]) -> Iterator[tuple[str, np.ndarray]]:
    automl = protocols["all"]["automl"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir(), (folder / "out").mkdir()
        # the job halves weights by the age it sees on the clock: the night is moved to now
        moved = log.time + (pd.Timestamp.now("UTC").tz_localize(None).floor("s") - log.time.max())
        # one event type per weight, so that what a behaviour is worth reaches the job
        kinds = {f"action_{n}": float(w) for n, w in enumerate(np.unique(log.weight))}
        names = {w: kind for kind, w in kinds.items()}
        events = pd.DataFrame(
            {
                "user_id": log.users[log.user],
                "item_id": log.items[log.item],
                "event_type": [names[w] for w in log.weight],
                "quantity": 1,
                "occurred_at": moved,
            }
        )
        events.to_parquet(folder / "in" / "events.parquet", index=False)
        weights = "\n".join(f"{kind} = {weight}" for kind, weight in kinds.items())
        (folder / "features.toml").write_text(f"[event_weights]\n{weights}\n")
        (folder / "job.toml").write_text(JOB.format(folder=folder, depth=DEPTH, automl=str(automl).lower()))
        command = [str(Path(sys.executable).parent / "cicerone"), "--config", str(folder / "job.toml"), "job"]
        subprocess.run(command, check=True)
        found = pd.read_parquet(folder / "out" / "recommendations.parquet").sort_values(["user_id", "rank"])
    lists = found.groupby("user_id", sort=False)["item_id"].agg(list).to_dict()
    for protocol in protocols:
        yield protocol, rows_of(log, lists)


if __name__ == "__main__":
    main(recommend)
