"""Counting sources: recent best-sellers for everybody, and buy-again, the user's own history times them.

List `popularity` exists in both pools. List `buy_again` exists in pool `all` only: what a user may buy again is
exactly what pool `new` leaves out, so lists.list_names(folder, "new") does not name it.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config import Config
from pipeline.data import Cutoff
from pipeline.models.candidates import make_parts, write_candidates


def item_popularity(cutoff: Cutoff, days: int) -> np.ndarray:
    """[I] float32: distinct buyers of each item in the last `days` days (7, 28, 91 or 365)."""
    return np.asarray(cutoff.item_stats().column(f"buyers_{days}").to_numpy(), dtype=np.float32)


def buy_again_weight(popularity: np.ndarray, power: float) -> np.ndarray:
    """[I] float32 factor on the own history; one buyer is added, so that what nobody bought lately keeps a rank."""
    return ((popularity + 1.0) ** power).astype(np.float32)


def run(*, features: Path, config: Config, out: Path) -> dict[str, Any]:
    """Write the lists `popularity` and `buy_again` of every cut-off."""
    section = config.popularity

    def make(cutoff: Cutoff, previous: Path | None, folder: Path) -> None:
        popularity = item_popularity(cutoff, section.days)
        history = cutoff.matrix(section.history)
        weight = buy_again_weight(popularity, section.power)

        def best_sellers(users: np.ndarray) -> np.ndarray:
            return np.broadcast_to(popularity, (len(users), cutoff.items))

        def buy_again(users: np.ndarray) -> np.ndarray:
            return np.asarray(history[users].toarray() * weight)

        write = partial(write_candidates, folder, n=section.candidates, block_users=config.block_users, above=0.0)
        write("popularity", cutoff, best_sellers)
        write("buy_again", cutoff, buy_again, pools=("all",))

    return make_parts(
        "popularity", make, features=features, out=out, config=config, tables=("interactions", "item_stats")
    )
