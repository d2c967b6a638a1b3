"""What a reward model expects of slots, learned from the log without the users whom it is asked about.

The direct method is no better than this model, and doubly robust estimates are right without it, only wider. So it is
small, and learned for each fifth of the users from the other four. A quarter of these say when it has learned enough:
of a hundred clicks trees otherwise learn their luck by heart, and the mean foretells better.

Source: Chernozhukov et al., "Double/debiased machine learning", The Econometrics Journal 21 (2018), for the folds.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from pipeline.policies.estimators import Expected
from pipeline.policies.logged import Logged

FOLDS = 5
HELD_OUT = 4
"""Of every so many users that are learned from one says when to stop."""
ROUNDS, PATIENCE = 100, 10
PARAMETERS: dict[str, Any] = {
    "num_leaves": 15,
    "learning_rate": 0.05,
    "min_data_in_leaf": 50,
    "lambda_l2": 1.0,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


def expect(
    logged: Logged,
    shown: np.ndarray,
    judged: Iterable[tuple[np.ndarray, np.ndarray]],
    seed: int,
    threads: int = 1,
) -> Expected:
    """The rewards expected of what was shown, and of what the judged policy shows.

    Args:
        logged: slots.
        shown: [N, F] features of user, slot and the item that was shown.
        judged: of each thing that the judged policy may show in a row's slot, its chance [N] and its features [N, F].
        seed: of the folds and the trees.
        threads: CPU threads.
    """
    predicted = across(logged.reward, logged.user, shown, seed=seed, threads=threads)
    expected = np.zeros(len(logged.reward))
    for chance, features in judged:
        expected += chance * predicted(features)
    return Expected(predicted(shown), expected)


def folds(user: np.ndarray, seed: int) -> np.ndarray:
    """[N] which fifth each row's user is of; what is expected of it is learned of the others."""
    return draw(user, seed) % FOLDS


def draw(user: np.ndarray, seed: int) -> np.ndarray:
    """[N] the place of each row's user in a random order of all users."""
    users, number = np.unique(user, return_inverse=True)
    return np.asarray(np.random.default_rng(seed).permutation(len(users))[number])


def _fitted(given: np.ndarray, reward: np.ndarray, stops: np.ndarray, parameters: dict[str, Any]) -> Any:
    """A booster that stops in time, or the mean reward, where trees foretell the rows `stops`, bool [N], no better."""
    import lightgbm

    mean = float(reward.mean()) if len(reward) else 0.0
    if not stops.any() or len(np.unique(reward[~stops])) < 2:
        return mean
    learned = lightgbm.Dataset(given[~stops], reward[~stops])
    judges = learned.create_valid(given[stops], reward[stops])
    stop = lightgbm.early_stopping(PATIENCE, verbose=False)
    model = lightgbm.train(parameters, learned, ROUNDS, valid_sets=[judges], callbacks=[stop])
    (loss,) = model.best_score["valid_0"].values()
    return model if loss < _loss(np.full(stops.sum(), reward[~stops].mean()), reward[stops], parameters) else mean


def _loss(expected: np.ndarray, reward: np.ndarray, parameters: dict[str, Any]) -> float:
    """What LightGBM stops by: log loss of clicks, squared error of other rewards."""
    if parameters["objective"] == "binary":
        return float(-np.log(np.where(reward > 0, expected, 1 - expected)).mean())
    return float(((expected - reward) ** 2).mean())


def across(
    reward: np.ndarray,
    user: np.ndarray,
    given: np.ndarray,
    *,
    seed: int,
    threads: int = 1,
    rows: np.ndarray | None = None,
    earlier: bool = False,
) -> Callable[[np.ndarray], np.ndarray]:
    """What is expected of each row by a model that has seen no row of its user.

    Args:
        reward: [N]; user: [N]; given: [N, F] features.
        seed: of the folds and the trees.
        threads: CPU threads.
        rows: bool [N], those that are learned from; None: all.
        earlier: whether only fifths before a user's own are learned from; of the first 0 is expected.
    Returns:
        A function of other features [N, F] of the same rows.
    """
    fold = folds(user, seed)
    stops = np.asarray(draw(user, seed + 1) % HELD_OUT == 0)
    is_click = bool(np.isin(reward, (0, 1)).all())
    parameters = PARAMETERS | {
        "objective": "binary" if is_click else "regression",
        "seed": seed,
        "num_threads": threads,
    }
    models: list[Any] = []
    for held_out in range(FOLDS):
        known = fold < held_out if earlier else fold != held_out
        known = known if rows is None else known & rows
        models.append(_fitted(given[known], reward[known], stops[known], parameters))

    def predicted(features: np.ndarray) -> np.ndarray:
        found = np.zeros(len(features))
        for place, model in enumerate(models):
            mine = fold == place
            if mine.any():
                found[mine] = model if isinstance(model, float) else model.predict(features[mine], num_threads=threads)
        return found

    return predicted
