"""Votes against sums spelled out, and the order of equal ones."""

import numpy as np
import pytest

from pipeline.ranking import merging, voting
from pipeline.ranking.frames import Frame
from pipeline.ranking.pairs import Pairs, to_lists

ITEMS = 400
NAMES = ("als.rank", "als.rank_new", "als.score", *voting.POPULARITY)


def frame(ranks: np.ndarray, buyers: np.ndarray, users: int = 2) -> Frame:
    """Every item is a candidate of every user, of equal rank in every list where `ranks` [I] says so."""
    keys = np.arange(users * ITEMS)
    pairs = Pairs(np.arange(users, dtype=np.int32), ITEMS, keys)
    columns = np.full((len(keys), len(NAMES)), np.nan, dtype=np.float32)
    columns[:, 0] = np.tile(ranks, users)
    columns[:, 3:] = np.tile(buyers, (users, 1))
    return Frame(pairs, NAMES, columns, np.ones(len(keys), bool), np.zeros(len(keys), np.int8))


def ranked(made: Frame, scores: np.ndarray) -> list[list[int]]:
    """[B][n] items, best first."""
    lists: list[list[int]] = to_lists(made.pairs.rows, made.pairs.items, scores, len(made.pairs.users), ITEMS)[
        0
    ].tolist()
    return lists


def test_votes_are_reciprocal_ranks_and_come_first() -> None:
    rng = np.random.default_rng(0)
    made = frame(rng.permutation(ITEMS) + 1.0, rng.integers(0, 3, (ITEMS, 3)))
    scores = voting.votes(made, np.ones(2 * ITEMS, bool), 0)
    assert scores == pytest.approx(1 / (60 + made.column("als.rank")), rel=1e-6)
    assert ranked(made, scores)[0] == np.argsort(made.column("als.rank")[:ITEMS]).tolist()


def test_equal_votes_go_to_what_is_popular_then_by_a_salted_hash() -> None:
    rng = np.random.default_rng(1)
    ranks, buyers = rng.integers(1, 4, ITEMS).astype(float), rng.integers(0, 3, (ITEMS, 3))
    made = frame(ranks, buyers)
    found = {}
    for seed in (0, 1):
        salt = voting.salted(np.arange(ITEMS), seed)
        expected = sorted(range(ITEMS), key=lambda i: (ranks[i], *(-buyers[i]).tolist(), int(salt[i])))
        scores = voting.votes(made, np.ones(2 * ITEMS, bool), seed)
        assert ranked(made, scores) == [expected, expected]
        assert scores == pytest.approx(1 / (60 + np.tile(ranks, 2)), rel=2e-3)
        found[seed] = expected
    assert found[0] != found[1]
    assert found[0] != sorted(range(ITEMS), key=lambda i: (ranks[i], *(-buyers[i]).tolist(), i))


@pytest.mark.parametrize("loudest", [1.0, 300.0])
def test_the_order_survives_the_merge_of_two_members(loudest: float) -> None:
    """All votes but one are equal; standardised in float32 they are still told apart."""
    ranks = np.full(ITEMS, 301.0)
    ranks[7] = loudest
    made = frame(ranks, np.zeros((ITEMS, 3)), users=1)
    scores = voting.votes(made, np.ones(ITEMS, bool), 0)
    items, best, _ = to_lists(made.pairs.rows, made.pairs.items, scores, 1, ITEMS)
    merged = merging.gather(made.pairs.users, ITEMS, [(items, best), (items, best)])
    both = merging.weighted(merged, np.array([0.3, 0.7]))
    assert to_lists(merged.pairs.rows, merged.pairs.items, both, 1, ITEMS)[0].tolist() == items.tolist()


def test_what_is_not_kept_has_no_votes() -> None:
    made = frame(np.ones(ITEMS), np.zeros((ITEMS, 3)))
    kept = np.arange(2 * ITEMS) % 3 == 0
    assert np.isfinite(voting.votes(made, kept, 0)).tolist() == kept.tolist()


def test_hashes_are_different_for_every_item() -> None:
    assert len({*voting.salted(np.arange(10_000), 3).tolist()}) == 10_000
