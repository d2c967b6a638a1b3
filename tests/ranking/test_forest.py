"""Trees as bits of pairs say what LightGBM says, to the last bit."""

from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import pytest

from pipeline.ranking import forest
from pipeline.ranking.forest import Forest

N = 5000


def frame(seed: int = 0) -> np.ndarray:
    """Features as rankers have them: some never unknown, some often, some whole numbers, one always the same."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(N, 7)).astype(np.float32)
    found[rng.random(N) < 0.4, 0] = np.nan
    found[rng.random(N) < 0.9, 1] = np.nan
    found[:, 2] = rng.integers(0, 4, N)
    found[:, 3] = 0
    found[:, 4] = np.where(rng.random(N) < 0.5, 0, rng.exponential(size=N)) * 1e6
    return found


def learned(features: np.ndarray, rounds: int = 30, **settings: Any) -> lightgbm.Booster:
    """A model of something that the features tell a part of."""
    rng = np.random.default_rng(1)
    odds = np.nan_to_num(features[:, 0]) + (features[:, 2] > 1) * np.isnan(features[:, 1]) + rng.normal(size=N)
    given = {"objective": "binary", "num_leaves": 31, "verbose": -1, "min_data_in_leaf": 5, "num_threads": 1}
    categories = settings.pop("categories", "auto")
    data = lightgbm.Dataset(
        features,
        (odds > 0.5).astype(np.int8),
        group=np.full(N // 50, 50) if settings.get("objective") == "lambdarank" else None,
        categorical_feature=categories,
    )
    return lightgbm.train(given | settings, data, rounds)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"objective": "lambdarank"},
        {"num_leaves": 2},
        {"num_leaves": 65, "max_depth": 9},
        {"feature_fraction": 0.5, "bagging_fraction": 0.5, "bagging_freq": 1},
        {"use_missing": False},
        {"max_bin": 15, "monotone_constraints": [0, 0, 1, 0, 0, 0, 0]},
        {"min_gain_to_split": 1e6},  # trees that are one leaf
    ],
    ids=str,
)
def test_every_score_is_lightgbms(settings: dict[str, Any]) -> None:
    booster = learned(frame(), **settings)
    known = frame(seed=2)
    known[:5] = np.nan  # also what was never unknown when it was learned
    known[5:11] = [[np.inf], [-np.inf], [0], [-0.0], [1e-40], [-1e-35]]
    found = Forest.of(booster)
    assert found is not None
    expected = booster.predict(known, raw_score=True)
    for threads in (1, 3):
        assert np.array_equal(found.raw_scores(known, threads), expected)


def test_a_value_at_a_threshold_goes_where_it_went() -> None:
    """Thresholds are doubles, features are not: the nearest float32 may lie on the other side."""
    booster = learned(frame())
    found = Forest.of(booster)
    assert found is not None
    known = np.zeros((3 * len(found.splits), 7), dtype=np.float32)
    for row, (feature, most, _) in enumerate(found.splits):
        for step, value in enumerate((most, np.nextafter(most, np.float32(9e9)), np.nextafter(most, np.float32(-9e9)))):
            known[3 * row + step, feature] = value
    assert np.array_equal(found.raw_scores(known, 2), booster.predict(known, raw_score=True))


@pytest.mark.parametrize("number", [1, 63, 64, 65, 1000])
def test_any_number_of_pairs(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    booster, known = learned(frame(), rounds=3), frame(seed=3)[:number]
    monkeypatch.setattr(forest, "PAIRS", 128)
    monkeypatch.setattr(forest, "FEW", 0)
    assert np.array_equal(forest.raw_scores(booster, known, 2), booster.predict(known, raw_score=True))


@pytest.mark.parametrize(
    "settings",
    [
        {"categories": [2]},
        {"linear_tree": True},
        {"zero_as_missing": True},
        {"boosting": "rf", "bagging_freq": 1},
        {"num_leaves": 300, "min_data_in_leaf": 1},
    ],
    ids=str,
)
def test_what_is_of_another_kind_is_left_to_lightgbm(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    booster = learned(frame(), rounds=3, **({"bagging_fraction": 0.5} | settings))
    monkeypatch.setattr(forest, "FEW", 0)
    assert Forest.of(booster) is None
    assert np.array_equal(forest.raw_scores(booster, frame(), 1), booster.predict(frame(), raw_score=True))


def test_pairs_of_another_width_are_refused_as_lightgbm_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forest, "FEW", 0)
    with pytest.raises(lightgbm.basic.LightGBMError):
        forest.raw_scores(learned(frame(), rounds=3), frame()[:, :6], 1)


def test_a_few_pairs_are_left_to_lightgbm(monkeypatch: pytest.MonkeyPatch) -> None:
    never: Callable[..., Any] = lambda *_: pytest.fail("there is nothing to gain")  # noqa: E731
    monkeypatch.setattr(Forest, "of", never)
    booster = learned(frame(), rounds=3)
    few = frame()[:100]
    assert np.array_equal(forest.raw_scores(booster, few, 1), booster.predict(few, raw_score=True))
