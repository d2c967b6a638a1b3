"""Cases of one test that walk through the same code: those that differ most in every run, the others with the slow."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def some_slow(every: Iterable[tuple[Any, ...]], *, fast: Callable[..., bool]) -> list[Any]:
    """The values of a parametrised test.

    Args:
        every: the values of each case.
        fast: whether a case is in every run.
    """
    return [pytest.param(*case, marks=() if fast(*case) else (pytest.mark.slow,)) for case in every]
