"""Implicit ALS (Hu, Koren & Volinsky, ICDM 2008) by the library `implicit`, on decayed confidence."""

from collections.abc import Iterator

import numpy as np
from common import Log, Settings, main, ranked
from implicit.als import AlternatingLeastSquares


def recommend(log: Log, protocols: dict[str, Settings]) -> Iterator[tuple[str, np.ndarray]]:
    for protocol, settings in protocols.items():
        model = AlternatingLeastSquares(
            factors=settings["factors"],
            regularization=settings["reg"],
            alpha=settings["alpha"],
            iterations=settings["iterations"],
            random_state=42,
        )
        values = log.decayed(settings["half_life_days"], settings["floor"]) if settings["decay"] else log.seen()
        model.fit(values, show_progress=False)
        users, items = model.user_factors, model.item_factors
        yield protocol, ranked(log, lambda rows, u=users, i=items: u[rows] @ i.T, protocol)


if __name__ == "__main__":
    main(recommend)
