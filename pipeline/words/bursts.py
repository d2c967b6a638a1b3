"""On which days more is written about an entity than its own past lets expect, and how sure that is.

    expected = (A + n) / (A / r + x) x_d
    n_d ~ NB(mean expected, 1 / size = phi + 1 / (A + n))

n, x: texts about it and about something else in its past, x_d: about something else today; r: the rate of all
entities, to which one with a short past is drawn; phi: how much more than chance its days differ. What is written about
other things stands for the length of a day, so that weekends, gaps and a growing log alarm nobody. The day of a past
with the highest share counts as the second one does: an earlier burst hides no later one.
Sources: Kleinberg, "Bursty and hierarchical structure in streams", 2003 (texts about it among all); DuMouchel,
"Bayesian data mining", 1999 (gamma-Poisson); Benjamini and Hochberg, JRSS B 1995.
"""

from dataclasses import dataclass

import numpy as np

START = 0.5
"""A: texts that an entity is taken to have had at the usual rate before its past."""
CELLS = 20.0
"""How many squared expected texts of its own an entity needs to weigh as much as all do in how its days differ."""
KNOWN = 7
"""With fewer days of the past on which anything was written, as when a log begins, nobody knows what is usual."""
HIGHEST = 2
"""The place whose share of all texts the higher days of a past have."""


@dataclass(frozen=True)
class Unusual:
    """How unusual a day was, of each entity.

    Attributes:
        expected: [E] texts, from its past.
        chance: [E] that so many or more are written on a usual day; 1 where nothing was.
        false_share: [E] of entities at least as unusual that day, how many may be so by chance (BH's adjusted p).
    """

    expected: np.ndarray
    chance: np.ndarray
    false_share: np.ndarray


def of_day(today: np.ndarray, past: np.ndarray, others_today: np.ndarray, others_past: np.ndarray) -> Unusual:
    """How unusual a day is.

    Args:
        today: [E] texts about each entity.
        past: [E, D] the same of the days before.
        others_today: [E] texts about anything else.
        others_past: [E, D].
    """
    from scipy.stats import nbinom

    written = past + others_past > 0
    length = np.where(written, np.maximum(others_past, 1.0), 0.0)
    usual = _without_bursts(past, np.maximum(length, 1.0))
    number, whole = usual.sum(axis=1), length.sum(axis=1)
    rate = max(number.sum() / max(whole.sum(), 1.0), np.finfo(float).tiny)
    its_rate = (START + number) / (START / rate + whole)
    differ = _differ(usual, its_rate[:, None] * length)
    expected = its_rate * np.maximum(others_today, 1)
    size = 1 / (differ + 1 / (START + number))
    compared = (today > 0) & (number.sum() > 0) & (written.sum(axis=1) >= KNOWN)
    chance = np.where(compared, nbinom.sf(today - 1, size, size / (size + expected)), 1.0)
    return Unusual(expected, chance, adjusted(chance))


def _without_bursts(past: np.ndarray, length: np.ndarray) -> np.ndarray:
    """[E, D] float64, the days with the highest shares of what was written cut to the share of the one after them."""
    days = past.shape[1]
    if days <= HIGHEST:
        return past.astype(np.float64)
    share = past / length
    most = np.partition(share, days - HIGHEST, axis=1)[:, days - HIGHEST]
    return np.asarray(np.minimum(past, most[:, None] * length), dtype=np.float64)


def _differ(counts: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """[E] phi: variance beyond Poisson's in units of the squared mean; an entity's own, not below that of all."""
    beyond = ((counts - expected) ** 2 - expected).sum(axis=1)
    squared = (expected**2).sum(axis=1)
    of_all = max(0.0, beyond.sum() / squared.sum()) if squared.sum() > 0 else 0.0
    return np.asarray(np.maximum(of_all, (beyond + CELLS * of_all) / (squared + CELLS)))


def adjusted(chance: np.ndarray) -> np.ndarray:
    """[N] Benjamini and Hochberg's adjusted p-values."""
    if not len(chance):
        return chance.astype(np.float64)
    order = np.argsort(-chance, kind="stable")
    ranks = np.arange(len(chance), 0, -1)
    found = np.empty(len(chance))
    found[order] = np.minimum(1.0, np.minimum.accumulate(chance[order] * len(chance) / ranks))
    return found
