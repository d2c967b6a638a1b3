"""Shares of trees and of curves, against what they are by definition."""

import itertools
import math

import lightgbm
import numpy as np
import pytest

from pipeline.arrays.logistic import sigmoid
from pipeline.explanation import sharing


def test_log_odds_are_those_of_the_probability() -> None:
    chance = np.array([0.5, 0.2, 1 / 3])
    assert sharing.log_odds(chance) == pytest.approx([0, math.log(0.25), math.log(0.5)])
    assert np.isfinite(sharing.log_odds(np.array([0.0, 1.0]))).all()


def _grown(features: np.ndarray, label: np.ndarray, seed: int) -> lightgbm.Booster:
    settings = {"objective": "regression", "num_leaves": 6, "min_data_in_leaf": 5, "verbose": -1, "seed": seed}
    settings |= {"feature_fraction": 0.7, "num_threads": 1, "deterministic": True}
    return lightgbm.train(settings, lightgbm.Dataset(features, label), 4)


def _known(tree: dict, features: np.ndarray, known: frozenset[int]) -> float:
    """What a tree says where only some features are known: its leaves' mean, weighted by what it was grown on."""
    if "leaf_value" in tree:
        return float(tree["leaf_value"])
    sides = [tree["left_child"], tree["right_child"]]
    if tree["split_feature"] in known:
        return _known(sides[int(features[tree["split_feature"]] > tree["threshold"])], features, known)
    counts = [side.get("internal_count", side.get("leaf_count")) for side in sides]
    return sum(n * _known(side, features, known) for n, side in zip(counts, sides, strict=True)) / sum(counts)


def _shapley(booster: lightgbm.Booster, features: np.ndarray) -> np.ndarray:
    """Shapley's values by their definition: the mean over all orders of what a feature adds."""
    trees = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    found = np.zeros(len(features) + 1)
    found[-1] = sum(_known(tree, features, frozenset()) for tree in trees)
    orders = list(itertools.permutations(range(len(features))))
    for order in orders:
        for place, feature in enumerate(order):
            before, after = frozenset(order[:place]), frozenset(order[: place + 1])
            added = sum(_known(t, features, after) - _known(t, features, before) for t in trees)
            found[feature] += added / len(orders)
    return found


def test_shares_of_trees_are_shapleys_and_those_of_several_models_their_mean() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 4)).astype(np.float32)
    label = features[:, 0] * features[:, 1] + np.maximum(features[:, 2], 0)
    models = [_grown(features, label, seed) for seed in (0, 1)]
    found = sharing.of_trees(models, features[:3], threads=1)
    expected = [np.mean([_shapley(model, row) for model in models], axis=0) for row in features[:3]]
    assert found == pytest.approx(np.array(expected), abs=1e-9)
    scores = np.mean([model.predict(features[:3]) for model in models], axis=0)
    assert found.sum(axis=1) == pytest.approx(scores, abs=1e-9)


def test_nobody_to_explain() -> None:
    assert sharing.of_trees([], np.zeros((0, 3), np.float32), threads=1).shape == (0, 4)


def test_shares_of_a_curve_are_the_integral_of_its_slope() -> None:
    start, terms = np.array([-1.0, 2.0]), np.array([[0.7, -2.0, 0.1], [1.5, 0.5, -0.2]])
    found = sharing.of_curve(sigmoid, start, terms)
    steps = (np.arange(20_000) + 0.5) / 20_000
    for row in range(2):
        at = sigmoid(start[row] + steps * terms[row].sum())
        assert found[row] == pytest.approx(terms[row] * (at * (1 - at)).mean(), abs=1e-7)
    assert found.sum(axis=1) == pytest.approx(sigmoid(start + terms.sum(axis=1)) - sigmoid(start))


def test_terms_that_cancel_each_other_keep_their_shares() -> None:
    found = sharing.of_curve(sigmoid, np.array([0.0]), np.array([[2.0, -2.0]]))
    assert found == pytest.approx(np.array([[0.5, -0.5]]), abs=1e-6)
