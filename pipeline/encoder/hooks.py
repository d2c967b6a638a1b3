"""What happens between the steps of the encoder's training: judging, tracking, checkpoints, progress lines."""

import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from pipeline.encoder.loop import Curve, Hook, Plan
from pipeline.encoder.trackers import Tracker

log = logging.getLogger(__name__)

# Shares of the steps after which the log says where training is, when there is no terminal to draw a bar on.
REPORTS = 10


def epoch_ends(steps: int, epochs: int) -> dict[int, int]:
    """The steps that epochs of equal length end with, and their numbers; epoch 0 ends before the first step."""
    return {round(steps * number / epochs): number for number in range(1, epochs + 1)} | {0: 0}


def judging(judge: Callable[[], Mapping[str, float]], ends: Mapping[int, int]) -> Hook:
    """Adds to the row of a step that ends an epoch its number and what is measured then.

    Args:
        judge: measures.
        ends: number of the epoch by the step that ends it.
    """

    def hook(curve: Curve) -> None:
        if (step := curve[-1]["step"]) in ends:
            curve[-1] |= {"epoch": ends[step]} | dict(judge())

    return hook


def tracking(tracker: Tracker) -> Hook:
    """Tells a tracker the numbers of every step."""

    def hook(curve: Curve) -> None:
        row = curve[-1]
        tracker.log(row["step"], {name: value for name, value in row.items() if name not in {"step", "epoch"}})

    return hook


def saving(save: Callable[[int, Curve], None], minutes: float) -> Hook:
    """Saves the step and the curve whenever so many minutes have passed, the first time counted from now."""
    saved = time.perf_counter()

    def hook(curve: Curve) -> None:
        nonlocal saved
        if time.perf_counter() - saved > minutes * 60:
            save(curve[-1]["step"], curve)
            saved = time.perf_counter()

    return hook


@contextmanager
def progress(plan: Plan, done: int) -> Iterator[Hook]:
    """A bar in a terminal, lines of the log now and then elsewhere; `done` steps were made before."""
    from tqdm import tqdm

    terminal, every = sys.stderr.isatty(), max(1, plan.steps // REPORTS)

    def hook(curve: Curve) -> None:
        step = curve[-1]["step"]
        bar.update(step - bar.n)
        if not terminal and step % every == 0:
            recent = np.mean([row["loss"] for row in curve[-every:] if "loss" in row])
            log.info("%s: step %d of %d, loss %.3f", plan.stage, step, plan.steps, recent)

    with tqdm(total=plan.steps, initial=done, desc=plan.stage, unit="step", disable=not terminal) as bar:
        yield hook
