"""Compression: each way to make vectors smaller against its definition."""

import numpy as np
import pytest

from tests.benchmarks import compression


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


def test_a_static_table_finds_the_token_vectors_that_texts_are_means_of() -> None:
    rng = np.random.default_rng(2)
    table = rng.normal(size=(9, 4))
    tokens = [rng.integers(0, 9, size=rng.integers(1, 6)).tolist() for _ in range(400)]
    vectors = np.array([table[text].mean(axis=0) for text in tokens])
    found = compression.static_table(compression.token_means(tokens, 12), vectors.astype(np.float32), reg=1e-6)
    np.testing.assert_allclose(found[:9], table, atol=1e-3)
    assert found[9:].any() == pytest.approx(False)
