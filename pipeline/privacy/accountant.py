"""What noise costs and buys: (epsilon, delta) of Gaussian noise, exactly, however many releases there are.

Whoever adds Gaussian noise of standard deviation sigma to what one person can move by at most s in length gives that
person mu = s / sigma. Releases of mu_1, mu_2 and so on about the same people, each chosen in the knowledge of those
before or not, are together one whose mu is the root of the sum of their squares, and nothing is lost in that sum. So no
bound is needed where all noise is Gaussian: the whole of a night, or of a year, is one mechanism, of which delta is
known for every epsilon.
Neighbours are two logs of which one has a person's whole history and the other has nothing of that person.
Source: Balle & Wang, ICML 2018, theorem 8; Dong, Roth & Su, JRSS B 2022, corollary 3.3 (composition).
"""

import math
from collections.abc import Iterable

MOST = 1e4
"""A mu beyond which nothing is private in any sense."""


def delta_of(mu: float, epsilon: float) -> float:
    """The least delta at which a mechanism is (epsilon, delta)-private.

    Args:
        mu: length of a person's contribution in standard deviations of the noise, >= 0.
        epsilon: >= 0.
    """
    from scipy.special import log_ndtr, ndtr

    if mu == 0:
        return 0.0
    below = math.exp(min(0.0, epsilon + float(log_ndtr(-mu / 2 - epsilon / mu))))
    return max(0.0, float(ndtr(mu / 2 - epsilon / mu)) - below)


def epsilon_of(mu: float, delta: float) -> float:
    """The least epsilon at which a mechanism is (epsilon, delta)-private; 0 where delta alone pays for it.

    Args:
        mu: see `delta_of`.
        delta: > 0, < 1.
    """
    from scipy.optimize import brentq

    if delta_of(mu, 0.0) <= delta:
        return 0.0
    high = mu * mu / 2 + mu * math.sqrt(2 * math.log(1 / delta)) + 1  # a looser bound, where delta is surely less
    return float(brentq(lambda epsilon: delta_of(mu, epsilon) - delta, 0.0, high, xtol=1e-12))


def mu_of(epsilon: float, delta: float) -> float:
    """The largest mu that is (epsilon, delta)-private: `epsilon_of` turned round.

    Args:
        epsilon: > 0.
        delta: > 0, < 1.
    """
    from scipy.optimize import brentq

    if delta_of(MOST, epsilon) <= delta:
        return MOST
    return float(brentq(lambda mu: delta_of(mu, epsilon) - delta, 1e-9, MOST, xtol=1e-13))


def composed(mus: Iterable[float]) -> float:
    """The mu of several releases about the same people."""
    return math.sqrt(math.fsum(mu * mu for mu in mus))


def multiplier(mu: float, share: float) -> float:
    """Standard deviations of noise per length of contribution for a share of a budget; shares add up to 1.

    Args:
        mu: of the whole.
        share: of mu^2, > 0, <= 1.
    """
    return 1 / (mu * math.sqrt(share))


def most_auc(mu: float) -> float:
    """The best that an attacker can do who knows everything but one person and sees the noised sums themselves.

    Returns:
        The chance that, of one log with the person and one without, the right one is named; 0.5 is guessing.
    """
    from scipy.special import ndtr

    return float(ndtr(mu / math.sqrt(2)))
