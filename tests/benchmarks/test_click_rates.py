"""Click rates that are foretold a day ahead: a constant worked by hand, nothing learned from the day that judges."""

import numpy as np
import pytest

from benchmarks import click_rates
from benchmarks.click_rates import CONSTANT, MODELS, foretold, interval, losses, rows_of
from benchmarks.open_bandit.policies import Slots, one_hot


def log(days: int = 3, number: int = 400, items: int = 4) -> Slots:
    """Each day the first item is clicked by half of one kind of user, nothing else is."""
    item, kind = np.tile(np.arange(number) % items, days), np.tile(np.arange(number) // items % 2, days)
    click = ((item == 0) & (kind == 0) & (np.tile(np.arange(number) // (2 * items) % 2, days) == 0)).astype(float)
    return Slots(item, np.repeat(np.arange(1, days + 1), number), click, one_hot([kind]), one_hot([np.arange(items)]))


def test_every_model_foretells_each_slot_of_the_days_that_judge() -> None:
    logs = {"a": log(), "b": log()}
    rates, came = foretold(logs, first=2)
    assert len(came) == 2 * 2 * 400
    assert rates[CONSTANT] == pytest.approx(np.repeat([26 / 420, 26 / 420, 51 / 820, 51 / 820], 400))
    for name, rate in rates.items():
        assert rate.shape == came.shape, name
        assert losses(rate, came).mean() < losses(rates[CONSTANT], came).mean() or name in {CONSTANT, "hashed, C 0.01"}


def test_what_a_day_brings_moves_nothing_that_is_foretold_of_it() -> None:
    known = log()
    turned = Slots(
        known.item, known.day, np.where(known.day == 3, 1 - known.click, known.click), known.users, known.items
    )
    one, two = (foretold({"a": found}, first=3)[0] for found in (known, turned))
    assert {name: rate.tolist() for name, rate in one.items()} == {name: rate.tolist() for name, rate in two.items()}


def test_losses_and_rows() -> None:
    came = np.array([1.0, 0, 0, 0])
    rates = {
        CONSTANT: np.full(4, 0.25),
        **{name: np.array([0.5, 0.1, 0.1, 0.1]) for name in MODELS if name != CONSTANT},
    }
    assert losses(rates[CONSTANT], came).mean() == pytest.approx(-(np.log(0.25) + 3 * np.log(0.75)) / 4)
    assert interval(np.full(4, 0.3), 20) == pytest.approx((0.3, 0.3))
    table = list(rows_of(rates, came, 20))
    assert table[2] == "| constant | 562.335 | - | 0% |"
    assert all(f"{1000 * -(np.log(0.5) + 3 * np.log(0.9)) / 4:.3f}" in row for row in table[3:])
    assert click_rates.HASHED == 2**16
