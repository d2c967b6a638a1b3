"""The simulated keys of the gate: gains and worth by hand, and what each can tell on one site."""

import numpy as np
import pytest

from benchmarks import gate_key
from benchmarks.gate_key import Seen, Verdict
from benchmarks.impressions import ITEMS, LENGTH, Site
from pipeline.policies.intervals import Estimate


def test_a_table_is_worth_the_clicks_that_it_would_get() -> None:
    site = Site(3, 4)
    lists = np.stack([np.random.default_rng(n).permutation(ITEMS)[:LENGTH] for n in range(4)])
    by_hand = [sum(site.chance[u, i] * site.looked[n] for n, i in enumerate(row)) for u, row in enumerate(lists)]
    assert gate_key.truth(site, lists) == pytest.approx(np.mean(by_hand))


def test_days_show_the_lists_but_for_the_last_place_which_is_drawn() -> None:
    site, seen, rng = Site(3, 300), Seen.nothing(300), np.random.default_rng(0)
    score = np.tile(-np.arange(ITEMS, dtype=float), (300, 1))
    for _ in range(4):
        seen.day(site, score, rng, satisfied=False)
    visits = seen.looks[:, 0] / site.looked[0]
    assert visits.sum() == sum(len(users) for users, *_ in seen.slots)
    assert seen.looks[:, LENGTH - 2].sum() == pytest.approx(visits.sum() * site.looked[LENGTH - 2])
    drawn = np.concatenate([item for _, item, _, _ in seen.slots])
    assert (drawn.min(), drawn.max()) == (LENGTH - 1, LENGTH - 2 + gate_key.TOP)
    assert not seen.shown[seen.looks == 0].any()


def test_who_was_satisfied_does_not_search_for_it() -> None:
    site, both = Site(4, 500), {}
    for satisfied in (True, False):
        seen, rng = Seen.nothing(500), np.random.default_rng(1)
        for _ in range(20):
            seen.day(site, np.asarray(site.chance), rng, satisfied=satisfied)
        both[satisfied] = seen.found[seen.shown > 0].sum()
    assert 0 < both[True] < both[False] / 2  # what is left was found before it was clicked in a list


def test_the_same_lists_are_told_apart_by_no_key() -> None:
    site, rng = Site(5, 300), np.random.default_rng(2)
    before, seen = Seen.nothing(300), Seen.nothing(300)
    before.day(site, np.asarray(site.chance), rng, satisfied=False)
    seen.day(site, np.asarray(site.chance), rng, satisfied=False)
    lists = gate_key.tops(np.asarray(site.chance))
    for estimate in gate_key.keys(lists, lists, before, seen).values():
        assert estimate.value == 0
        assert not Verdict(0.5, estimate).stops


def test_wrong_stops_and_passes_are_counted_apart() -> None:
    low, high = Estimate(-1.0, -2.0, -0.5), Estimate(0.5, -0.1, 1.0)
    found = [Verdict(0.2, low), Verdict(0.2, high), Verdict(-0.2, low), Verdict(-0.2, high), Verdict(0.001, low)]
    *_, row = gate_key.rows_of({"key": found})
    assert row == "| key | 1 of 2 | 1 of 2 | 50% |"
