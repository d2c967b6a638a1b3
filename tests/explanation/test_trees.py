"""Shares of trees that are looked up, against what LightGBM works out, pair by pair."""

import itertools
import math

import lightgbm
import numpy as np
import pytest

from pipeline.explanation import trees
from pipeline.explanation.trees import Tabled, leaf_shares

FEATURES, DRIVERS = 9, 4
DRIVER_OF = np.arange(FEATURES) % DRIVERS


def pairs(count: int, seed: int = 0) -> np.ndarray:
    """Features with gaps, with values that many pairs share, and of the last two with none missing."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(count, FEATURES)).astype(np.float32)
    found[:, :3] = np.round(found[:, :3])
    found[:, :7][rng.random((count, 7)) < 0.2] = np.nan
    return found


def grown(seed: int = 0, **settings: object) -> lightgbm.Booster:
    """A model of a few trees."""
    features = pairs(1500, seed)
    known = np.nan_to_num(features)
    label = (
        known[:, 0] * known[:, 7] + np.maximum(known[:, 3], 0) + np.isnan(features[:, 1]) + known[:, 8] * known[:, 4]
    )
    chosen = {"objective": "regression", "num_leaves": 24, "min_data_in_leaf": 5, "verbose": -1, "seed": seed}
    chosen |= {"num_threads": 1, "deterministic": True, "bagging_fraction": 0.8, "bagging_freq": 1} | settings
    return lightgbm.train(chosen, lightgbm.Dataset(features, label), 6)


def expected(models: list[lightgbm.Booster], features: np.ndarray) -> np.ndarray:
    """LightGBM's TreeSHAP, summed by driver."""
    each = np.mean([model.predict(features, pred_contrib=True, num_threads=1) for model in models], axis=0)
    return np.stack([each[:, :-1][:, driver == DRIVER_OF].sum(axis=1) for driver in range(DRIVERS)], axis=1)


def test_shares_of_a_leaf_are_shapleys_by_their_definition() -> None:
    value, passing = 1.7, np.array([0.3, 0.9, 0.5, 0.2])
    found = leaf_shares(value, passing)
    assert found.shape == (4, 16)
    for pattern in range(16):
        passes = np.array([(pattern >> bit) & 1 for bit in range(4)])
        wanted = np.zeros(4)
        for order in itertools.permutations(range(4)):
            for place, feature in enumerate(order):
                known = np.isin(np.arange(4), order[:place])
                others = np.where(known, passes, passing)
                others[feature] = 1
                wanted[feature] += value * others.prod() * (passes[feature] - passing[feature]) / math.factorial(4)
        assert found[:, pattern] == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(("bits", "path"), [(11, 14), (3, 14), (2, 3), (11, 0)], ids=str)
def test_looked_up_they_are_lightgbms(bits: int, path: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "BITS", bits)
    monkeypatch.setattr(trees, "PATH", path)  # beyond it trees are LightGBM's own
    models = [grown(0), grown(1, num_leaves=9)]
    features = pairs(300, seed=5)
    found = Tabled(models, DRIVER_OF, DRIVERS).shares(features, threads=1)
    assert found == pytest.approx(expected(models, features), abs=1e-9)
    start = np.mean([model.predict(features[:1], pred_contrib=True)[0, -1] for model in models])
    scores = np.mean([model.predict(features, raw_score=True) for model in models], axis=0)
    assert found.sum(axis=1) + start == pytest.approx(scores, abs=1e-9)


def test_they_are_the_same_whoever_else_is_asked_about_and_with_any_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tabled, features = Tabled([grown()], DRIVER_OF, DRIVERS), pairs(100, seed=3)
    whole = tabled.shares(features, threads=1)
    monkeypatch.setattr(trees, "PAIRS", 7)
    assert np.array_equal(tabled.shares(features, threads=3), whole)
    assert np.array_equal(tabled.shares(features[40:41], threads=1), whole[40:41])
    assert tabled.shares(features[:0], threads=1).shape == (0, DRIVERS)


def test_a_pair_on_a_threshold_goes_where_lightgbm_sends_it() -> None:
    model, features = grown(), pairs(60, seed=4)
    splits = [
        (node["split_feature"], node["threshold"])
        for tree in model.dump_model()["tree_info"]
        for node in nodes(tree["tree_structure"])
    ]
    for row, (feature, threshold) in enumerate(splits[:60]):
        with np.errstate(over="ignore"):
            near = np.float32(threshold)
        sides = [near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf))]
        features[row, feature] = sides[row % 3]
    features[59, 7:] = np.inf, -np.inf
    assert Tabled([model], DRIVER_OF, DRIVERS).shares(features, 1) == pytest.approx(expected([model], features))


def nodes(node: dict) -> list[dict]:
    """The splits of a tree."""
    if "leaf_value" in node:
        return []
    return [node, *nodes(node["left_child"]), *nodes(node["right_child"])]


def test_trees_of_another_kind_are_left_to_lightgbm() -> None:
    features = pairs(800)
    features[:, 7] = np.random.default_rng(1).integers(0, 6, 800)
    label = np.isin(features[:, 7], [1, 4]) + np.nan_to_num(features[:, 3])
    settings = {"objective": "regression", "num_leaves": 8, "verbose": -1, "num_threads": 1, "min_data_per_group": 5}
    model = lightgbm.train(settings, lightgbm.Dataset(features, label, categorical_feature=[7]), 4)
    assert any(node["decision_type"] == "==" for node in nodes(model.dump_model()["tree_info"][0]["tree_structure"]))
    found = Tabled([model], DRIVER_OF, DRIVERS).shares(features[:50], threads=1)
    assert found == pytest.approx(expected([model], features[:50]), abs=1e-9)


def test_a_tree_without_a_split_says_the_same_of_all() -> None:
    model = lightgbm.train({"objective": "regression", "verbose": -1}, lightgbm.Dataset(pairs(30), np.ones(30)), 2)
    assert not Tabled([model], DRIVER_OF, DRIVERS).shares(pairs(5), threads=1).any()
