"""What happens between the steps: each hook on a curve made by hand."""

import logging
from collections.abc import Mapping

import pytest

from pipeline.encoder import hooks
from pipeline.encoder.loop import Curve, Hook, Plan


def walk(hook: Hook, steps: int) -> Curve:
    """The curve after a hook was called for every step; the loss of a step is its number."""
    curve: Curve = []
    for step in range(1, steps + 1):
        curve.append({"step": step, "loss": float(step)})
        hook(curve)
    return curve


@pytest.mark.parametrize(
    ("steps", "epochs", "ends"),
    [
        (6, 3, {0: 0, 2: 1, 4: 2, 6: 3}),
        (10, 3, {0: 0, 3: 1, 7: 2, 10: 3}),
        (1, 3, {0: 0, 1: 3}),  # more epochs than steps: the last one ends with the last step
    ],
)
def test_epochs_are_of_equal_length_and_the_last_ends_with_the_last_step(
    steps: int, epochs: int, ends: dict[int, int]
) -> None:
    assert hooks.epoch_ends(steps, epochs) == ends


def test_a_row_that_ends_an_epoch_is_judged() -> None:
    curve = walk(hooks.judging(lambda: {"dev_ndcg_10": 0.5}, {0: 0, 2: 1, 4: 2}), 5)
    assert [(row.get("epoch"), row.get("dev_ndcg_10")) for row in curve] == [
        (None, None),
        (1, 0.5),
        (None, None),
        (2, 0.5),
        (None, None),
    ]


def test_a_tracker_is_told_all_numbers_of_a_step() -> None:
    told: list[tuple[int, dict[str, float]]] = []

    class Kept:
        def log(self, step: int, values: Mapping[str, float]) -> None:
            told.append((step, dict(values)))

        def close(self) -> None:
            raise AssertionError("whoever opened it closes it")

    hooks.tracking(Kept())([{"step": 4, "epoch": 2, "loss": 1.5, "learning_rate": 0.1}])
    assert told == [(4, {"loss": 1.5, "learning_rate": 0.1})]


@pytest.mark.parametrize(("minutes", "saved"), [(0.0, [1, 2, 3]), (1e6, [])])
def test_a_step_is_saved_once_the_minutes_have_passed(minutes: float, saved: list[int]) -> None:
    found: list[int] = []

    def save(step: int, curve: Curve) -> None:
        assert curve[-1]["step"] == step
        found.append(step)

    walk(hooks.saving(save, minutes), 3)
    assert found == saved


def test_progress_is_a_line_for_every_tenth_of_the_steps(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), hooks.progress(Plan("fine_tune", "vectors", 40, 0.1, 1.0), 0) as hook:
        walk(hook, 40)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 10
    assert lines[1] == "fine_tune: step 8 of 40, loss 6.500"  # the mean of steps 5 to 8
