"""User towers: what a tower reads, against loops over the definition."""

import numpy as np
import pytest
import torch

from benchmarks.user_towers import EVENTS, HALF_LIFE, Actions, Tower


def test_the_latest_actions_are_those_before_the_day() -> None:
    actions = Actions(np.array([0, 0, 0, 2, 2]), np.array([5, 6, 7, 8, 9]), np.array([30, 20, 10, 25, 24]))
    items, ages = actions.latest(np.array([0, 1, 2]), before=25)
    assert items.shape == (3, EVENTS)
    assert [row[row >= 0].tolist() for row in items] == [[6, 7], [], [9]]
    assert ages[0, :2].tolist() == [4, 14]
    assert ages[2, 0] == 0


def test_a_decayed_mean_is_the_loop_over_its_definition() -> None:
    vectors = torch.eye(3)
    items, ages = torch.tensor([[2, 0, -1]]), torch.tensor([[0, int(HALF_LIFE), 0]])
    found = Tower(3, 0, learned=False)(vectors, items, ages)
    assert found[0].tolist() == pytest.approx([1 / 3, 0, 2 / 3])


def test_every_head_shares_one_among_what_is_there() -> None:
    torch.manual_seed(0)
    tower = Tower(3, 4, learned=True)
    shares = tower.weights(torch.eye(3), torch.tensor([[2, 0, -1], [1, -1, -1]]), torch.tensor([[1, 9, 0], [3, 0, 0]]))
    assert shares.sum(dim=1).tolist() == pytest.approx([4, 4])
    assert shares[0, 2] == shares[1, 1] == 0
