"""Votes at pairs against dense products, and frames that do not depend on how users are cut into blocks."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline.arrays.blocks import rows_for
from pipeline.ground import lists
from pipeline.ranking import candidate_lists
from pipeline.ranking.candidate_lists import with_made_lists
from pipeline.ranking.frames import Framed, frames
from pipeline.ranking.pairs import Pairs
from tests.planted import plant

RNG = np.random.default_rng(11)
VOTERS = np.where(RNG.random((10, 6)) < 0.5, RNG.random((10, 6)), 0).astype(np.float32)
VOTES = np.where(RNG.random((6, 8)) < 0.5, RNG.random((6, 8)), 0).astype(np.float32)


@pytest.mark.parametrize("cells", [1, 20, 10**6])
def test_votes_at_pairs_are_those_of_the_dense_product(monkeypatch: pytest.MonkeyPatch, cells: int) -> None:
    monkeypatch.setattr(candidate_lists, "rows_for", lambda width, most: rows_for(width, most, cells))
    keys = np.flatnonzero(RNG.random(80) < 0.4)
    pairs = Pairs(np.arange(10, dtype=np.int32), 8, keys)
    votes = candidate_lists.Votes(csr_matrix(VOTERS), {"a": csr_matrix(VOTES)})
    assert votes.at("a", pairs) == pytest.approx((VOTERS @ VOTES).ravel()[keys], rel=1e-5)


def test_two_kinds_of_votes_at_once_are_to_the_bit_each_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    other = np.where(VOTES > 0, RNG.random((6, 8)), 0).astype(np.float32)
    votes = {"a": csr_matrix(VOTES), "b": csr_matrix(other), "both": csr_matrix(VOTES + np.complex64(1j) * other)}
    made = candidate_lists.Votes(csr_matrix(VOTERS), votes)
    pairs = Pairs(np.arange(10, dtype=np.int32), 8, np.flatnonzero(RNG.random(80) < 0.4))
    for few, added in ((candidate_lists.FEW, 20), (0, 0)):  # by products, and pair by pair
        monkeypatch.setattr(candidate_lists, "FEW", few)
        monkeypatch.setattr(candidate_lists, "ADDED", added)
        both = made.at("both", pairs)
        assert both.dtype == np.complex64
        assert np.array_equal(both.real, made.at("a", pairs))
        assert np.array_equal(both.imag, made.at("b", pairs))


def test_votes_for_few_items_are_to_the_bit_those_of_all() -> None:
    votes = candidate_lists.Votes(csr_matrix(VOTERS), {"a": csr_matrix(VOTES)})
    whole = votes.at("a", Pairs(np.arange(10, dtype=np.int32), 8, np.arange(80)))
    keys = np.flatnonzero(np.isin(np.arange(80) % 8, [1, 4, 6]) & (RNG.random(80) < 0.7))
    assert np.array_equal(votes.at("a", Pairs(np.arange(10, dtype=np.int32), 8, keys)), whole[keys])


def test_pairs_that_are_asked_about_have_the_row_that_they_have_among_all_candidates(tmp_path: Path) -> None:
    night = plant(tmp_path)
    framed = Framed.read(night.cutoffs[0], night.sources, with_made_lists(night.config, night.sources))
    whole = framed.of(slice(5, 40))[lists.EVERYTHING]
    chosen = np.flatnonzero(RNG.random(len(whole.pairs.keys)) < 0.1)
    asked = np.sort([*whole.pairs.keys[chosen], 35 * whole.pairs.width - 1])  # and perhaps one that nobody lists
    found = framed.of(slice(5, 40), {lists.EVERYTHING: asked})[lists.EVERYTHING]
    both = whole.take(np.flatnonzero(np.isin(whole.pairs.keys, asked)))
    assert np.array_equal(found.pairs.keys, both.pairs.keys)
    assert np.array_equal(found.features, both.features, equal_nan=True)
    assert np.array_equal(found.source, both.source)
    assert framed.of(slice(5, 40), {}) == {}


def test_nobody_is_asked_without_neighbours(tmp_path: Path) -> None:
    night = plant(tmp_path, neighbours=0)
    tonight = night.cutoffs[0]
    _, found = next(frames(tonight, night.sources, with_made_lists(night.config)))
    frame = found[lists.EVERYTHING]
    assert np.isnan(frame.column("neighbours_7")).all()
    assert np.isnan(frame.column("adoption.rank_new")).all()


@pytest.mark.parametrize("reference_users", [20_000, 30])
def test_a_block_is_the_same_however_users_are_cut(tmp_path: Path, reference_users: int) -> None:
    """The bounded search for neighbours too: whom a user is compared with does not depend on its block."""
    night = plant(tmp_path, reference_users=reference_users)
    found = {}
    for size in (17, 50, 1000):
        config = with_made_lists(night.config).model_copy(update={"block_users": size})
        parts = [frame[lists.EVERYTHING] for _, frame in frames(night.cutoffs[0], night.sources, config)]
        keys = np.concatenate([frame.pairs.history_keys for frame in parts])
        found[size] = keys, np.concatenate([frame.features for frame in parts])
    for size in (17, 50):
        assert (found[size][0] == found[1000][0]).all()
        assert np.array_equal(found[size][1], found[1000][1], equal_nan=True)


@pytest.mark.parametrize("seed", range(10))
def test_votes_are_the_same_whether_all_cells_are_made_or_only_the_pairs(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """To the bit, where the voters are in the order of their indices."""
    monkeypatch.setattr(candidate_lists, "FEW", 0)
    rng = np.random.default_rng(seed)
    users, voters, items = (int(number) for number in rng.integers(1, 40, 3))
    heard, cast = (np.where(rng.random(s) < 0.4, rng.random(s), 0) for s in ((users, voters), (voters, items)))
    votes = candidate_lists.Votes(csr_matrix(heard, dtype=np.float32), {"a": csr_matrix(cast, dtype=np.float32)})
    pairs = Pairs(np.arange(users, dtype=np.int32), items, np.flatnonzero(rng.random(users * items) < 0.3))
    whole = np.concatenate([dense for _, dense in votes.dense("a")]).ravel()[pairs.keys]
    voted = np.bincount(votes.votes["a"].indices, minlength=items)[pairs.items]
    for cells in (1, 50, 10**6):
        monkeypatch.setattr(candidate_lists, "rows_for", lambda width, most, cells=cells: rows_for(width, most, cells))
        assert (candidate_lists._summed(votes.voters, votes.votes["a"], pairs, voted) == whole).all()
        for added in (0, 20, 10**9):
            monkeypatch.setattr(candidate_lists, "ADDED", added)
            assert (votes.at("a", pairs) == whole).all()


def test_a_large_catalogue_that_few_voted_for_is_not_multiplied_out(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = csr_matrix((np.ones(6, np.float32), ([0, 1, 2, 3, 4, 5], [7, 7, 90, 90, 4000, 9])), shape=(6, 100_000))
    votes = candidate_lists.Votes(csr_matrix(VOTERS), {"a": wide})
    monkeypatch.setattr(candidate_lists.Votes, "dense", lambda *_: pytest.fail("all cells are made"))
    pairs = Pairs(np.arange(10, dtype=np.int32), 100_000, np.array([7, 200_090, 304_000, 500_001]))
    expected = [VOTERS[0, 0] + VOTERS[0, 1], VOTERS[2, 2] + VOTERS[2, 3], VOTERS[3, 4], 0]
    assert votes.at("a", pairs) == pytest.approx(expected)
