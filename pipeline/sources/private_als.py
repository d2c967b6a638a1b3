"""Item factors of `als` that see people only through noise ([privacy]); a user's own are then solved as ever.

The factors are one release of a cut-off: noised counts at a tenth of the budget, and noised second moments (see
arrays.private_moments). No cut-off starts from another's, so that what each costs is its own and can be added up.
A list is made of these factors and of the user's own history: of other people it tells no more than the factors do.
"""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.arrays import private_moments
from pipeline.arrays.determinism import blas_threads
from pipeline.arrays.private_moments import Bounds, Deviations
from pipeline.features.read import Cutoff
from pipeline.ground import artifacts
from pipeline.ground.errors import TrainingError
from pipeline.privacy import accountant, noise, spending
from pipeline.privacy.noise import Noise
from pipeline.privacy.spending import Release
from pipeline.settings.config import Config

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

OF_COUNTS = 0.1
"""Share of a fit's budget (of mu squared) that the counts get."""
MOST = 1.0
"""What one item may weigh in a user's part, before the part is bounded: as much as an action of today."""


def fingerprint(config: Config) -> str:
    """What says which key noise is made with, and not the key; "" where there is no noise.

    Raises:
        InputError: noise is asked for, and there is no key.
    """
    return noise.key().derive("fingerprint").hash("") if config.privacy.enabled else ""


@dataclass(frozen=True)
class Cost:
    """What one fit costs.

    Attributes:
        mu: of the whole fit.
        deviations: of its noise.
    """

    mu: float
    deviations: Deviations

    @classmethod
    def of(cls, epsilon: float, delta: float) -> "Cost":
        """The least noise that keeps to (epsilon, delta)."""
        mu = accountant.mu_of(epsilon, delta)
        parts = (accountant.multiplier(mu, OF_COUNTS), accountant.multiplier(mu, 1 - OF_COUNTS))
        return cls(mu, Deviations(*parts))


def bounds(config: Config) -> Bounds:
    """What [privacy] says."""
    section = config.privacy
    return Bounds(section.contributions, section.items, section.factors, section.tail, section.damping)


def item_factors(cutoff: Cutoff, history: "csr_matrix", config: Config, night: date) -> np.ndarray:
    """Release the item factors of a cut-off, and write down what that costs.

    Args:
        cutoff: whose history it is.
        history: [U, I] CSR float32 confidences.
        config: has the budget.
        night: that releases them.
    Returns:
        [I, d'] float32, d' <= privacy.factors.
    Raises:
        InputError: there is no key, or too little budget.
        TrainingError: nothing rises above the noise.
    """
    secret, section = noise.key(), config.privacy
    made_of = artifacts.file_sha256(cutoff.folder / "interactions.parquet")
    known = (cutoff.cutoff, cutoff.users, cutoff.items)
    purpose = artifacts.text_sha256("als", made_of, known, config.digest("als"), artifacts.code_version())
    cost = Cost.of(section.epsilon_per_fit, section.delta)
    key = secret.derive("release").hash(purpose)
    spending.spend(config, Release(key, "als", cutoff.cutoff.isoformat(), night.isoformat(), cost.mu))
    history = history.copy()
    history.data = np.minimum(history.data, np.float32(MOST))
    with blas_threads(1):
        found = private_moments.item_factors(history, bounds(config), cost.deviations, Noise(secret, purpose))
    if not found.any():
        raise TrainingError(
            f"als: of {cutoff.folder} nothing rises above the noise of privacy.epsilon_per_fit = "
            f"{section.epsilon_per_fit:g}: lower privacy.items, or switch als off: the shop has too few people for it"
        )
    return found


def report(config: Config) -> dict[str, Any]:
    """What the manifest says of the privacy of `als`: scalars."""
    section = config.privacy
    made = "als/item_factors.npy, by user; of the tables similar_items alone, with privacy.similar_items"
    return {"private": made, "epsilon_per_fit": section.epsilon_per_fit, **spending.told(config, "als")}
