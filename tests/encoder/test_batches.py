"""A batch holds what was done among its items, by everybody."""

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline.encoder.batches import Batches
from pipeline.settings.sections.fine_tune import FineTune

RNG = np.random.default_rng(4)
ACTED = (RNG.random((40, 12)) * (RNG.random((40, 12)) < 0.4)).astype(np.float32)
CHOSEN = (RNG.integers(1, 9, size=(5, 12)) * (RNG.random((5, 12)) < 0.3)).astype(np.float32)
CHOSEN[:, 3] = 2
FILLED = np.arange(12) != 7


def batches(choices: np.ndarray | None = None, acted: np.ndarray = ACTED, **section: Any) -> Batches:
    settings = FineTune(**({"batch_items": 5} | section))
    given = None if choices is None else csr_matrix(choices)
    return Batches(csr_matrix(acted), FILLED, given, settings, seed=3, threads=1)


def test_it_is_the_block_of_its_users_and_items() -> None:
    drawing = batches()
    for _ in range(5):
        batch = drawing.draw()
        assert batch is not None
        assert len(batch.items) == 5
        assert 7 not in batch.items  # it has no text
        block = ACTED[:, batch.items]
        np.testing.assert_array_equal(batch.users, np.flatnonzero((block > 0).sum(axis=1) >= 2))
        np.testing.assert_array_equal(batch.weights, block[batch.users])
        assert (batch.queries.size, batch.chosen.size, batch.correction) == (0, 0, None)


def test_queries_bring_their_items_and_all_that_was_chosen_among_those_sampled() -> None:
    batch = batches(CHOSEN, batch_items=8).draw()
    assert batch is not None
    assert len(batch.queries)
    np.testing.assert_array_equal(batch.chosen, CHOSEN[batch.queries][:, batch.items])
    assert (batch.chosen > 0).any(axis=1).all()


def test_the_correction_is_the_log_of_the_chance_to_be_sampled_but_for_a_constant() -> None:
    batch = batches(popularity_correction=0.5, popularity_power=0.8).draw()
    assert batch is not None
    assert batch.correction is not None
    users = (ACTED > 0).sum(axis=0)[batch.items]
    np.testing.assert_allclose(batch.correction, 0.5 * np.log(users**0.8), rtol=1e-6)


def test_the_same_seed_draws_the_same_and_hard_negatives_fill_the_batch() -> None:
    one, two, hard = batches(), batches(), batches(hard_negatives=0.4)
    for _ in range(3):
        first, second, harder = one.draw(), two.draw(), hard.draw()
        assert first is not None
        assert second is not None
        assert harder is not None
        np.testing.assert_array_equal(first.items, second.items)
        assert len(harder.items) == len(set(harder.items.tolist())) == 5


@pytest.mark.parametrize("items", [1, 2])
def test_two_items_can_be_told_apart_and_nothing_is_drawn_where_nobody_has_two(items: int) -> None:
    apart = np.zeros((2, 12), dtype=np.float32)
    apart[np.arange(items), np.arange(items)] = 1  # each by another user
    drawing = batches(acted=apart)
    assert drawing.can_learn is (items == 2)
    assert drawing.draw() is None
