"""Logistic curves: the weights that data were drawn with, and the same bits with any number of threads."""

import numpy as np
import pytest

from pipeline.arrays import logistic
from pipeline.arrays.determinism import blas_threads


def test_the_weights_are_those_the_labels_were_drawn_with_whoever_shares_the_work() -> None:
    rng = np.random.default_rng(6)
    columns = np.stack([rng.normal(size=400_000), np.ones(400_000)], axis=1)
    label = (rng.random(400_000) < logistic.sigmoid(columns @ np.array([0.7, -2.0]))).astype(float)
    settings = {"ridge": np.full(2, 1e-3), "towards": np.zeros(2), "iterations": 20}
    found = []
    for threads in (1, 2, 4):
        with blas_threads(threads):
            found.append(logistic.fit(columns, label, np.zeros(2), **settings))
    assert found[0] == pytest.approx([0.7, -2.0], abs=0.02)
    assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()
