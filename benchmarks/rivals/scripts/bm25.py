"""Item-based nearest neighbours with BM25 weights, by the library `implicit`, on the decayed history."""

from collections.abc import Iterator

import numpy as np
from common import Log, Settings, main, ranked
from implicit.nearest_neighbours import BM25Recommender


def recommend(log: Log, protocols: dict[str, Settings]) -> Iterator[tuple[str, np.ndarray]]:
    for protocol, settings in protocols.items():
        model = BM25Recommender(K=settings["neighbours"], K1=settings["k1"], B=settings["b"])
        history = log.decayed(settings["half_life_days"], settings["floor"])
        model.fit(history, show_progress=False)
        similar = model.similarity
        yield protocol, ranked(log, lambda rows, h=history, s=similar: (h[rows] @ s).toarray(), protocol)


if __name__ == "__main__":
    main(recommend)
