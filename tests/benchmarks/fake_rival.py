"""A rival for tests: every user gets the items of all users, most users first, and is shown 3 of them."""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

if __name__ == "__main__":
    log, settings, out = map(Path, sys.argv[1:])
    chosen = json.loads(settings.read_text())
    table = pq.read_table(log)
    pairs = set(zip(table["user_id"].to_pylist(), table["item_id"].to_pylist(), strict=True))
    users = sorted({u for u, _ in pairs})
    items = sorted({i for _, i in pairs}, key=lambda i: (-sum(j == i for _, j in pairs), i))
    for protocol in chosen["protocols"]:
        lists = {u: [i for i in items if protocol == "all" or (u, i) not in pairs][:3] for u in users}
        rows = [(u, i, r) for u, shown in lists.items() for r, i in enumerate(shown, 1)]
        columns = dict(zip(("user_id", "item_id", "rank"), map(list, zip(*rows, strict=True)), strict=True))
        pq.write_table(pa.table(columns), out / f"{protocol}.parquet")
    print("done")
