"""REINFORCE: its loss against sums worked by hand, what a click is worth, and that it finds what is clicked."""

import numpy as np
import pytest
import torch

from benchmarks.exploration import reinforce
from benchmarks.exploration.policies import Tonight
from benchmarks.exploration.reinforce import CAP, DAYS, Reinforce, loss
from benchmarks.exploration.world import ITEMS, TOP, K, Model
from pipeline.publication.surfaces import Block


def test_its_gradient_is_that_of_the_chance_to_stand_among_k_draws() -> None:
    """Of uniformly logged slots of three items: the mean over them is the derivative of the expected reward."""
    scores = torch.tensor([0.2, -0.4, 0.7], dtype=torch.float64, requires_grad=True)
    reward = torch.tensor([1.0, 3.0, 0.5], dtype=torch.float64)
    for k in (1, 4):
        logged = torch.full((3,), 1 / 3, dtype=torch.float64)
        loss(torch.log_softmax(scores, dim=0), logged, reward, k).backward()  # type: ignore[no-untyped-call]
        found, scores.grad = scores.grad, None

        def earned(at: np.ndarray, k: int = k) -> float:
            chance = np.exp(at) / np.exp(at).sum()
            return float(((1 - (1 - chance) ** k) * reward.numpy()).sum())

        at, step = scores.detach().numpy(), 1e-6 * np.eye(3)
        by_hand = [(earned(at + one) - earned(at - one)) / 2e-6 for one in step]
        assert found is not None
        assert (-found).tolist() == pytest.approx(by_hand, rel=1e-6)


def test_weights_are_capped() -> None:
    scores = torch.zeros(2, requires_grad=True)
    loss(torch.log_softmax(scores, dim=0)[:1], torch.tensor([1e-4]), torch.ones(1), 1).backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None
    assert scores.grad.tolist() == pytest.approx([-CAP / 2, CAP / 2])


def test_a_click_is_worth_the_visits_above_those_of_users_who_came_as_often() -> None:
    policy, all_came = Reinforce(visits=True), np.ones(4, bool)
    shown, clicked = np.tile(np.arange(K), (4, 1)), np.zeros((4, K), bool)
    clicked[:2, 4] = True
    policy.note(all_came, shown, np.full((4, K), 0.5), clicked)
    for night in range(DAYS):
        policy.note(np.array([True, False, night < 2, night < 2]), shown, np.full((4, K), 0.5), np.zeros((4, K), bool))
    first = policy.log[0]
    assert (first.user.tolist(), first.item.tolist()) == ([0, 1], [4, 4])
    assert policy._reward(first).tolist() == [1 + 7 - 2.75, 1 + 0 - 2.75]
    assert policy.clicks[:, -2:].tolist() == [[ITEMS, 4], [ITEMS, 4], [ITEMS, ITEMS], [ITEMS, ITEMS]]
    policy.begin(np.array([4]))
    assert (first.item.tolist(), policy.clicks.min()) == ([-1, -1], ITEMS)


@pytest.mark.slow
def test_it_learns_what_is_clicked_and_draws_with_the_chance_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """One item is always clicked, no other ever: it is soon the likeliest, shown as often as its chance says."""
    monkeypatch.setattr(reinforce, "STEPS", 20)
    users, rng = 2_000, np.random.default_rng(0)
    group, estimates = np.zeros(users, np.int64), np.full((1, ITEMS), 0.05)
    order = np.tile(np.arange(TOP, dtype=np.int32), (users, 1))
    pool = Block(order, np.ones(order.shape, np.float32), np.zeros(order.shape, np.int8))
    best = Block(order[:, :K], pool.scores[:, :K], pool.sources[:, :K])
    tonight = Tonight(1, 0, group, best, pool, estimates, Model(), np.zeros(ITEMS, bool))
    made: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for _ in range(2):
        policy = reinforce.Reinforce(anchored=True)
        shown = rng.integers(0, ITEMS, (users, K)) if not made else made[0][2]
        policy.see(group, shown, np.full(shown.shape, 1 / ITEMS), shown == 50)
        made.append((*policy.lists(tonight), shown))
    items, chance, _ = made[0]
    assert (items == made[1][0]).all()
    assert (items[:, : K - 1] == np.arange(K - 1)).all()
    assert ((items[:, K - 1] >= K - 1) & (items[:, K - 1] < TOP)).all()
    found = items[:, K - 1] == 50
    assert found.mean() > 3 / TOP
    assert found.mean() == pytest.approx(chance[found, K - 1].mean(), abs=4 * (0.25 / users) ** 0.5)
    assert (chance[:, : K - 1] == 1).all()
