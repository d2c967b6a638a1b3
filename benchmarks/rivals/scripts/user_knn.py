"""What the most similar users did lately: cosine of decayed profiles, votes with a short memory, plus own history."""

from collections.abc import Iterator

import numpy as np
from common import Log, Settings, main, ranked
from scipy import sparse


def recommend(log: Log, protocols: dict[str, Settings]) -> Iterator[tuple[str, np.ndarray]]:
    for protocol, settings in protocols.items():
        profile = log.decayed(settings["profile_half_life_days"])
        length = np.sqrt(profile.multiply(profile).sum(axis=1)).A1 + 1e-12
        unit = sparse.diags(1 / length).astype(np.float32) @ profile
        votes = log.decayed(settings["vote_half_life_days"])
        own = log.decayed(settings["own_half_life_days"]) * settings["own_weight"]

        def score(rows: slice, p=unit, v=votes, o=own, s=settings) -> np.ndarray:
            near = (p[rows] @ p.T).toarray()
            near[np.arange(len(near)), np.arange(rows.start, rows.stop)] = 0
            k = min(s["neighbours"], near.shape[1]) - 1
            near[near < -np.partition(-near, k, axis=1)[:, [k]]] = 0
            return (sparse.csr_matrix(near ** s["power"]) @ v + o[rows]).toarray()

        yield protocol, ranked(log, score, protocol)


if __name__ == "__main__":
    main(recommend)
