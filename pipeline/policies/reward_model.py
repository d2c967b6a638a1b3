"""What a reward model expects of slots, learned from the log without the users whom it is asked about.

The direct method is no better than this model, and doubly robust estimates are right without it, only wider. So it is
small, and learned for each fifth of the users from the other four.

Source: Chernozhukov et al., "Double/debiased machine learning", The Econometrics Journal 21 (2018), for the folds.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from pipeline.policies.estimators import Expected
from pipeline.policies.logged import Logged

FOLDS = 5
ROUNDS = 100
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
    users, number = np.unique(user, return_inverse=True)
    return np.asarray((np.random.default_rng(seed).permutation(len(users)) % FOLDS)[number])


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
    import lightgbm

    fold = folds(user, seed)
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
        data = lightgbm.Dataset(given[known], reward[known], free_raw_data=True)
        teaches = known.any() and len(np.unique(reward[known])) > 1
        mean = float(reward[known].mean()) if known.any() else 0.0
        models.append(lightgbm.train(parameters, data, ROUNDS) if teaches else mean)

    def predicted(features: np.ndarray) -> np.ndarray:
        found = np.zeros(len(features))
        for place, model in enumerate(models):
            mine = fold == place
            if mine.any():
                found[mine] = model if isinstance(model, float) else model.predict(features[mine], num_threads=threads)
        return found

    return predicted
