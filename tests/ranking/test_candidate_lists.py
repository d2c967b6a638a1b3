"""Votes at pairs against dense products, and frames that do not depend on how users are cut into blocks."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline.arrays.blocks import rows_for
from pipeline.ground import lists
from pipeline.ranking import candidate_lists
from pipeline.ranking.candidate_lists import with_made_lists
from pipeline.ranking.frames import frames
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


def test_texts_are_compared_for_what_somebody_had_and_not_for_the_whole_catalogue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a large catalogue only those rows are made, and they are the same; in a small one all are."""
    compared: list[int] = []
    nearest = candidate_lists.nearest

    def counted(
        vectors: np.ndarray, queries: np.ndarray, candidates: np.ndarray, k: int, **named: int
    ) -> tuple[np.ndarray, np.ndarray]:
        compared.append(len(queries))
        return nearest(vectors, queries, candidates, k, **named)

    monkeypatch.setattr(candidate_lists, "nearest", counted)
    vectors = np.random.default_rng(4).normal(size=(30, 3)).astype(np.float32)
    asked = np.array([2, 3, 17])
    everything = candidate_lists.near_texts(vectors, 4, asked).toarray()
    monkeypatch.setattr(candidate_lists, "FEW", 0)
    some = candidate_lists.near_texts(vectors, 4, asked).toarray()
    assert compared == [30, 3]
    assert (everything[:2] > 0).any()
    assert some[asked] == pytest.approx(everything[asked], abs=1e-6)
    assert not np.delete(some, asked, axis=0).any()
    cosines = vectors @ vectors.T / np.outer(*[np.linalg.norm(vectors, axis=1)] * 2)
    cosines[np.arange(30), np.arange(30)] = 0
    for row in asked:
        best = np.sort(np.where(cosines[row] >= np.sort(cosines[row])[-4], cosines[row].clip(0) ** 4, 0))
        assert np.sort(some[row]) == pytest.approx(best, abs=1e-5)


def test_affinity_in_text_does_not_depend_on_who_had_what_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frames of a catalogue that is large are those of one that is small."""
    night = plant(tmp_path)
    config = with_made_lists(night.config)
    vectors = np.random.default_rng(6).normal(size=(night.cutoffs[0].items, 4)).astype(np.float32)
    np.save(night.folders["language_model"] / "item_vectors.npy", vectors)
    columns = []
    for few in (0, 2**26):
        monkeypatch.setattr(candidate_lists, "FEW", few)
        candidate_lists._nearest_in.cache_clear()
        _, frame = next(frames(night.cutoffs[0], night.sources, config))
        columns.append(frame.column("text_affinity"))
    assert np.nanmax(columns[0]) > 0
    assert columns[0] == pytest.approx(columns[1], abs=1e-6, nan_ok=True)
