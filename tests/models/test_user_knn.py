"""User-kNN against loops over users, and against a board whose missing squares are known."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline import artifacts, lists, stages
from pipeline.models import user_knn
from tests.models import shop

RNG = np.random.default_rng(7)
PROFILES = np.where(RNG.random((9, 6)) < 0.5, RNG.random((9, 6)), 0).astype(np.float32)
PROFILES[4] = 0  # nobody resembles it
VOTES = np.where(RNG.random((9, 6)) < 0.5, RNG.random((9, 6)), 0).astype(np.float32)


def plain_votes(user: int, neighbours: int, power: float) -> np.ndarray:
    def cosine(other: int) -> float:
        lengths = np.linalg.norm(PROFILES[user]) * np.linalg.norm(PROFILES[other])
        return float(PROFILES[user] @ PROFILES[other] / lengths) if lengths else 0.0

    similar = sorted(((cosine(v), -v) for v in range(9) if v != user), reverse=True)[:neighbours]
    weights = {-v: s**power for s, v in similar if s > 0}
    total = sum(weights.values())
    return sum((w / total * VOTES[v] for v, w in weights.items()), start=np.zeros(6))


@pytest.mark.parametrize(("neighbours", "power"), [(3, 1.0), (3, 2.0), (50, 2.0)])
def test_scores_are_the_neighbours_weighted_votes(neighbours: int, power: float) -> None:
    score = user_knn.voting(csr_matrix(PROFILES), csr_matrix(VOTES), neighbours, power)
    for users in (np.arange(9), np.array([8, 4, 1])):
        expected = [plain_votes(int(user), neighbours, power) for user in users]
        assert score(users) == pytest.approx(np.array(expected), abs=1e-6)


def test_normalised_rows_have_length_one_or_none() -> None:
    matrix = csr_matrix(PROFILES)
    matrix.data[0] = 0  # an explicit zero, as an action that was returned in full
    lengths = np.linalg.norm(user_knn.normalised(matrix).toarray(), axis=1)
    assert lengths == pytest.approx([1, 1, 1, 1, 0, 1, 1, 1, 1], abs=1e-6)


def test_checkerboard_gives_back_the_missing_square(tmp_path: Path) -> None:
    config = shop.config_for(tmp_path, user_knn={"candidates": 4})
    shop.write_features(config.lake, {shop.NIGHT: shop.checkerboard(12)})
    stages.run_stage("user_knn", shop.NIGHT, config)
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "user_knn", shop.NIGHT), shop.NIGHT)
    items, scores = lists.read_list(folder, "new", "user_knn")
    assert items.tolist() == [[u, -1, -1, -1] for u in range(12)]
    assert (scores[:, 0] > 0).all()


def test_pool_all_adds_the_own_history(tmp_path: Path) -> None:
    config = shop.config_for(tmp_path, user_knn={"own_weight": 100.0, "candidates": 3})
    own = np.where(PROFILES > 0, RNG.random((9, 6)), 0).astype(np.float32)
    shop.write_features(config.lake, {shop.NIGHT: PROFILES}, decays={"decay_365": own})
    stages.run_stage("user_knn", shop.NIGHT, config)
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "user_knn", shop.NIGHT), shop.NIGHT)
    items, _ = lists.read_list(folder, "all", "user_knn")
    assert items[:, 0].tolist() == [int(own[u].argmax()) for u in range(9) if u != 4]
