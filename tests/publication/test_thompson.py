"""The chance to be the best, against samples, and where it is plain."""

import numpy as np
import pytest

from pipeline.publication import thompson


@pytest.mark.parametrize("size", [2, 7, 50])
def test_chances_are_those_of_samples(size: int) -> None:
    rng, many = np.random.default_rng(size), 100_000
    means, deviations = rng.normal(-3, 1, (3, size)), rng.uniform(0.05, 1, (3, size))
    among = rng.random((3, size)) < 0.8
    among[:, 0] = True
    found = thompson.chance_to_be_best(means, deviations, among)
    assert found.sum(axis=1) == pytest.approx(1)
    assert (found[~among] == 0).all()
    for row in range(3):
        values = np.where(among[row], rng.normal(means[row], deviations[row], (many, size)), -np.inf)
        often = np.bincount(values.argmax(axis=1), minlength=size) / many
        assert found[row] == pytest.approx(often, abs=4.5 * 0.5 / many**0.5)


def test_what_is_plain() -> None:
    means = np.array([[0.0, 0.0, -9.0], [2.0, 0.0, 1.0], [0.0, 0.0, 0.0], [5.0, 1.0, 1.0]])
    deviations = np.array([[0.3, 0.3, 0.1], [1e-9, 1e-9, 1e-9], [1.0, 1.0, 1.0], [0.1, 0.1, 0.1]])
    among = np.array([[True] * 3, [True] * 3, [False, True, False], [False] * 3])
    found = thompson.chance_to_be_best(means, deviations, among)
    assert found[0] == pytest.approx([0.5, 0.5, 0])
    assert found[1] == pytest.approx([1, 0, 0])
    assert found[2] == pytest.approx([0, 1, 0])
    assert found[3].tolist() == [0, 0, 0]
    assert thompson.uncertainty(np.array([0, 3, 99])) == pytest.approx([1, 0.5, 0.1])
    assert thompson.log_odds(np.array([0.5, 0.0, 1.0, -np.inf])) == pytest.approx(
        np.log([1, 1e-6, 1e6, 1e-6]), abs=1e-5
    )
