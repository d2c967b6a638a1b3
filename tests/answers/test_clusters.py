"""Questions that ask the same, against a plain loop over them; cosines are exact in whatever company."""

import numpy as np
import pytest

from pipeline.answers import clusters, exact
from pipeline.answers.clusters import NOBODY, Leaders


def questions(number: int, seed: int = 0) -> np.ndarray:
    """Rounded vectors around a few directions."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(12, 24))
    return exact.rounded(centres[rng.integers(0, 12, number)] + 0.6 * rng.normal(size=(number, 24)))


def one_by_one(vectors: np.ndarray, same: float) -> list[int]:
    """Whose cluster each is in, by the words of the module alone."""
    members: dict[int, list[np.ndarray]] = {}
    found: list[int] = []
    for number, vector in enumerate(vectors.astype(np.float64)):
        cosines = {}
        for founder, mine in members.items():
            total = np.sum(mine, axis=0)
            centre = np.rint(total / np.sqrt((total**2).sum()) * exact.STEPS)
            cosines[founder] = np.float32(vector @ centre / exact.STEPS**2)
        near = [one for one in cosines if cosines[one] >= same]
        found.append(min(near, key=lambda one: (-cosines[one], one)) if near else number)
        members.setdefault(found[-1], []).append(vector)
    return found


@pytest.mark.parametrize("same", [0.5, 0.7, 0.9])
def test_each_joins_the_cluster_whose_centre_is_nearest(same: float, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = questions(150)
    wanted = one_by_one(vectors, same)
    assert 1 < len(set(wanted)) < 150
    assert clusters.go_on(NOBODY, vectors, same).of.tolist() == wanted
    monkeypatch.setattr(clusters, "AT_ONCE", 7)
    assert clusters.go_on(NOBODY, vectors, same).of.tolist() == wanted


def test_a_night_goes_on_where_another_ended() -> None:
    vectors = questions(200, seed=1)
    whole = clusters.go_on(NOBODY, vectors, 0.7)
    for number in (1, 60, 199, 200):
        part = clusters.go_on(NOBODY, vectors[:number], 0.7)
        assert part.of.tolist() == whole.of[:number].tolist()
        assert clusters.go_on(part, vectors, 0.7).of.tolist() == whole.of.tolist()
    assert Leaders(np.array([0, 0, 2])).places.tolist() == [0, 2]


def test_cosines_are_those_of_the_vectors_and_have_no_last_bits() -> None:
    rng = np.random.default_rng(2)
    raw = rng.normal(size=(40, 384))
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    vectors = exact.rounded(raw)
    found = exact.cosines(vectors, vectors)
    assert np.abs(found - unit @ unit.T).max() < 2e-3
    whole = vectors.astype(np.int64)
    assert ((whole @ whole.T).astype(np.float32) / np.float32(exact.STEPS**2) == found).all()
    assert (exact.cosines(vectors[3:4], vectors[::-1])[0, ::-1] == found[3]).all()
    assert exact.rounded(np.zeros((1, 3))).tolist() == [[0, 0, 0]]
