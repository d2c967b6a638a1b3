"""kindling's engine with its defaults, which tune themselves; one fit, under `new` without what the user knows."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from common import Log, Settings, main, rows_of, without_seen
from kindling import Engine


def recommend(log: Log, protocols: dict[str, Settings]) -> Iterator[tuple[str, np.ndarray]]:
    frame = pd.DataFrame({"entity_id": log.users[log.user], "item_id": log.items[log.item], "timestamp": log.time})
    engine = Engine()
    engine.fit(frame)
    users = log.users.tolist()
    batches = engine.recommend_batch(users, n=300)
    lists = {user: [r.item_id for r in recs] for user, recs in zip(users, batches, strict=True)}
    for protocol in protocols:
        yield protocol, rows_of(log, without_seen(log, lists) if protocol == "new" else lists)


if __name__ == "__main__":
    main(recommend)
