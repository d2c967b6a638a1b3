"""Whether somebody is among those whose history item factors were made of: likelihood ratios over shadow models.

Many models are fitted, each of a random half of the users with noise of its own. Of each model and user one number is
kept, how well the user's own history fits the released factors: the mean score of the user's items, once the user's
factors are solved from them. One model after the other is attacked with the others as shadows: the user's numbers in
models with the user and without give two normal distributions, and their log likelihood ratio says how much the number
in the attacked model speaks for the user having been there. AUC: the chance that one who was in ranks above one who
was not; .5 is guessing.
Source: Carlini et al., IEEE S&P 2022 (LiRA, both sides, variances over all models).

The most that anybody can learn of a Gaussian mechanism of cost mu, knowing everything but one person and seeing the
noised sums themselves, is AUC = Phi(mu / sqrt(2)); who sees the factors only, and knows less, learns less.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipeline.arrays import private_moments
from pipeline.arrays.factorisation import factorise
from pipeline.privacy import accountant
from pipeline.privacy.noise import Noise
from pipeline.privacy.pseudonyms import Key

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

FEWEST = 5
"""Users with fewer items are not asked after."""
PLAIN = (64, 5.0, 10)
"""Factors, L2 weight and iterations of the ALS without noise that is attacked beside."""


def fits(confidence: "csr_matrix", items: np.ndarray, reg: float) -> np.ndarray:
    """[U] the mean score of each user's items; 0 for who has none."""
    users = private_moments.user_factors(confidence, items, reg, threads=2)
    row = np.repeat(np.arange(len(users)), np.diff(confidence.indptr))
    scores = np.einsum("nd,nd->n", users[row], items[confidence.indices])
    return np.asarray(np.bincount(row, scores, len(users)) / np.maximum(np.diff(confidence.indptr), 1))


def likelihood_ratios(numbers: np.ndarray, there: np.ndarray, attacked: int) -> np.ndarray:
    """[U] log likelihood ratio of each user having been in one model, by the others.

    Args:
        numbers: [S, U] of every model and user.
        there: bool [S, U] who was in which.
        attacked: the model.
    """
    others = np.arange(len(numbers)) != attacked
    ratio = np.zeros(numbers.shape[1])
    for side, sign in ((there, 1.0), (~there, -1.0)):
        mask = side & others[:, None]
        count = np.maximum(mask.sum(axis=0), 1)
        mean = np.where(mask, numbers, 0).sum(axis=0) / count
        variance = np.where(mask, (numbers - mean) ** 2, 0).sum() / max(1, mask.sum())  # of all users: few models
        ratio -= sign * (numbers[attacked] - mean) ** 2 / (2 * max(variance, 1e-18))
    return ratio


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """The chance that a positive scores above a negative; ties count half."""
    negatives = np.sort(scores[~positive])
    below, not_above = (np.searchsorted(negatives, scores[positive], side) for side in ("left", "right"))
    return float(np.mean((below + not_above) / 2) / len(negatives))


def attacked(confidence: "csr_matrix", models: int, factors: Callable[["csr_matrix", int], np.ndarray]) -> float:
    """Mean AUC over models, of users with some history.

    Args:
        confidence: [U, I] CSR.
        models: S, how many are fitted.
        factors: item factors [I, d] of some users' confidences, and the model's number.
    """
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(0)
    asked = np.flatnonzero(np.diff(confidence.indptr) >= FEWEST)
    there = rng.random((models, confidence.shape[0])) < 0.5
    numbers = np.empty((models, len(asked)))
    for model in range(models):
        half = csr_matrix(confidence.multiply(there[model][:, None].astype(np.float32)))
        half.eliminate_zeros()
        numbers[model] = fits(confidence[asked], factors(half, model), PLAIN[1])
    numbers = (numbers - numbers.mean(axis=0)) / np.maximum(numbers.std(axis=0), 1e-12)
    there = there[:, asked]
    return float(np.mean([auc(likelihood_ratios(numbers, there, m), there[m]) for m in range(models)]))


def plain(confidence: "csr_matrix", model: int) -> np.ndarray:
    """Item factors of ALS without noise, from another start for each model."""
    start = np.random.default_rng(model).random((confidence.shape[1], PLAIN[0]), dtype=np.float32) * np.float32(0.01)
    return factorise(confidence, start, PLAIN[2], PLAIN[1], threads=2)[1]


def show(
    confidence: "csr_matrix",
    models: int,
    moments: Callable[["csr_matrix", float, Noise], np.ndarray],
    delta: float,
    epsilons: Sequence[float],
) -> None:
    """Print the AUC at each epsilon, and of plain ALS if all that is asked for is not one epsilon."""
    print(f"{'factors':<16}{'epsilon':>8}{'AUC':>8}{'at most':>9}")
    for epsilon in epsilons:

        def private(half: "csr_matrix", model: int, epsilon: float = epsilon) -> np.ndarray:
            return moments(
                half, epsilon, Noise(Key(b"of a benchmark: everybody knows it"), f"attack {epsilon} {model}")
            )

        most = accountant.most_auc(accountant.mu_of(epsilon, delta)) if np.isfinite(epsilon) else 1.0
        print(
            f"{'second moments':<16}{epsilon:>8g}{attacked(confidence, models, private):>8.3f}{most:>9.3f}", flush=True
        )
    if len(epsilons) == 1:
        return
    print(f"{'plain als':<16}{'':>8}{attacked(confidence, models, plain):>8.3f}{1.0:>9.3f}")
