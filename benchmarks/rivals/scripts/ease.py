"""EASE (Steck, WWW 2019) on the decayed history of the whole catalogue, plus the user's own decayed history."""

from collections.abc import Iterator

import numpy as np
from common import Log, Settings, main, ranked


def weights(gram: np.ndarray, reg: float) -> np.ndarray:
    """[I, I] item-to-item weights with a zero diagonal."""
    np.fill_diagonal(gram, gram.diagonal() + reg)
    inverse = np.linalg.inv(gram)
    found = -inverse / inverse.diagonal()
    np.fill_diagonal(found, 0)
    return found


def recommend(log: Log, protocols: dict[str, Settings]) -> Iterator[tuple[str, np.ndarray]]:
    for protocol, settings in protocols.items():
        history = log.decayed(settings["half_life_days"])
        items = weights((history.T @ history).toarray(), settings["reg"]).astype(np.float32)
        own = log.decayed(settings["own_half_life_days"]) * settings["own_weight"]

        def score(rows: slice, h=history, w=items, o=own) -> np.ndarray:
            return h[rows] @ w + o[rows].toarray()

        yield protocol, ranked(log, score, protocol)


if __name__ == "__main__":
    main(recommend)
