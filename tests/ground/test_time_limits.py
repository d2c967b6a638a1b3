"""Who never answers is not waited for, and what goes wrong is named without its text."""

import threading

import pytest

from pipeline.ground import time_limits


def test_what_is_done_in_time_has_no_problem() -> None:
    done: list[int] = []
    assert time_limits.within(30, lambda: done.append(1)) == ""
    assert done == [1]


def test_who_hangs_is_left_alone() -> None:
    over = threading.Event()
    assert time_limits.within(0.1, lambda: over.wait(60)) == "no answer within 0.1 s"
    over.set()


@pytest.mark.parametrize("problem", [ValueError("password=hunter22"), SystemExit(3), KeyboardInterrupt()])
def test_an_error_is_named_by_its_class_alone(problem: BaseException) -> None:
    def fail() -> None:
        raise problem

    assert time_limits.within(30, fail) == type(problem).__name__
