"""Which items are near in text: against plain cosines, for what somebody had, and from what is known already."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.ground import lists
from pipeline.ranking import near_texts
from pipeline.ranking.candidate_lists import with_made_lists
from pipeline.ranking.frames import frames
from tests.planted import plant


def test_texts_are_compared_for_what_somebody_had_and_not_for_the_whole_catalogue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a large catalogue only those rows are made, and they are the same; in a small one all are."""
    compared: list[int] = []
    nearest = near_texts.nearest

    def counted(
        vectors: np.ndarray, queries: np.ndarray, candidates: np.ndarray, k: int, **named: int
    ) -> tuple[np.ndarray, np.ndarray]:
        compared.append(len(queries))
        return nearest(vectors, queries, candidates, k, **named)

    monkeypatch.setattr(near_texts, "nearest", counted)
    vectors = np.random.default_rng(4).normal(size=(30, 3)).astype(np.float32)
    asked = np.array([2, 3, 17])
    everything = near_texts.near_texts(vectors, 4, asked).toarray()
    monkeypatch.setattr(near_texts, "FEW", 0)
    some = near_texts.near_texts(vectors, 4, asked).toarray()
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
        monkeypatch.setattr(near_texts, "FEW", few)
        near_texts.of_file.cache_clear()
        _, found = next(frames(night.cutoffs[0], night.sources, config))
        columns.append(found[lists.EVERYTHING].column("text_affinity"))
    assert np.nanmax(columns[0]) > 0
    assert columns[0] == pytest.approx(columns[1], abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("seed", range(10))
def test_of_more_items_only_the_later_ones_are_compared_with_what_was_known(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(near_texts, "FEW", 0)
    rng = np.random.default_rng(seed)
    items, before = 40, int(rng.integers(1, 40))
    vectors = rng.normal(size=(items, 3)).astype(np.float32)[rng.integers(0, items, items)]
    earlier = np.flatnonzero(rng.random(before) < 0.5)
    asked = np.union1d(earlier, np.flatnonzero(rng.random(items) < 0.5))
    whole = near_texts.near_texts(vectors, 4, asked).toarray()
    known = near_texts.near_texts(vectors[:before], 4, earlier)
    compared, nearest = [], near_texts.nearest

    def counted(
        vectors: np.ndarray, queries: np.ndarray, among: np.ndarray, k: int, **_: int
    ) -> tuple[np.ndarray, ...]:
        compared.append(len(queries) * len(among))
        return nearest(vectors, queries, among, k)

    monkeypatch.setattr(near_texts, "nearest", counted)
    assert near_texts.with_later(known, vectors, 4, asked).toarray() == pytest.approx(whole, abs=1e-6)
    have = int((np.diff(known.indptr) > 0).sum())
    assert sum(compared) == have * (items - before) + (len(asked) - have) * items
