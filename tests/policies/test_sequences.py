"""Confidence sequences against their promise: in simulations whose truth is known, and against formulas by hand."""

import math
from itertools import pairwise

import numpy as np
import pytest

from pipeline.policies import sequences
from pipeline.policies.sequences import Sums, half_width, look

NIGHTS, REPETITIONS, USERS = 60, 400, 300
"""USERS of each arm."""


def sums_of(done: np.ndarray, days: np.ndarray) -> Sums:
    """Of what users did so far and on how many days, by definition."""
    there = days > 0
    s, n = done[there].astype(float), days[there].astype(float)
    totals = (float(x.sum()) for x in (n, n * n, s, s * s, s * n))
    return Sums(len(s), int((s > 0).sum()), *totals)


def simulated(kind: str, effect: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What both arms' users did per night, and whether they were there: [2, users, nights]; the mean effect is known.

    Users differ much; in kind "new" they come by and by, in "moods" a good night is followed by one, in "weeks" all do
    more at the weekend. In "alike" all users are, so that all looks are nearly independent of the first.
    """
    shape = (2, USERS, NIGHTS)
    like = np.ones((2, USERS, 1)) if kind == "alike" else rng.gamma(0.5, 2.0, (2, USERS, 1))
    rate = 0.15 * like * np.ones(shape)
    if kind == "weeks":
        rate *= np.where(np.arange(NIGHTS) % 7 < 2, 2.0, 0.6)
    if kind == "moods":
        mood = np.zeros(shape)
        for night in range(1, NIGHTS):
            mood[..., night] = 0.6 * mood[..., night - 1] + rng.normal(0, 0.5, shape[:2])
        rate *= np.exp(mood - 0.25 / (1 - 0.36) / 2)
    begins = rng.integers(0, NIGHTS // 2, (2, USERS, 1)) if kind == "new" else np.zeros((2, USERS, 1), int)
    there = np.arange(NIGHTS) >= begins
    rate[1] += effect
    return rng.poisson(rate) * there, there


def looks(kind: str, effect: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether the sequence, and a plain interval of each night, miss the truth somewhere: bool [repetitions] each."""
    missed, plainly = np.zeros(REPETITIONS, bool), np.zeros(REPETITIONS, bool)
    for repetition in range(REPETITIONS):
        done, there = simulated(kind, effect, np.random.default_rng([seed, repetition]))
        s, n = done.cumsum(axis=2, dtype=float), there.cumsum(axis=2, dtype=float)
        users, active = (n > 0).sum(axis=1), (s > 0).sum(axis=1)
        total = [x.sum(axis=1) for x in (n, n * n, s, s * s, s * n)]  # [2, nights] each
        first = None
        for night in range(NIGHTS):
            control, arm = (
                Sums(int(users[a, night]), int(active[a, night]), *(float(x[a, night]) for x in total)) for a in (0, 1)
            )
            if (found := look(arm, control, first)) is None:
                continue
            first = found.first
            half = 1.96 * math.sqrt(arm.variance + control.variance)
            missed[repetition] |= not found.low <= effect <= found.high
            plainly[repetition] |= abs(found.value - effect) > half
    return missed, plainly


@pytest.mark.parametrize(
    ("kind", "effect"),
    [("alike", 0.0), ("alike", 0.03), ("differ", 0.0), ("weeks", 0.05), ("new", 0.0), ("moods", 0.0)],
)
@pytest.mark.few(2)
def test_all_nights_together_are_covered_which_plain_intervals_do_not_do(kind: str, effect: float) -> None:
    missed, plainly = looks(kind, effect, seed=7)
    by_chance = 2 * math.sqrt(0.05 * 0.95 / REPETITIONS)
    assert missed.mean() <= 0.05 + by_chance
    assert plainly.mean() > 0.05 + 2 * by_chance


def test_the_sums_of_an_arm_give_its_mean_and_error() -> None:
    rng = np.random.default_rng(1)
    days = rng.integers(1, 20, 500)
    done = rng.poisson(0.3 * days * rng.gamma(1, 1, 500))
    found = sums_of(done, days)
    assert found.mean == pytest.approx(done.sum() / days.sum())
    drawn = [rng.integers(0, 500, 500) for _ in range(2000)]
    boot = np.std([done[who].sum() / days[who].sum() for who in drawn])
    assert math.sqrt(found.variance) == pytest.approx(boot, rel=0.06)
    same = sums_of(done, np.full(500, 4))  # of users seen equally long it is the variance of a mean
    assert same.variance == pytest.approx(np.var(done / 4, ddof=1) / 500)


def test_the_bound_is_that_of_the_mixture() -> None:
    """At the bound the mixture's likelihood ratio is 1 / alpha, whatever the information (Robbins 1970)."""
    for information in (3.0, 50.0, 900.0):
        half = half_width(information, 3.0, 0.95)
        score = half * information
        prior = 7 * 3.0 / (1 - 2 * math.log(0.05) + math.log(-2 * math.log(0.05)))
        grid = np.linspace(-12, 12, 400_001) / math.sqrt(prior)
        density = np.exp(-prior * grid**2 / 2) * math.sqrt(prior / (2 * math.pi))
        ratio = (np.exp(score * grid - information * grid**2 / 2) * density).sum() * (grid[1] - grid[0])
        assert ratio == pytest.approx(1 / 0.05, rel=1e-3)
    wide = [half_width(n * 3.0, 3.0, 0.95) * math.sqrt(n * 3.0) for n in (1, 3, 7, 30, 200)]
    assert min(wide) == wide[2] < 3.1
    assert all(half_width(a, 3.0, 0.95) > half_width(b, 3.0, 0.95) for a, b in pairwise([3.0, 30.0, 300.0]))
    assert half_width(30.0, 3.0, 0.975) > half_width(30.0, 3.0, 0.95)


def test_nothing_is_said_of_few_users() -> None:
    many = sums_of(np.ones(40), np.full(40, 2)), sums_of(np.arange(40), np.full(40, 2))
    few = sums_of(np.arange(29) + 1, np.full(29, 2))
    assert look(many[1], few) is None
    assert look(few, many[1]) is None
    assert look(many[0], many[0]) is None  # all alike: no error is known
    assert look(many[0], many[1]) is not None
    idle = look(sums_of(np.zeros(40), np.full(40, 2)), many[1])
    assert idle is not None  # of whom more would have done something if they were as the others
    assert idle.high < 0
    rare = sums_of(np.arange(400) < 20, np.full(400, 2))
    assert look(rare, rare) is None
    nobody = sums_of(np.zeros(0), np.zeros(0))
    assert math.isnan(nobody.mean)
    assert math.isnan(nobody.variance)
    assert sequences.LEAST == 30
