"""What a log can say of a policy, and when it says nothing."""

import numpy as np
import pytest

from benchmarks.off_policy import Shop
from pipeline.policies.logged import Logged, Support


def uniform(rows: int, chance: float, target: np.ndarray) -> Logged:
    return Logged(np.zeros(rows), np.full(rows, chance), target, np.arange(rows))


def test_support_worked_by_hand() -> None:
    found = Support.of(uniform(4, 0.25, np.array([0.25, 0.5, 0.0, 0.25])))  # weights 1, 2, 0, 1
    assert (found.rows, found.mean_weight, found.effective, found.overlap) == (4, 1.0, pytest.approx(16 / 6), 1.0)
    assert found.largest == 2.0


def test_a_policy_that_the_log_has_is_judged() -> None:
    log, *_ = Shop.of(1).log(2_000, 4, 0.3, 0.6, 1)
    assert Support.of(log).refusal() is None


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (uniform(0, 1, np.zeros(0)), "nothing was logged"),
        (uniform(500, 0.5, np.full(500, 0.5)), "an effective sample of 500 of 500 rows; 1,000 are needed"),
        (uniform(9_000, 0.5, np.tile([1.0, 0.0, 0.0], 3_000)), "the log has 67% of what it shows; 80% are needed"),
        (uniform(9_000, 0.5, np.tile([1.0, 1.0, 0.0], 3_000)), "a mean weight of 1.33, where 1 is to be expected"),
        (uniform(9_000, 0.5, np.zeros(9_000)), "an effective sample of 0 of 9,000"),
        (Logged(*(np.full(9_000, 0.5),) * 3, np.arange(9_000) % 900), "900 users; 1,000 are needed"),
    ],
)
def test_no_verdict_says_why(log: Logged, reason: str) -> None:
    said = Support.of(log).refusal()
    assert said is not None
    assert reason in said
