"""Calibration and the search for alpha, against planted answers."""

import numpy as np
import pytest

from pipeline.ranking import blend

USERS, ITEMS = 300, 40


def evidence(cold_lm: float, seed: int = 0) -> blend.Evidence:
    """Scores of which ALS is right for warm items and the language model for cold ones.

    Args:
        cold_lm: how strongly the language model hears the truth of cold items.
    """
    rng = np.random.default_rng(seed)
    rows, items = (a.ravel() for a in np.meshgrid(np.arange(USERS), np.arange(ITEMS), indexing="ij"))
    truth, cold = rng.normal(size=len(rows)), items >= ITEMS // 2
    noise_lm, noise_cf = rng.normal(size=(2, len(rows)))
    lm = np.where(cold, cold_lm * truth, 0) + 0.3 * noise_lm
    cf = np.where(cold, 0, truth) + 0.3 * noise_cf
    acted = truth > 1.8
    wanted = np.bincount(rows, weights=acted).astype(np.int64)
    cold_user = rows % 2 == 1
    columns = {"lm": lm.astype(np.float32), "cf": cf.astype(np.float32), "acted": acted}
    return blend.Evidence(rows, items, cold_user=cold_user, cold_item=cold, wanted=wanted, **columns)


def test_calibration_recovers_a_planted_curve():
    rng = np.random.default_rng(1)
    scores = rng.normal(3, 2, 50_000).astype(np.float32)
    probability = 1 / (1 + np.exp(-(0.8 * scores - 4)))
    curve = blend.calibrate(scores, rng.random(len(scores)) < probability)
    assert curve.probability(scores) == pytest.approx(probability, abs=0.02)
    assert (np.diff(curve.probability(np.linspace(-9, 9, 50, dtype=np.float32))) > 0).all()
    assert curve.probability(np.array([np.nan], np.float32)).tolist() == [0.0]


def test_alpha_is_low_where_cf_is_right_and_high_where_the_language_model_is():
    window = evidence(cold_lm=1.0)
    curves = [blend.calibrate(side, window.acted) for side in (window.lm, window.cf)]
    chosen = blend.choose(window, *curves, step=0.1)
    for warm_item, cold_item in chosen.alpha:
        assert warm_item <= 0.4
        assert cold_item >= 0.6


def test_the_chosen_alpha_is_the_best_of_the_grid_by_brute_force():
    window = evidence(cold_lm=0.5, seed=3)
    curves = [blend.calibrate(side, window.acted) for side in (window.lm, window.cf)]
    chosen = blend.choose(window, *curves, step=0.25)

    def value(alpha) -> float:
        scores = blend.Blend(*curves, alpha).scores(window.lm, window.cf, window.cold_user, window.cold_item)
        per_user = []
        for user in range(USERS):
            mine = np.flatnonzero(window.rows == user)
            if window.wanted[user]:
                order = mine[np.argsort(-scores[mine], kind="stable")][:10]
                gained = (window.acted[order] / np.log2(np.arange(2, 12))).sum()
                per_user.append(gained / (1 / np.log2(np.arange(2, 2 + min(10, window.wanted[user])))).sum())
        return float(np.mean(per_user))

    best = value(chosen.alpha)
    for other in (0.0, 0.25, 0.5, 0.75, 1.0):
        assert best >= value(((other, chosen.alpha[0][1]), chosen.alpha[1])) - 1e-9
        assert best >= value((chosen.alpha[0], (chosen.alpha[1][0], other))) - 1e-9
    scores = blend.Blend(*curves, chosen.alpha).scores(window.lm, window.cf, window.cold_user, window.cold_item)
    assert blend.ndcg(window.rows, window.items, scores, window.acted, window.wanted) == pytest.approx(best)


def test_a_side_without_scores_gets_no_weight():
    window = evidence(cold_lm=1.0)
    silent = np.full(len(window.lm), np.nan, np.float32)
    assert blend.calibrate(silent, window.acted) is None
    curve = blend.calibrate(window.cf, window.acted)
    assert blend.choose(window, None, curve, 0.1).alpha == ((0.0, 0.0), (0.0, 0.0))
    assert blend.choose(window, curve, None, 0.1).alpha == ((1.0, 1.0), (1.0, 1.0))


def test_a_blend_survives_json():
    curve = blend.Curve(1.5, -3.0, 0.2, 0.7)
    chosen = blend.Blend(None, curve, ((0.1, 0.2), (0.3, 0.4)))
    assert blend.Blend.from_json(chosen.to_json()) == chosen
