"""The training loop of the encoder and of the sequence model: steps under a schedule, a time limit and a norm.

    for every step: gradients -> clipped -> optimizer -> a row of the curve -> hooks

What is trained is a Learner; what happens between the steps (judging, tracking, checkpoints, progress) is a hook.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pipeline.encoder import distributed
from pipeline.ground.errors import TrainingError

log = logging.getLogger(__name__)

Row = dict[str, Any]
Curve = list[Row]
# Called after a step with the curve so far; its last row is the step's, and a hook may add to it.
Hook = Callable[[Curve], None]
# Gradients of a larger norm, over all parameters, are scaled down to it.
LARGEST_NORM = 1.0


@dataclass(frozen=True)
class Plan:
    """How long and how fast a training learns.

    Attributes:
        stage: whose section of the configuration the numbers are from.
        makes: what the training is for, in the plural: "vectors".
        steps: of the optimizer.
        learning_rate: the highest.
        time_limit_minutes: no step begins after so many.
    """

    stage: str
    makes: str
    steps: int
    learning_rate: float
    time_limit_minutes: float


@dataclass(frozen=True)
class Ended:
    """How a training ended.

    Attributes:
        curve: a row for every step that learned something, with at least `step`, `learning_rate` and `loss`.
        cut_short: whether the time limit ended it.
    """

    curve: Curve
    cut_short: bool = False

    def summary(self) -> dict[str, Any]:
        """Steps, whether time was up, and the mean losses of the first and the last tenth of the steps."""
        losses = [row["loss"] for row in self.curve if "loss" in row]
        found: dict[str, Any] = {"steps": len(losses), "cut_short": self.cut_short}
        if losses:
            tenth = max(1, len(losses) // 10)
            found |= {"loss_first": float(np.mean(losses[:tenth])), "loss_last": float(np.mean(losses[-tenth:]))}
        return found


class Learner:
    """What is trained.

    Attributes:
        parameters: what the optimizer moves.
        optimizer: its learning rate is set at every step.
    """

    parameters: Sequence[torch.nn.Parameter]
    optimizer: torch.optim.Optimizer

    def gradients(self, step: int) -> Row | None:
        """Leave a step's gradients in the parameters, which have none yet.

        Returns:
            What the curve says of the step, its `loss` at least; None where there was nothing to learn from.
        Raises:
            TrainingError: a loss is not finite.
        """
        raise NotImplementedError

    def moved(self, step: int) -> None:
        """Called when the parameters have moved, before their gradients are dropped; by default nothing happens."""


def train(
    learner: Learner, plan: Plan, hooks: Sequence[Hook] = (), *, done: int = 0, curve: Curve | None = None
) -> Ended:
    """Train up to the last step of the plan, or until time is up.

    Args:
        learner: changed in place.
        plan: how long and how fast.
        hooks: called in this order after every step that learned something.
        done: last step of an earlier run that this one goes on from.
        curve: what that run left; it is added to.
    Raises:
        TrainingError: a loss is not finite.
    """
    curve = [] if curve is None else curve
    learned = sum("loss" in row for row in curve)
    started = time.perf_counter()
    for step in range(done + 1, plan.steps + 1):
        row = learner.gradients(step)
        if row is None:
            continue
        rate = plan.learning_rate * rate_share(learned, plan.steps)
        for group in learner.optimizer.param_groups:
            group["lr"] = rate
        torch.nn.utils.clip_grad_norm_(learner.parameters, LARGEST_NORM)
        learner.optimizer.step()
        learner.moved(step)
        learner.optimizer.zero_grad()
        learned += 1
        curve.append({"step": step, "learning_rate": rate} | row)
        for hook in hooks:
            hook(curve)
        late = time.perf_counter() - started > plan.time_limit_minutes * 60
        if step < plan.steps and distributed.anywhere(late):
            log.warning(
                "%s: cut short after %d of %d steps by time_limit_minutes = %g, so the %s depend on this machine's "
                "speed: lower %s.steps or raise the limit",
                *(plan.stage, step, plan.steps, plan.time_limit_minutes, plan.makes, plan.stage),
            )
            return Ended(curve, cut_short=True)
    return Ended(curve)


def rate_share(learned: int, steps: int, warm_up: float = 0.06) -> float:
    """Share of the highest learning rate after so many steps: a short linear rise, then a linear fall."""
    return min((learned + 1) / max(1.0, warm_up * steps), max(0.0, 1 - learned / steps))


def require_finite(loss: torch.Tensor, stage: str, step: int) -> None:
    """Refuse a loss that would spoil the parameters.

    Raises:
        TrainingError: it is not finite; names the setting to lower.
    """
    if not torch.isfinite(loss):
        raise TrainingError(f"{stage}: the loss of step {step} is not finite: lower {stage}.learning_rate")
