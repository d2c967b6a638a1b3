"""Whether a user acts at all within the horizon, from what is known of every user, the quiet ones included.

The rankers learn from users who acted on something; a probability that holds for everybody is the product

    P(acts on the item) = P(acts on anything) x P(acts on the item | acts on anything)

whose first factor is learned here, per pool, from all users with a history at the label cut-offs.
Source: Cragg, Econometrica 39 (1971), the hurdle model.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.features.rates import has_history
from pipeline.features.read import Cutoff
from pipeline.ground import lists
from pipeline.settings.config import Config

if TYPE_CHECKING:
    from lightgbm import Booster

FEATURES = ("actions", "days_active", "items", "first_age", "last_age", "mean_interval", "basket_items")


def features(cutoff: Cutoff) -> np.ndarray:
    """[U, F] float32 of the users known at a cut-off, NaN where a value does not exist.

    Columns: FEATURES, then the age of the last action over the mean interval, over 7 and over the age of the first.
    """
    stats = cutoff.user_stats()
    columns = [stats.column(name).to_numpy(zero_copy_only=False).astype(np.float32) for name in FEATURES]
    first, last, interval = columns[3], columns[4], columns[5]
    with np.errstate(divide="ignore", invalid="ignore"):
        derived = [last / np.maximum(interval, 1), last / np.maximum(first, 1)]
    return np.stack([*columns, *derived], axis=1)


def acted(cutoff: Cutoff, pool: lists.Pool) -> np.ndarray:
    """bool [U], users who acted in the label window on something that counts in the pool."""
    found = np.zeros(cutoff.users, dtype=bool)
    found[cutoff.labels(pool, sampled=False).column("user_index").to_numpy()] = True  # also who is no target
    return found


def fit(windows: Sequence[Cutoff], pool: lists.Pool, config: Config) -> "Booster | None":
    """Learn from label windows; None where nobody acted, or everybody did.

    Args:
        windows: label cut-offs that may be learned from.
        pool: the pool.
        config: `fusion.activity_*`.
    """
    import lightgbm

    parts = [_sample(window, pool, config) for window in windows]
    known = np.concatenate([x for x, _ in parts]) if parts else np.empty((0, 1), np.float32)
    label = np.concatenate([y for _, y in parts]) if parts else np.empty(0, bool)
    if label.all() or not label.any():
        return None
    settings = {
        "objective": "binary",
        "num_leaves": 15,
        "learning_rate": 0.1,
        "min_data_in_leaf": config.fusion.min_leaf,
        "lambda_l2": config.fusion.reg,
        "num_threads": config.threads,
        "seed": config.seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    data = lightgbm.Dataset(known, label.astype(np.int8), params=settings)
    return lightgbm.train(settings, data, config.fusion.activity_rounds)


def _sample(window: Cutoff, pool: lists.Pool, config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels of at most `fusion.activity_users` users with a history, drawn at random."""
    users = np.flatnonzero(has_history(window))
    if len(users) > config.fusion.activity_users:
        rng = np.random.default_rng([config.seed, window.cutoff.toordinal()])
        users = np.sort(rng.choice(users, config.fusion.activity_users, replace=False))
    return features(window)[users], acted(window, pool)[users]


def log_odds(path: Path, cutoff: Cutoff, threads: int) -> np.ndarray:
    """[U] float32 log-odds that users act, by a saved model; all 0 where there is none."""
    import lightgbm

    if not path.is_file():
        return np.zeros(cutoff.users, dtype=np.float32)
    known = features(cutoff)
    if not len(known):
        return np.zeros(0, dtype=np.float32)
    booster = lightgbm.Booster(model_file=str(path))
    return np.asarray(booster.predict(known, num_threads=threads, raw_score=True), dtype=np.float32)
