"""What a batch is drawn from: items, their neighbours, users, queries, tokens."""

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix

from pipeline.encoder import sampling
from tests.encoder.planted_taste import KINDS, TEXTS, planted


def test_a_batch_holds_all_users_among_the_sampled_items() -> None:

    rng = np.random.default_rng(0)
    values = (rng.random((30, 10)) < 0.4).astype(np.float32)
    items = sampling.sample_items(values.sum(axis=0), 4, 0.5, rng)
    assert sorted(set(items)) == list(items)
    block = values[:, items]
    expected = np.flatnonzero((block > 0).sum(axis=1) >= 2)
    np.testing.assert_array_equal(sampling.users_among(csc_matrix(values), items, 1000, rng), expected)
    assert 0 < (block[sampling.users_among(csc_matrix(values), items, 12, rng)] > 0).sum() <= 12
    assert not set(sampling.sample_items(np.array([3, 0, 0, 1]), 4, 0.5, rng)) & {1, 2}


def test_hard_negatives_are_the_als_neighbours_of_what_was_sampled() -> None:
    rng = np.random.default_rng(0)
    neighbours = np.array([[1, 2], [0, -1], [0, 1], [4, -1], [3, 0], [0, 1]])
    found = sampling.with_neighbours(np.array([0, 3]), neighbours, 4, rng)
    assert set(found) <= {0, 1, 2, 3, 4}
    assert {0, 3} < set(found)
    assert len(found) == 4
    from scipy.sparse import csr_matrix

    bought = csr_matrix(planted(TEXTS, KINDS, users=60))
    near = sampling.als_neighbours(bought, np.array([bool(text) for text in TEXTS]), seed=0, threads=1)
    taste = np.array([next((t for word, t in KINDS.items() if word in text), -1) for text in TEXTS])
    rows = [(item, other) for item in range(len(TEXTS) - 1) for other in near[item][:3] if other >= 0]
    assert np.mean([taste[item] == taste[other] for item, other in rows]) > 0.9
    assert not (near == len(TEXTS) - 1).any()  # an item without a text is nobody's negative


def test_leaving_out_tokens_keeps_the_frame_and_something_to_read() -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(50):
        found = sampling.thinned([101, 7, 8, 9, 102], 0.5, rng)
        assert (found[0], found[-1]) == (101, 102)
        assert 3 <= len(found) <= 5
        seen.add(tuple(found))
    assert len(seen) > 4
    assert sampling.thinned([101, 102], 0.9, rng) == [101, 102]


def test_sampled_queries_bring_an_item_that_was_chosen() -> None:
    choices = csr_matrix(np.array([[0, 2, 1], [0, 0, 0], [3, 0, 0]], dtype=np.float32))[[0, 2]]
    for seed in range(5):
        asked, items = sampling.sample_queries(choices, 4, np.random.default_rng(seed))
        assert set(asked) <= {0, 1}
        for query in asked:
            assert set(items) & set(choices[query].indices)
