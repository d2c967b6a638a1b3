"""Whether lists go by what a row adds: places against a loop, and the verdict on trials whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.policies import added, reward_model
from pipeline.policies.added import Asked, Known, judge, learn, places
from pipeline.policies.boosted import Boosted
from pipeline.policies.trials import Pairs
from pipeline.policies.uplift import Learner

USERS, ITEMS = 1_200, 8
ASKED = Asked("dr", resamples=200)


def trial(seed: int, gains: str = "new") -> tuple[Known, np.ndarray]:
    """Half of the items a user has had, and buys anyway; and what listing each pair adds."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(USERS), ITEMS)
    had, active = np.tile(np.arange(ITEMS) % 2 == 0, USERS), user % 3 == 0
    without = np.where(had, 0.3, 0.05) * rng.uniform(0.5, 1.5, len(user))
    adds = {"new": 0.25 * ~had, "active": 0.25 * active, "probable": 0.5 * without}[gains]
    chance = rng.uniform(0.2, 0.6, len(user))
    listed = rng.random(len(user)) < chance
    acted = (rng.random(len(user)) < without + listed * adds).astype(np.float64)
    features = np.column_stack([np.log(without), had, active]).astype(np.float64)
    return Known(Pairs(listed, acted, chance, user), features, without + 0.2 * adds, user), adds


def test_places_are_those_of_the_own_list() -> None:
    rng = np.random.default_rng(3)
    score, of_list = rng.integers(0, 4, 60).astype(np.float64), rng.integers(0, 7, 60)
    found = places(score, of_list)
    for n in range(60):
        mine = score[of_list == of_list[n]]
        assert found[n] == pytest.approx((np.sum(mine < score[n]) + np.sum(mine == score[n]) / 2) / len(mine))
    assert len(places(score[:0], of_list[:0])) == 0


@pytest.mark.parametrize(
    "learner", [pytest.param("t", marks=pytest.mark.slow), pytest.param("x", marks=pytest.mark.slow), "dr"]
)
def test_what_is_found_is_gone_by(learner: Learner) -> None:
    known, adds = trial(1)
    verdict = judge(known, replace(ASKED, learner=learner))
    assert verdict.holds
    assert verdict.probability.high < 0 < verdict.foretold.low
    found = learn(known, replace(ASKED, learner=learner)).uplift(known.features, 0.4)
    assert found[adds > 0].mean() - found[adds == 0].mean() == pytest.approx(0.25, abs=0.05)


def test_where_the_most_probable_gain_most_lists_stay() -> None:
    known, _ = trial(2, "probable")
    verdict = judge(known, ASKED)
    assert verdict.support.refusal() is None
    assert verdict.probability.low > 0
    assert not verdict.holds


def test_to_know_users_apart_orders_no_list() -> None:
    """Who is active gains by any item: of all pairs this finds the best, and within a list it says nothing."""
    known, adds = trial(4, "active")
    by_user = np.where(adds > 0, 1.0, 0.0)
    assert set(places(by_user, known.of_list).tolist()) == {0.5}
    assert not judge(known, ASKED).holds
    assert judge(known, replace(ASKED, apart=False)).holds, "but says who should get what there is little of"


def test_of_too_few_nothing_is_learned() -> None:
    known, _ = trial(1)
    few = known.pairs.user < 900
    verdict = judge(Known(known.pairs.of(few), known.features[few], known.probability[few], known.of_list[few]), ASKED)
    assert not verdict.holds
    assert verdict.support.refusal() == "900 users; 1,000 are needed"
    assert np.isnan(verdict.better.value)


def test_nothing_is_foretold_by_who_comes_later() -> None:
    known, _ = trial(1)
    fold = reward_model.folds(known.pairs.user, 0)
    before = added.foretold(known, ASKED)
    assert np.isnan(before[fold == 0]).all()
    assert np.isfinite(before[fold > 0]).all()
    other = replace(known.pairs, outcome=np.where(fold >= 3, 1 - known.pairs.outcome, known.pairs.outcome))
    after = added.foretold(replace(known, pairs=other), ASKED)
    assert after[(fold > 0) & (fold <= 3)].tobytes() == before[(fold > 0) & (fold <= 3)].tobytes()
    assert (after[fold == 4] != before[fold == 4]).any()


def test_a_model_that_was_written_down_says_the_same() -> None:
    rng = np.random.default_rng(0)
    features = np.column_stack([rng.integers(0, 2, 2_000), rng.random(2_000)]).astype(np.float64)
    features[::7, 1] = np.nan
    outcome = np.where(features[:, 0] > 0, 0.8, 0.2) + rng.normal(0, 0.05, 2_000)
    model = Boosted(seed=1).fit(features, outcome)
    again = Boosted(text=model.text)
    assert again.predict(features).tobytes() == model.predict(features).tobytes()
    for side, mean in ((0, 0.2), (1, 0.8)):
        assert again.predict(features[features[:, 0] == side]).mean() == pytest.approx(mean, abs=0.02)
    assert Boosted(seed=1).fit(features, outcome).text == model.text
    assert len(again.predict(features[:0])) == 0
