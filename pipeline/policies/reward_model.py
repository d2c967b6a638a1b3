"""What a reward model expects of slots, learned from the log without the users whom it is asked about.

The direct method is no better than this model, and doubly robust estimates are right without it, only wider. So it is
small, and learned for each fifth of the users from the other four.

Source: Chernozhukov et al., "Double/debiased machine learning", The Econometrics Journal 21 (2018), for the folds.
"""

from collections.abc import Iterable
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
    import lightgbm

    users, number = np.unique(logged.user, return_inverse=True)
    fold = (np.random.default_rng(seed).permutation(len(users)) % FOLDS)[number]
    is_click = bool(np.isin(logged.reward, (0, 1)).all())
    parameters = PARAMETERS | {
        "objective": "binary" if is_click else "regression",
        "seed": seed,
        "num_threads": threads,
    }
    models: list[Any] = []
    for held_out in range(FOLDS):
        known = fold != held_out
        data = lightgbm.Dataset(shown[known], logged.reward[known], free_raw_data=True)
        teaches = known.any() and len(np.unique(logged.reward[known])) > 1
        mean = float(logged.reward[known].mean()) if known.any() else 0.0
        models.append(lightgbm.train(parameters, data, ROUNDS) if teaches else mean)

    def predicted(features: np.ndarray) -> np.ndarray:
        found = np.zeros(len(features))
        for place, model in enumerate(models):
            rows = fold == place
            if rows.any():
                found[rows] = model if isinstance(model, float) else model.predict(features[rows], num_threads=threads)
        return found

    expected = np.zeros(len(logged.reward))
    for chance, features in judged:
        expected += chance * predicted(features)
    return Expected(predicted(shown), expected)
