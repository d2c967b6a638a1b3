"""Estimates of what a whole list earns, from lists of which every slot was drawn with a known chance.

What they assume of a user is what they gain: of slots that count alone (item-position), of a reward that is a sum over
slots (pseudo-inverse), of a user who reads from the top down (cascade).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.policies.estimators import Terms
from pipeline.policies.logged import clipped


@dataclass(frozen=True)
class Slates:
    """Logged lists.

    Attributes:
        reward: [L, K] float64, by slot.
        chance: [L, K], with which the logging policy drew what the slot shows; given the slots above it where it draws
            from the top down.
        target: [L, K], the judged policy's.
        user: [L] int64.
    """

    reward: np.ndarray
    chance: np.ndarray
    target: np.ndarray
    user: np.ndarray

    @cached_property
    def weights(self) -> np.ndarray:
        """[L, K] the slots' own weights, clipped."""
        return clipped(self.target / self.chance)

    @cached_property
    def down_to(self) -> np.ndarray:
        """[L, K] the weight of a slot and all above it, clipped."""
        return clipped(np.cumprod(self.target / self.chance, axis=1))


def _mean(above: np.ndarray, slates: Slates) -> Terms:
    return Terms(above, np.ones(len(above)), slates.user)


def item_position(slates: Slates) -> Terms:
    """A slot's reward depends on what it shows. Source: Li et al., "Offline evaluation of ranking", KDD 2018."""
    return _mean((slates.weights * slates.reward).sum(axis=1), slates)


def pseudo_inverse(slates: Slates) -> Terms:
    """A list's reward is a sum over slots, wherever it is observed; slots are drawn independently of each other.

    Source: Swaminathan et al., "Off-policy evaluation for slate recommendation", NIPS 2017, section 3.
    """
    slots = slates.reward.shape[1]
    return _mean((slates.weights.sum(axis=1) - (slots - 1)) * slates.reward.sum(axis=1), slates)


def reward_interaction(slates: Slates) -> Terms:
    """A slot's reward depends on what it and those above show. Source: McInerney et al., KDD 2020."""
    return _mean((slates.down_to * slates.reward).sum(axis=1), slates)


def cascade_doubly_robust(slates: Slates, shown: np.ndarray, judged: np.ndarray) -> Terms:
    """The same with a model of what is still to come.

    Args:
        slates: the lists.
        shown: [L, K] the reward expected from this slot on, given what it and those above it show.
        judged: [L, K] the same before the slot is drawn, by the judged policy.
    Source: Kiyohara et al., "Doubly robust off-policy evaluation for ranking policies under the cascade behavior
        model", WSDM 2022.
    """
    before = np.concatenate([np.ones((len(slates.user), 1)), slates.down_to[:, :-1]], axis=1)
    return _mean((slates.down_to * (slates.reward - shown) + before * judged).sum(axis=1), slates)


def reward_interaction_difference(slates: Slates) -> Terms:
    """What the judged policy's lists earn more than the logged ones, as one estimate: list by list."""
    return _mean(((slates.down_to - 1) * slates.reward).sum(axis=1), slates)


def of_slots(reward: np.ndarray, chance: np.ndarray, target: np.ndarray, user: np.ndarray, place: np.ndarray) -> Slates:
    """Lists of as many slots as the longest has; a slot that a list lacks earns nothing and changes no weight.

    Args:
        reward, chance, target: [N] of slots, those of a list one after another, from the top down.
        user: [N] int64, whose.
        place: [N] int64 ascending, to which list a slot belongs.
    """
    _, first, lists, number = np.unique(place, return_index=True, return_inverse=True, return_counts=True)
    shape = (len(first), int(number.max(initial=0)))
    rows, columns = lists, np.arange(len(place)) - first[lists]

    def filled(values: np.ndarray, empty: float) -> np.ndarray:
        matrix = np.full(shape, empty)
        matrix[rows, columns] = values
        return matrix

    return Slates(filled(reward, 0.0), filled(chance, 1.0), filled(target, 1.0), user[first])
