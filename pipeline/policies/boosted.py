"""Boosted trees of a number, small and slow, that can be written down: what learners of an uplift are made of."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self

import numpy as np

ROUNDS = 80
THREADS = re.compile(r"^\[num_threads: \d+\]\n", re.MULTILINE)
"""What a model's text says of the threads that grew its trees, which are the same with any number of them."""
PARAMETERS: dict[str, Any] = {
    "objective": "regression",
    "num_leaves": 8,
    "learning_rate": 0.05,
    "min_data_in_leaf": 50,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
"""As `uplift.trees`: effects are small beside the noise."""


@dataclass
class Boosted:
    """A model of a number.

    Attributes:
        seed: of the trees; threads: CPU threads that fit it.
        text: LightGBM's; "": it has not learned yet.
    """

    seed: int = 0
    threads: int = 1
    text: str = field(default="", repr=False)

    def fit(self, features: np.ndarray, outcome: np.ndarray) -> Self:
        """Learn an outcome [N] of features [N, F], nan where one is unknown."""
        import lightgbm

        parameters = PARAMETERS | {"seed": self.seed, "num_threads": self.threads}
        data = lightgbm.Dataset(features, outcome, free_raw_data=True)
        self.text = THREADS.sub("", lightgbm.train(parameters, data, ROUNDS).model_to_string())
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        """[N] what is expected of features [N, F]; the same whichever rows are asked about together."""
        return np.asarray(_read(self.text).predict(features, num_threads=self.threads)) if len(features) else _NONE


_NONE = np.zeros(0)


@lru_cache(maxsize=64)
def _read(text: str) -> Any:
    import lightgbm

    return lightgbm.Booster(model_str=text)
