"""ALS against sums and solutions written out, and against a board whose missing squares are known."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline.arrays import factorisation
from pipeline.features.read import read_cutoffs
from pipeline.ground import artifacts, lists
from pipeline.ground.errors import TrainingError
from pipeline.operations import stages
from pipeline.sources import als
from pipeline.sources.als import Als
from tests.sources import shop

RNG = np.random.default_rng(3)


def brute_force_loss(matrix: np.ndarray, users: np.ndarray, items: np.ndarray, reg: float) -> float:
    total = reg * ((users**2).sum() + (items**2).sum())
    for u in range(len(users)):
        for i in range(len(items)):
            c, p = (matrix[u, i], 1) if matrix[u, i] else (1, 0)
            total += c * (p - users[u] @ items[i]) ** 2
    return float(total)


def test_loss_is_the_sum_over_all_pairs() -> None:
    matrix = np.where(RNG.random((7, 5)) < 0.4, RNG.random((7, 5)) * 3, 0).astype(np.float32)
    users, items = RNG.random((7, 3), np.float32), RNG.random((5, 3), np.float32)
    expected = brute_force_loss(matrix, users, items, 0.7)
    assert als.loss(csr_matrix(matrix), users, items, 0.7, block_users=2) == pytest.approx(expected, rel=1e-5)


def test_item_factors_solve_their_half_of_the_problem() -> None:
    """After many iterations every item's factors are the weighted ridge solution given the users'."""
    matrix = np.where(RNG.random((12, 6)) < 0.5, 1 + RNG.random((12, 6)), 0).astype(np.float32)
    users, items = factorisation.factorise(csr_matrix(matrix), RNG.random((6, 3), np.float32), 60, 0.3, 1)
    for i in range(6):
        weight = np.where(matrix[:, i] > 0, matrix[:, i], 1)
        left = (users * weight[:, None]).T @ users + 0.3 * np.eye(3)
        right = users.T @ matrix[:, i]
        assert items[i] == pytest.approx(np.linalg.solve(left, right), abs=1e-4)


def test_every_iteration_lowers_the_loss() -> None:
    matrix = csr_matrix(np.where(RNG.random((20, 15)) < 0.3, 1.0, 0).astype(np.float32))
    begin = RNG.random((15, 4), np.float32) * 0.01
    losses = [als.loss(matrix, *factorisation.factorise(matrix, begin.copy(), n, 0.1, 2), 0.1) for n in (1, 2, 4, 8)]
    assert losses == sorted(losses, reverse=True)


def test_checkerboard_gives_back_the_missing_square(tmp_path: Path) -> None:
    config = shop.config_for(tmp_path, als={"factors": 4, "reg": 0.1, "alpha": 5.0, "candidates": 3})
    board = shop.checkerboard(20)
    features = shop.write_features(config.lake, {shop.NIGHT: board})
    report = stages.run_stage("als", shop.NIGHT, config)["report"]
    cutoff = read_cutoffs(features)[0]
    folder = cutoff.dir_in(artifacts.stage_dir(config.lake, "als", shop.NIGHT))
    items, _ = lists.read_list(folder, "new", "als")
    assert items[:, 0].tolist() == list(range(20))
    assert report["pairs"] == board.sum()
    assert np.isfinite(report["loss"])


def test_scores_are_the_factors_products(tmp_path: Path) -> None:
    config = shop.config_for(tmp_path, als={"factors": 4, "candidates": 5})
    values = np.where(RNG.random((9, 8)) < 0.5, 1.0, 0).astype(np.float32)
    values[4] = 0  # targets are then not all users
    features = shop.write_features(config.lake, {shop.NIGHT: values})
    stages.run_stage("als", shop.NIGHT, config)
    folder = read_cutoffs(features)[0].dir_in(artifacts.stage_dir(config.lake, "als", shop.NIGHT))
    exact = np.load(folder / "user_factors.npy") @ np.load(folder / "item_factors.npy").T
    items, scores = lists.read_list(folder, "all", "als")
    assert exact.shape == (8, 8)
    assert scores == pytest.approx(np.take_along_axis(exact, np.asarray(items), axis=1), abs=1e-6)


def test_start_copies_what_was_known_and_is_zero_for_the_rest() -> None:
    section = Als(factors=3, iterations=9, warm_iterations=2)
    previous = RNG.random((4, 3), np.float32)
    warm, iterations = als.start(6, section, 0, previous)
    assert (warm[:4] == previous).all()
    assert (warm[4:] == 0).all()
    assert iterations == 2
    cold, iterations = als.start(6, section, 0, None)
    assert iterations == 9
    assert (cold == als.start(6, section, 0, np.zeros((2, 3), np.float32))[0]).all()
    assert (cold != als.start(6, section, 1, None)[0]).any()


def test_warm_start_reads_the_older_cutoff(tmp_path: Path) -> None:
    """A cut-off's factors depend on the one before, and a new item gets factors too."""
    older = shop.NIGHT - timedelta(days=14)
    values = np.where(RNG.random((12, 10)) < 0.5, 1.0, 0).astype(np.float32)
    found = []
    for name, before in (("a", values[:10, :7]), ("b", 1 - values[:10, :7])):
        config = shop.config_for(tmp_path / name, als={"factors": 4, "warm_iterations": 1})
        shop.write_features(config.lake, {older: before, shop.NIGHT: values})
        assert stages.run_stage("als", shop.NIGHT, config)["report"]["iterations"] == 1
        folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "als", shop.NIGHT), shop.NIGHT)
        found.append(np.load(folder / "item_factors.npy"))
    assert (found[0] != found[1]).any()
    assert found[0].shape == (10, 4)
    assert found[0][7:].any(axis=1).all()


@pytest.mark.filterwarnings("ignore:overflow")
def test_factor_that_is_not_finite_is_an_error() -> None:
    matrix = csr_matrix(np.full((3, 2), 3e38, dtype=np.float32))
    with pytest.raises(TrainingError, match="not finite"):
        factorisation.factorise(matrix, np.full((2, 2), 1e20, dtype=np.float32), 2, 1.0, 1)
