"""The best-sellers of the last `days`, in distinct users; ties by the users of all time."""

from collections.abc import Iterator

import numpy as np
from common import Log, Settings, main, ranked


def recommend(log: Log, protocols: dict[str, Settings]) -> Iterator[tuple[str, np.ndarray]]:
    for protocol, settings in protocols.items():
        scores = log.popularity(settings["days"]) + 1e-6 * log.popularity(np.inf)
        yield protocol, ranked(log, lambda rows, s=scores: np.tile(s, (rows.stop - rows.start, 1)), protocol)


if __name__ == "__main__":
    main(recommend)
