"""Numbers that follow from keys: spread evenly, the same for the same keys, and SplitMix64 as it is published."""

import numpy as np
import pytest

from pipeline.arrays import draws


def splitmix(state: int) -> int:
    """One step, in Python's integers."""
    state = (state + 0x9E3779B97F4A7C15) % 2**64
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % 2**64
    return state ^ (state >> 31)


@pytest.mark.parametrize(("seed", "keys"), [(0, (0,)), (7, (1, 2)), (2**64 - 1, (2**40, 0, 5))])
def test_a_number_is_a_chain_of_steps(seed: int, keys: tuple[int, ...]) -> None:
    assert splitmix(0) == 0xE220A8397B1DCDAF, "the first number of seed 0, as published"
    state = splitmix(seed)
    for key in keys:
        state = splitmix(state ^ splitmix(key))
    found = draws.uniform(seed, *(np.array([key]) for key in keys))
    assert found.tolist() == [((state >> 11) + 0.5) / 2**53]


def test_a_number_follows_from_its_keys_alone() -> None:
    users, items = np.arange(50), np.arange(40)
    whole = draws.uniform(7, users[:, None], items[None, :])
    assert whole.shape == (50, 40)
    part = draws.uniform(7, users[[40, 3]][:, None], items[None, ::-1])
    assert (part == whole[[40, 3]][:, ::-1]).all()
    assert len(np.unique(whole)) == whole.size
    assert not (draws.uniform(8, users[:, None], items[None, :]) == whole).any()
    swapped = draws.uniform(7, items[None, :], users[:, None])
    assert (swapped == whole).sum() == len(items), "where both keys are the same, and nowhere else"


def test_they_are_spread_evenly() -> None:
    numbers = draws.uniform(1, np.arange(200_000), np.array([3]))
    assert ((numbers > 0) & (numbers < 1)).all()
    counts = np.histogram(numbers, bins=20, range=(0, 1))[0]
    assert abs(counts - 10_000).max() < 4.5 * (10_000 * 0.95) ** 0.5
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.01


def test_the_largest_of_noisy_logarithms_is_drawn_by_weight() -> None:
    weights = np.array([0.5, 0.3, 0.2])
    noise = draws.gumbel(5, np.arange(100_000)[:, None], np.arange(3)[None, :])
    drawn = np.bincount((np.log(weights) + noise).argmax(axis=1), minlength=3) / 100_000
    assert drawn == pytest.approx(weights, abs=0.007)
