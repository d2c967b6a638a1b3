"""User-kNN against loops over users, and against a board whose missing squares are known."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.sparse import csr_matrix

from pipeline.features.read import read_cutoffs
from pipeline.ground import artifacts, lists
from pipeline.operations import stages
from pipeline.sources import user_knn
from tests.sources import shop

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


def test_neighbours_among_some_users_are_those_of_a_search_among_them_only() -> None:
    """Users who are no reference themselves, and references who must not find themselves; block by block alike."""
    among = np.array([1, 3, 4, 8])
    found = (
        user_knn.Neighbourhood(csr_matrix(PROFILES)[among], among, 2).of(np.arange(9), csr_matrix(PROFILES)).toarray()
    )
    unit = user_knn.normalised(csr_matrix(PROFILES)).toarray()
    for user in range(9):
        cosine = unit[among] @ unit[user] * (among != user)
        best = [at for at in np.argsort(-cosine, kind="stable")[:2] if cosine[at] > 0]
        expected = np.zeros(4)
        expected[best] = cosine[best] / max(cosine[best].sum(), 1e-9)
        assert found[user] == pytest.approx(expected, abs=1e-6)


def test_the_references_are_the_users_active_last(tmp_path: Path) -> None:
    cutoff = read_cutoffs(shop.write_features(tmp_path, {shop.NIGHT: PROFILES}))[0]
    assert user_knn.references(cutoff, 9).tolist() == list(range(9))
    history = cutoff.interactions()
    ages = RNG.permutation(len(history)).astype(np.float32)
    at = history.schema.get_field_index("last_age")
    aged = history.set_column(at, history.schema.field(at), pa.array(ages))
    pq.write_table(aged, cutoff.folder / "interactions.parquet", row_group_size=4)  # a user's rows in several groups
    owner = history.column("user_index").to_numpy()
    youngest = {user: ages[owner == user].min() for user in set(owner.tolist())}
    assert user_knn.references(cutoff, 5).tolist() == sorted(sorted(youngest, key=lambda user: youngest[user])[:5])


def test_few_references_still_find_whose_board_it_is(tmp_path: Path) -> None:
    """Recall where the limit is reached: of the checkerboard's 12 users any 6 know what belongs together."""
    config = shop.config_for(tmp_path, user_knn={"candidates": 4, "reference_users": 6})
    shop.write_features(config.lake, {shop.NIGHT: shop.checkerboard(12)})
    stages.run_stage("user_knn", shop.NIGHT, config)
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "user_knn", shop.NIGHT), shop.NIGHT)
    items, _ = lists.read_list(folder, "new", "user_knn")
    assert items[:, 0].tolist() == list(range(12))
