"""What is in every run and what is left to the slow ones."""

from collections.abc import Sequence

import pytest

from tests.conftest import leave_out


class Case:
    """As much of a collected test as is asked."""

    def __init__(self, name: str, few: int | None) -> None:
        self.nodeid = name
        self.marks: list[str] = []
        self.few = None if few is None else pytest.mark.few(few).mark

    def get_closest_marker(self, _: str) -> pytest.Mark | None:
        return self.few

    def add_marker(self, marker: pytest.MarkDecorator) -> None:
        self.marks.append(marker.name)


@pytest.mark.parametrize(
    ("cases", "few", "wanted"), [(6, 2, [0, 3]), (7, 3, [0, 2, 4]), (3, 1, [0]), (2, 4, [0, 1]), (3, None, [0, 1, 2])]
)
def test_few_cases_are_spread_over_all_of_them(cases: int, few: int | None, wanted: Sequence[int]) -> None:
    every = [Case(f"test_it[{n}]", few) for n in range(cases)]
    leave_out(every)  # type: ignore[arg-type]
    assert [n for n, case in enumerate(every) if not case.marks] == wanted
    assert {mark for case in every for mark in case.marks} <= {"slow"}
