"""Compression: each way to make vectors smaller against its definition."""

import numpy as np

from benchmarks import compression


def test_int8_is_within_half_a_step() -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    vectors[3] = 0
    step = np.abs(vectors).max(axis=1, keepdims=True) / 127
    assert (np.abs(compression.int8(vectors) - vectors) <= step / 2 + 1e-7).all()


def test_all_principal_coordinates_keep_every_angle() -> None:
    vectors = np.random.default_rng(1).normal(size=(30, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    short = compression.principal(vectors, vectors[:20], 6)
    np.testing.assert_allclose(short @ short.T, vectors @ vectors.T, atol=1e-5)
