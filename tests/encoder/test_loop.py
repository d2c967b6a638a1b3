"""The training loop against a loop written out, and what may interrupt it."""

import logging
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.encoder import loop
from pipeline.encoder.loop import Curve, Plan, Row
from pipeline.ground.errors import TrainingError

GOAL = np.array([3.0, -4.0, 0.5])
PLAN = Plan("fine_tune", "vectors", steps=20, learning_rate=0.4, time_limit_minutes=1.0)


class Straight(loop.Learner):
    """Moves a point towards a goal by the gradient of half the squared distance; some steps have nothing to learn."""

    def __init__(self, idle: tuple[int, ...] = ()) -> None:
        self.point = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))
        self.parameters = [self.point]
        self.optimizer = torch.optim.SGD(self.parameters, lr=123.0)
        self.idle, self.moves = idle, list[int]()

    def gradients(self, step: int) -> Row | None:
        if step in self.idle:
            return None
        assert self.point.grad is None
        loss = ((self.point - torch.from_numpy(GOAL)) ** 2).sum() / 2
        torch.autograd.backward(loss)
        return {"loss": loss.item()}

    def moved(self, step: int) -> None:
        assert self.point.grad is not None
        self.moves.append(step)


def walked(rates: list[float]) -> np.ndarray:
    """Where the point is after steps of these rates, none along a gradient longer than 1."""
    point = np.zeros(3)
    for rate in rates:
        gradient = point - GOAL
        point = point - rate * gradient / max(1.0, float(np.linalg.norm(gradient)))
    return point


def test_the_rate_rises_and_falls_as_a_schedule_of_torch_does() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.7)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / max(1.0, 0.06 * 50), max(0.0, 1 - step / 50))
    )
    for step in range(50):
        assert optimizer.param_groups[0]["lr"] == 0.7 * loop.rate_share(step, 50)
        optimizer.step()
        schedule.step()
    assert max(range(50), key=lambda step: loop.rate_share(step, 50)) == 2
    assert loop.rate_share(50, 50) == 0


def test_a_step_goes_down_the_clipped_gradient_at_the_rate_of_the_schedule() -> None:
    learner = Straight()
    ended = loop.train(learner, PLAN)
    rates = [0.4 * loop.rate_share(step, 20) for step in range(20)]
    np.testing.assert_allclose(learner.point.detach().numpy(), walked(rates), rtol=1e-5)
    assert [row["learning_rate"] for row in ended.curve] == rates
    assert learner.moves == [row["step"] for row in ended.curve] == list(range(1, 21))
    assert not ended.cut_short
    losses = [row["loss"] for row in ended.curve]
    assert ended.summary() == {
        "steps": 20,
        "cut_short": False,
        "loss_first": pytest.approx(np.mean(losses[:2])),
        "loss_last": pytest.approx(np.mean(losses[-2:])),
    }


def test_a_step_with_nothing_to_learn_leaves_no_row_and_moves_neither_point_nor_rate() -> None:
    learner = Straight(idle=(1, 4, 20))
    told: list[int] = []
    curve = loop.train(learner, PLAN, [lambda curve: told.append(curve[-1]["step"])]).curve
    assert told == learner.moves == [row["step"] for row in curve]
    assert set(range(1, 21)) - set(told) == {1, 4, 20}
    assert [row["learning_rate"] for row in curve] == [0.4 * loop.rate_share(step, 20) for step in range(17)]


def test_hooks_see_the_curve_in_their_order_and_may_add_to_its_last_row() -> None:
    seen: list[Any] = []

    def adds(curve: Curve) -> None:
        curve[-1] |= {"judged": 10 * curve[-1]["step"]}

    curve = loop.train(Straight(), PLAN, [adds, lambda curve: seen.append((len(curve), curve[-1]["judged"]))]).curve
    assert seen == [(step, 10 * step) for step in range(1, 21)]
    assert curve[4]["judged"] == 50


def test_what_goes_on_ends_where_the_whole_would_have() -> None:
    whole, parts = Straight(idle=(3,)), Straight(idle=(3,))
    curve = loop.train(whole, PLAN).curve

    def stop(curve: Curve) -> None:
        if curve[-1]["step"] == 7:
            raise KeyboardInterrupt

    begun: Curve = []
    with pytest.raises(KeyboardInterrupt):
        loop.train(parts, PLAN, [stop], curve=begun)
    assert loop.train(parts, PLAN, done=7, curve=begun).curve == curve
    assert torch.equal(whole.point, parts.point)


@pytest.mark.parametrize(("steps", "cut_short"), [(20, True), (1, False)])
def test_time_that_is_up_ends_it_after_a_step_and_says_what_depends_on_it(
    steps: int, cut_short: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        ended = loop.train(Straight(), Plan("sasrec", "lists", steps, 0.4, time_limit_minutes=0.0))
    assert (len(ended.curve), ended.cut_short) == (1, cut_short)
    assert ("sasrec: cut short after 1 of 20 steps" in caplog.text) is cut_short
    assert ("so the lists depend" in caplog.text) is cut_short


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_names_the_step_and_the_setting(loss: float) -> None:
    loop.require_finite(torch.tensor(1.0), "sasrec", 3)
    with pytest.raises(TrainingError, match=r"sasrec: the loss of step 3 .* lower sasrec\.learning_rate"):
        loop.require_finite(torch.tensor(loss), "sasrec", 3)


def test_no_steps_have_a_summary_without_losses() -> None:
    assert loop.Ended([]).summary() == {"steps": 0, "cut_short": False}
