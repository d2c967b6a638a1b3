"""Boosts and pins of a block of users, against an answer found row by row."""

import numpy as np

from pipeline.publication import editorial
from pipeline.publication.surfaces import Block


def slow_boost(items: list[int], factors: np.ndarray) -> list[int]:
    places = {item: (place / factors[item], -factors[item]) for place, item in enumerate(items, 1)}
    return sorted(items, key=lambda item: places[item])


def test_boosts_and_pins_of_a_block_are_those_of_each_row() -> None:
    rng = np.random.default_rng(0)
    users, catalogue, k = 60, 40, 12
    lengths = rng.integers(0, k + 1, users)
    items = np.full((users, k), -1, dtype=np.int32)
    for user, length in enumerate(lengths):
        items[user, :length] = rng.permutation(catalogue - 4)[:length]
    scores = np.where(items >= 0, -np.sort(-rng.normal(size=(users, k)), axis=1), -np.inf).astype(np.float32)
    block = Block(items, scores, np.zeros((users, k), dtype=np.int8))
    factors = np.ones(catalogue)
    factors[rng.permutation(catalogue)[:10]] = rng.choice([0.2, 2, 5], 10)
    boosted = editorial.boost(block, factors)
    pins = {1: 36, 2: 37, 7: 38, 12: 39}
    allowed = rng.random((users, catalogue)) < 0.7
    final = editorial.pin(boosted, pins, allowed[:, [item for _, item in sorted(pins.items())]])
    for user in range(users):
        expected = slow_boost(items[user, : lengths[user]].tolist(), factors)
        assert [i for i in boosted.items[user].tolist() if i >= 0] == expected
        for rank, item in sorted(pins.items()):
            if allowed[user, item]:
                expected = [*expected[: rank - 1], item, *expected[rank - 1 :]][:k]
        assert [i for i in final.items[user].tolist() if i >= 0] == expected
        given = dict(zip(items[user].tolist(), scores[user].tolist(), strict=True))
        for made, moved in ((boosted, set(np.flatnonzero(factors != 1))), (final, set())):
            found = made.scores[user][made.items[user] >= 0]
            assert (np.diff(found) <= 0).all()
            assert np.isfinite(found).all()
            for item, score in zip(made.items[user].tolist(), made.scores[user].tolist(), strict=True):
                if made is boosted and item >= 0 and item not in moved and len(moved):
                    assert score == given[item]
