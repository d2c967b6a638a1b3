"""RecTools' implicit ALS on decayed weights, through its dataset and its `recommend`."""

from collections.abc import Iterator

import numpy as np
from common import DEPTH, Log, Settings, main, rows_of
from implicit.als import AlternatingLeastSquares
from rectools.dataset import Dataset
from rectools.models import ImplicitALSWrapperModel


def recommend(log: Log, protocols: dict[str, Settings]) -> Iterator[tuple[str, np.ndarray]]:
    for protocol, settings in protocols.items():
        data = Dataset.construct(log.frame(log.decayed(settings["half_life_days"], settings["floor"])))
        library = AlternatingLeastSquares(
            factors=settings["factors"],
            regularization=settings["reg"],
            alpha=settings["alpha"],
            iterations=settings["iterations"],
            random_state=42,
        )
        model = ImplicitALSWrapperModel(library).fit(data)
        found = model.recommend(log.users, data, k=DEPTH, filter_viewed=protocol == "new")
        yield protocol, rows_of(log, found.groupby("user_id", sort=False)["item_id"].agg(list).to_dict())


if __name__ == "__main__":
    main(recommend)
