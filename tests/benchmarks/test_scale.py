"""What the benchmarks of size conclude from seconds."""

import pytest

from benchmarks import growth, scale


@pytest.mark.parametrize(("serial", "parallel"), [(0.0, 12.0), (3.0, 9.0), (12.0, 0.0)])
def test_the_share_that_runs_in_parallel_is_found_again(serial: float, parallel: float) -> None:
    one, two, sixty_four = (serial + parallel / threads for threads in (1, 2, 64))
    share = scale.parallel_share(one, two, 2)
    assert share == pytest.approx(parallel / one)
    assert scale.extrapolate(one, share, 64) == pytest.approx(sixty_four)
    assert scale.foretold(two, 2, share, 64) == pytest.approx(sixty_four)


def test_what_more_threads_slow_down_is_not_parallel() -> None:
    assert scale.parallel_share(2.0, 2.5, 2) == 0


def test_the_exponent_of_a_square_is_two() -> None:
    assert growth.exponent([1, 3, 10], [4, 36, 400]) == pytest.approx(2)
