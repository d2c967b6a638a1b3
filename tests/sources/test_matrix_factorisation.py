"""Matrix factorisation against planted low-rank ratings, and its gradient steps against the sums they minimise."""

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from pipeline.ground import artifacts, lists, schemas
from pipeline.ground.errors import TrainingError
from pipeline.operations import stages
from pipeline.sources import matrix_factorisation as mf
from pipeline.sources.matrix_factorisation import MatrixFactorisation
from tests.sources import shop

RNG = np.random.default_rng(5)
USERS, ITEMS, RANK = 120, 60, 2
TRUE = (
    3.5
    + RNG.normal(0, 0.3, (USERS, 1))
    + RNG.normal(0, 0.3, (1, ITEMS))
    + RNG.normal(0, 1, (USERS, RANK)) @ RNG.normal(0, 1, (RANK, ITEMS))
).astype(np.float32)
GIVEN = RNG.random((USERS, ITEMS)) < 0.5


def ratings(mask: np.ndarray) -> mf.Ratings:
    users, items = mask.nonzero()
    return users, items, TRUE[users, items]


def error(parameters: dict[str, torch.Tensor], mask: np.ndarray) -> float:
    users, items, given = ratings(mask)
    with torch.no_grad():
        found = mf.predict(parameters, float(TRUE[GIVEN].mean()), *map(torch.from_numpy, (users, items))).numpy()
    return float(np.sqrt(((found - given) ** 2).mean()))


def fitted(epochs: int, **settings: float) -> tuple[dict[str, torch.Tensor], list[float]]:
    section = MatrixFactorisation.model_validate({"learning_rate": 0.05, "reg": 0.01, "factors": 4} | settings)
    torch.manual_seed(0)
    parameters = mf.start(USERS, ITEMS, section, None)
    return parameters, mf.fit(ratings(GIVEN), parameters, section, epochs, seed=0)


def test_planted_factors_are_found_and_beat_biases_on_ratings_held_out() -> None:
    parameters, errors = fitted(150)
    assert errors[-1] < 0.2 * errors[0]
    flat = {n: v * 0 if n.endswith("factors") else v for n, v in fitted(150, factors=1, reg=0.2)[0].items()}
    assert error(parameters, ~GIVEN) < 0.5 * error(flat, ~GIVEN)


def test_biases_alone_are_those_of_the_ridge_regression() -> None:
    """With the factors held at nothing by a heavy start at zero, what is left is a convex problem with one answer."""
    section = MatrixFactorisation(factors=1, reg=0.5, learning_rate=0.05)
    parameters = {n: torch.zeros_like(v) for n, v in mf.start(USERS, ITEMS, section, None).items()}
    users, items, given = ratings(GIVEN)
    mf.fit((users, items, given), parameters, section, 300, seed=0)
    design = np.zeros((len(given), USERS + ITEMS))
    design[np.arange(len(given)), users] = design[np.arange(len(given)), USERS + items] = 1
    penalty = section.reg * np.bincount(np.concatenate([users, USERS + items]))  # once per rating
    biases = np.linalg.solve(design.T @ design + np.diag(penalty), design.T @ (given - given.mean()))
    found = np.concatenate([parameters["user_bias"].numpy(), parameters["item_bias"].numpy()]).ravel()
    assert found == pytest.approx(biases, abs=0.02)


def test_a_factor_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(TrainingError, match=r"lower matrix_factorisation\.learning_rate"):
        fitted(3, learning_rate=1e30)


def write_ratings(features: Path, mask: np.ndarray) -> None:
    users, items, given = ratings(mask)
    columns = [
        pa.array(column).cast(field.type) for column, field in zip((users, items, given), schemas.RATINGS, strict=True)
    ]
    table = pa.Table.from_arrays(columns, schema=schemas.RATINGS)
    pq.write_table(table, lists.cutoff_dir(features, shop.NIGHT) / "ratings.parquet")


def test_the_list_ranks_by_the_expected_rating(tmp_path: Path) -> None:
    settings = {"enabled": True, "factors": 4, "epochs": 100, "learning_rate": 0.05, "reg": 0.01, "min_ratings": 1}
    config = shop.config_for(tmp_path, matrix_factorisation=settings)
    write_ratings(shop.write_features(config.lake, {shop.NIGHT: GIVEN.astype(np.float32)}), GIVEN)
    report = stages.run_stage("matrix_factorisation", shop.NIGHT, config)["report"]
    assert report["ratings"] == GIVEN.sum()
    assert report["rmse_last"] < report["spread"] / 3
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "matrix_factorisation", shop.NIGHT), shop.NIGHT)
    items, _ = lists.read_list(folder, "new", "matrix_factorisation")
    best = np.where(GIVEN, -np.inf, TRUE).argmax(axis=1)
    assert (items[:, :5] == best[:, None]).any(axis=1).mean() > 0.9


def test_a_log_without_values_says_so_and_has_no_list(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = shop.config_for(tmp_path, matrix_factorisation={"enabled": True})
    write_ratings(shop.write_features(config.lake, {shop.NIGHT: GIVEN.astype(np.float32)}), np.zeros_like(GIVEN))
    with caplog.at_level(logging.WARNING):
        report = stages.run_stage("matrix_factorisation", shop.NIGHT, config)["report"]
    assert report["ratings"] == 0
    assert "select the rating as `value`" in caplog.text
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "matrix_factorisation", shop.NIGHT), shop.NIGHT)
    assert lists.list_names(folder, "all") == []
