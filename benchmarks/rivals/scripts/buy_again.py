"""The user's own items, decayed, times their popularity to a power; then the best-sellers. Only under `all`."""

from collections.abc import Iterator

import numpy as np
from common import Log, Settings, main, ranked


def recommend(log: Log, protocols: dict[str, Settings]) -> Iterator[tuple[str, np.ndarray]]:
    settings = protocols["all"]
    popular = log.popularity(settings["days"])
    own = log.decayed(settings["half_life_days"]).multiply((popular + 1) ** settings["power"]).tocsr()
    yield "all", ranked(log, lambda rows: own[rows].toarray() + 1e-9 * popular, "all")


if __name__ == "__main__":
    main(recommend)
