"""LensKit's implicit ALS with decayed weights as ratings; its factors rank all items."""

from collections.abc import Iterator

import numpy as np
from common import Log, Settings, main, ranked
from lenskit.als import ImplicitMFScorer
from lenskit.data import from_interactions_df
from lenskit.training import TrainingOptions


def recommend(log: Log, protocols: dict[str, Settings]) -> Iterator[tuple[str, np.ndarray]]:
    for protocol, settings in protocols.items():
        frame = log.frame(log.decayed(settings["half_life_days"], settings["floor"]))
        data = from_interactions_df(frame[["user_id", "item_id"]].assign(rating=frame["weight"]))
        model = ImplicitMFScorer(
            embedding_size=settings["factors"],
            epochs=settings["epochs"],
            regularization=settings["reg"],
            weight=settings["weight"],
            use_ratings=True,
            user_embeddings="prefer",
        )
        model.train(data, TrainingOptions(rng=42))
        users = np.asarray(model.user_embeddings)[model.users.numbers(log.users)]
        items = np.asarray(model.item_embeddings)[model.items.numbers(log.items)]
        yield protocol, ranked(log, lambda rows, u=users, i=items: u[rows] @ i.T, protocol)


if __name__ == "__main__":
    main(recommend)
