"""What a treatment by chance adds: against sums worked by hand, and trials whose truth is known."""

import numpy as np
import pytest

from pipeline.arrays.determinism import blas_threads
from pipeline.policies import intervals, reward_model, trials
from pipeline.policies.trials import Expected, Pairs, Support
from pipeline.policies.uplift import Trial
from pipeline.policies.uplift import qini as qini_of_users

ITEMS = 6
POPULAR = np.linspace(0.02, 0.3, ITEMS)


def trial(seed: int, users: int) -> tuple[Pairs, np.ndarray, np.ndarray]:
    """A slot that draws one of six items a user; the chance to act without it, and what it adds, pair by pair.

    Popular items are acted on anyway, and more by active users; a slot adds to the others alone.
    """
    rng = np.random.default_rng(seed)
    base = np.clip(rng.gamma(1.0, 1.0, (users, 1)) * POPULAR, 0, 0.8)
    added = np.where(POPULAR < 0.15, 0.2, 0.0) * rng.random((users, ITEMS))
    added = np.clip(base + added, 0, 1) - base
    weights = POPULAR**0.3 * rng.uniform(0.5, 1.5, (users, ITEMS))
    chance = 0.8 * weights / weights.sum(axis=1, keepdims=True)
    chance[:, 0] += 0.2
    drawn = np.minimum((rng.random((users, 1)) > np.cumsum(chance, axis=1)).sum(axis=1), ITEMS - 1)
    treated = np.zeros((users, ITEMS), dtype=bool)
    treated[np.arange(users), drawn] = True
    outcome = (rng.random((users, ITEMS)) < base + treated * added).astype(np.float64)
    who = np.repeat(np.arange(users), ITEMS)
    return Pairs(treated.ravel(), outcome.ravel(), chance.ravel(), who), base.ravel(), added.ravel()


def area_of(score: np.ndarray, added: np.ndarray) -> float:
    """The true area, by summing the curve pair by pair."""
    summed = np.append(0, np.cumsum(added[np.argsort(-score, kind="stable")])) / len(score)
    return float(np.trapezoid(summed - np.linspace(0, summed[-1], len(summed)), dx=1 / len(score)))


BY_HAND = Pairs(
    treated=np.array([True, False, True, False, False]),
    outcome=np.array([1.0, 0.0, 0.0, 1.0, 0.0]),
    chance=np.array([0.5, 0.5, 0.8, 0.75, 0.2]),
    user=np.array([0, 0, 1, 1, 2]),
)


def test_the_average_is_hajeks() -> None:
    given = (1 / 0.5 * 1 + 1 / 0.8 * 0) / (1 / 0.5 + 1 / 0.8)
    without = (2 * 0 + min(4, 5**0.5) * 1 + 1.25 * 0) / (2 + 5**0.5 + 1.25)  # no weight is above the root of five rows
    assert BY_HAND.means == pytest.approx((without, given))
    gained = trials.effects(BY_HAND, Expected.by_mean(BY_HAND))
    assert trials.average(BY_HAND, gained).value == pytest.approx(given - without)


def test_doubly_robust_is_the_model_and_what_it_misses() -> None:
    expected = Expected(np.array([0.1, 0.2, 0.3, 0.4, 0.5]), np.array([0.5, 0.4, 0.6, 0.5, 0.5]))
    of = [0.4 + 2 * 0.5, 0.2 + 2 * 0.2, 0.3 + 1.25 * -0.6, 0.1 - 5**0.5 * 0.6, 0.0 + 1.25 * 0.5]
    assert trials.effects(BY_HAND, expected) == pytest.approx(of)
    assert trials.average(BY_HAND, np.array(of)).value == pytest.approx(np.mean(of))


def test_the_area_is_that_of_the_curve() -> None:
    gained, score = np.array([0.4, -0.2, 0.9, 0.0, 0.3]), np.array([5, 4, 4, 1, 0])
    shares, gains = trials.curve(gained, score)
    assert shares == pytest.approx([0, 0.2, 0.6, 0.8, 1])
    assert gains == pytest.approx(np.array([0, 0.4, 1.1, 1.1, 1.4]) / 5)
    line = np.trapezoid(gains, shares) - gains[-1] / 2
    terms = trials.qini(BY_HAND, gained, score)
    assert terms.value == pytest.approx(line)
    assert trials.qini(BY_HAND, gained, np.zeros(5)).value == pytest.approx(0)
    other = trials.qini(BY_HAND, gained, -score)
    assert trials.less(terms, other).value == pytest.approx(2 * line)


def test_the_area_is_the_one_of_users_of_a_trial() -> None:
    """`uplift` has the same of one row a user, by outcomes over chances as they are."""
    pairs, base, _ = trial(3, 400)
    users = Trial(np.zeros((len(base), 1)), pairs.treated, pairs.outcome, pairs.chance)
    nothing = Expected(np.zeros(len(base)), np.zeros(len(base)))
    found = trials.qini(pairs, trials.effects(pairs, nothing), base)
    assert found.value == pytest.approx(qini_of_users(users, base, resamples=1).value)


def test_a_long_curve_is_drawn_by_few_points() -> None:
    shares, gains = trials.curve(np.ones(10_000), np.random.default_rng(0).random(10_000))
    assert 50 <= len(shares) <= 52
    assert (shares[0], gains[0], shares[-1], gains[-1]) == (0, 0, 1, 1)
    assert gains == pytest.approx(shares)


@pytest.mark.slow
def test_intervals_hold_as_often_as_they_say() -> None:
    """Of the average, of the doubly robust one with a model that is wrong, of the area of a score."""
    pieces = [trial(10_000 + n, 5_000)[2] for n in range(20)]
    mean, area = np.mean([(added.mean(), area_of(added, added)) for added in pieces], axis=0)
    truth, held = np.array([mean, mean, area]), np.zeros(3)
    with blas_threads(1):
        for seed in range(500):
            pairs, base, added = trial(seed, 2_000)
            gained = trials.effects(pairs, Expected.by_mean(pairs))
            robust = trials.effects(pairs, Expected(base / 2, base))
            terms = (trials.average(pairs, gained), trials.average(pairs, robust), trials.qini(pairs, gained, added))
            found = [intervals.interval(of, 400, seed) for of in terms]
            held += [one.low <= true <= one.high for one, true in zip(found, truth, strict=True)]
    print(held / 500)
    assert (abs(held / 500 - 0.95) <= 0.02).all()


def test_who_acts_is_told_from_whom_it_helps() -> None:
    pairs, base, added = trial(1, 20_000)
    gained = trials.effects(pairs, Expected.by_mean(pairs))
    rng = np.random.default_rng(2)
    knows, acts, blind = (
        trials.qini(pairs, gained, score) for score in (added, base, rng.random(len(base)))
    )  # who knows the truth, who would act anyway, who draws lots
    truth, popular, luck = (intervals.interval(of, 500, 1) for of in (knows, acts, blind))
    assert truth.low > 0
    assert popular.high < 0, "the popular would have been acted on without it"
    assert luck.low < 0 < luck.high
    acted = np.corrcoef(base, pairs.outcome)[0, 1]
    assert acted > 3 * abs(np.corrcoef(added, pairs.outcome)[0, 1]), "though it foretells who acts best"
    assert intervals.interval(trials.less(knows, acts), 500, 1).low > 0


def test_a_model_narrows_the_interval_and_its_uplift_ranks() -> None:
    pairs, base, added = trial(4, 6_000)
    popular = np.tile(POPULAR, 6_000)
    expected = Expected.learned(pairs, np.column_stack([base, popular]), seed=0)
    plain, robust = (
        intervals.interval(trials.average(pairs, trials.effects(pairs, one)), 300, 0)
        for one in (Expected.by_mean(pairs), expected)
    )
    for found in (plain, robust):
        assert found.low <= added.mean() <= found.high
    assert robust.high - robust.low < plain.high - plain.low
    ranked = trials.qini(pairs, trials.effects(pairs, expected), expected.uplift)
    assert intervals.interval(ranked, 300, 0).low > 0


def test_a_trial_that_cannot_tell_says_why() -> None:
    pairs, _, _ = trial(5, 3_000)
    whole = Support.of(pairs)
    assert (whole.pairs, whole.users, whole.treated) == (18_000, 3_000, 3_000)
    assert whole.acted == min(pairs.outcome[pairs.treated].sum(), pairs.outcome[~pairs.treated].sum())
    raw = (1 / pairs.chance)[pairs.treated]
    assert whole.effective == pytest.approx(raw.sum() ** 2 / (raw**2).sum())
    assert whole.refusal() is None
    few = pairs.of(pairs.user < 900)
    assert "an effective sample of " in str(Support.of(few).refusal())
    nobody = Pairs(pairs.treated, np.zeros(18_000), pairs.chance, pairs.user)
    assert Support.of(nobody).refusal() == "0 pairs of one side that acted; 30 are needed"
    wrong = Pairs(pairs.treated, pairs.outcome, pairs.chance / 1.3, pairs.user)
    assert "they are wrong" in str(Support.of(wrong).refusal())
    alone = Pairs(pairs.treated, pairs.outcome, pairs.chance, pairs.user % 700)
    assert Support.of(alone).refusal() == "700 users; 1,000 are needed"
    nothing = Support.of(pairs.of(np.zeros(18_000, dtype=bool)))
    assert nothing.refusal() == "nothing is recorded whose days are over"
    with pytest.raises(ValueError, match="always or never"):
        Pairs(np.array([True]), np.ones(1), np.ones(1), np.zeros(1))


def test_rare_chances_that_never_came_true_are_no_overlap() -> None:
    """Most pairs could hardly have been treated: those few who were speak for none of them."""
    rng = np.random.default_rng(0)
    chance = np.where(np.arange(40_000) % 4 == 0, 0.3, 1e-5)
    treated = (rng.random(40_000) < chance) & (chance > 0.1)
    pairs = Pairs(treated, (rng.random(40_000) < 0.1).astype(float), chance, np.arange(40_000))
    found = Support.of(pairs)
    assert found.effective > 1_000
    assert found.overlap == pytest.approx(0.25, abs=0.01)


def test_draws_of_one_chance_are_not_doubted_for_their_rounding() -> None:
    users, items, slots = 5_307, 42, 2  # what a list of ten shows by two uniform slots among fifty
    rng = np.random.default_rng(3)
    treated = rng.permuted(np.tile(np.arange(items) < slots, (users, 1)), axis=1).ravel()
    chance = np.tile(np.where(np.arange(items) % 2, slots / items, slots / items + 7e-18), users)
    acted = (rng.random(users * items) < 0.02).astype(np.float64)
    support = Support.of(Pairs(treated, acted, chance, np.repeat(np.arange(users), items)))
    assert support.doubt == 0
    assert support.refusal() is None
    biased = Support.of(Pairs(treated, acted, chance * 1.1, np.repeat(np.arange(users), items)))
    assert "more or less often" in (biased.refusal() or "")


def test_an_uplift_is_foretold_by_fifths_before_its_own_alone() -> None:
    pairs, base, _ = trial(5, 400)
    features = np.column_stack([base, np.tile(np.arange(ITEMS), 400)])
    fold = reward_model.folds(pairs.user, 7)
    found = trials.foretold(pairs, features, 7)
    assert set(found[fold == 0]) == {0.5}
    last = fold == 4
    assert len(np.unique(found[last])) > 10
    assert found[last].mean() == pytest.approx(0.5)
    other = np.where(fold >= 3, 1 - pairs.outcome, pairs.outcome)
    again = trials.foretold(Pairs(pairs.treated, other, pairs.chance, pairs.user), features, 7)
    assert np.array_equal(again[fold <= 3], found[fold <= 3])
    assert not np.array_equal(again[last], found[last])


def test_where_nothing_is_added_the_foretold_uplift_is_not_told_from_chance() -> None:
    users, items, off = 300, 20, []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        treated = rng.permuted(np.tile(np.arange(items) < 2, (users, 1)), axis=1).ravel()
        acts = np.repeat(rng.gamma(1, 0.05, users), items)
        outcome = (rng.random(users * items) < acts).astype(np.float64)
        pairs = Pairs(treated, outcome, np.full(users * items, 2 / items), np.repeat(np.arange(users), items))
        features = np.log(acts + 0.001)[:, None] + rng.normal(0, 0.5, (users * items, 1))
        robust = trials.effects(pairs, Expected.by_mean(pairs))
        area = intervals.interval(trials.qini(pairs, robust, trials.foretold(pairs, features, seed)), 200, seed)
        off.append(not area.low <= 0 <= area.high)
    assert sum(off) <= 5  # two are expected; of models of all other fifths it were twice as many and more
