"""Unusual days: none where there are none, the planted ones where there are, whatever the log does as a whole."""

import numpy as np
import pytest
from scipy import stats

from pipeline.words import bursts

ENTITIES, PAST = 300, 60
WEEK = np.array([1, 1, 1, 1, 1, 0.3, 0.3])[np.arange(PAST + 1) % 7]


def world(seed: int, differ: float = 0.0, log: np.ndarray = WEEK) -> np.ndarray:
    """[E, D] texts of a usual world, today last: rates from rare to daily, days that differ by chance and `differ`."""
    rng = np.random.default_rng(seed)
    rates = rng.gamma(0.5, 4, ENTITIES)[:, None] * log
    return rng.poisson(rates * (rng.gamma(1 / differ, differ, rates.shape) if differ else 1))


def judged(texts: np.ndarray) -> bursts.Unusual:
    others = texts.sum(axis=0)[None, :] - texts
    return bursts.of_day(texts[:, -1], texts[:, :-1], others[:, -1], others[:, :-1])


@pytest.mark.parametrize("differ", [0.0, 0.5])
def test_a_usual_day_is_as_unusual_as_is_said(differ: float) -> None:
    found = [judged(world(seed, differ)) for seed in range(30)]
    chances = np.concatenate([one.chance for one in found])
    for level in (0.05, 0.01):
        assert (chances <= level).mean() <= 1.15 * level
    assert sum((one.false_share <= 0.05).any() for one in found) <= 6


def test_a_day_on_which_more_is_written_of_everything_is_usual() -> None:
    log = np.append(WEEK[:-1], 6.0)
    texts = world(1, log=log)
    assert texts[:, -1].sum() > 4 * texts[:, :-1].mean(axis=1).sum()
    assert not (judged(texts).false_share <= 0.05).any()
    quiet = np.append(WEEK[:-1], 0.02)  # and what is usual is much on a day on which nothing is written
    assert (judged(world(2, log=quiet)).false_share <= 0.05).sum() <= 1


def test_planted_bursts_are_found_and_an_earlier_one_hides_none() -> None:
    texts = world(3)
    usual = texts[:, :-1].mean(axis=1)
    bursting = np.flatnonzero((usual > 1) & (usual < 3))[:10]
    texts[bursting, -1] = 25
    texts[bursting[:5], 20] = 200
    found = judged(texts)
    assert set(bursting) <= set(np.flatnonzero(found.false_share <= 0.05))
    assert (found.false_share <= 0.05).sum() <= 11
    assert np.all(found.expected[bursting] < 6)


def test_what_nobody_wrote_about_before_is_unusual_when_many_do() -> None:
    texts = world(4)
    texts[:2, :-1] = 0
    texts[:2, -1] = 40, 1
    assert (judged(texts).false_share[:2] <= 0.05).tolist() == [True, False]


def test_the_expected_number_is_the_mean_of_the_other_texts_share() -> None:
    """By hand: two texts a day of hundred others, then 300 others: six, but for what the usual rate adds."""
    past, others = np.full((1, 50), 2), np.full((1, 50), 100)
    found = bursts.of_day(np.array([6]), past, np.array([300]), others)
    assert found.expected[0] == pytest.approx(6)
    size = 1 / (1 / (bursts.START + 100))
    assert found.chance[0] == pytest.approx(stats.nbinom.sf(5, size, size / (size + 6)))


def test_the_first_day_of_a_log_has_no_past() -> None:
    found = bursts.of_day(np.array([3, 0]), np.zeros((2, 5)), np.array([10, 13]), np.zeros((2, 5)))
    assert np.isfinite(found.expected).all()
    assert found.chance[1] == 1
    assert len(bursts.of_day(np.zeros(0, int), np.zeros((0, 5)), np.zeros(0), np.zeros((0, 5))).chance) == 0


def test_false_shares_are_benjamini_and_hochbergs() -> None:
    chance = np.random.default_rng(5).beta(0.3, 1, 200)
    assert bursts.adjusted(chance) == pytest.approx(stats.false_discovery_control(chance, method="bh"))
    assert bursts.adjusted(np.zeros(0)).tolist() == []


@pytest.mark.parametrize("days", [0, 1, 6])
def test_when_a_log_begins_nobody_knows_what_is_usual(days: int) -> None:
    texts = np.zeros((12, PAST + 1), dtype=int)
    texts[:, PAST - days :] = 3
    assert (judged(texts).chance == 1).all()


def test_days_before_the_log_began_are_no_days_without_texts() -> None:
    texts = np.zeros((12, PAST + 1), dtype=int)
    texts[:, PAST - 20 :] = 3
    assert judged(texts).expected == pytest.approx(3, abs=0.2)
    assert not (judged(texts).false_share <= 0.5).any()
