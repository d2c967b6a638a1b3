"""Items by their texts: what is added up and scored once per text is what every item for itself gives."""

import numpy as np
import pytest

from pipeline.sources import language_model, texts
from pipeline.sources.language_model import LanguageModel
from pipeline.sources.texts import Texts


@pytest.fixture
def repeated(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """[60, 5] vectors of 60 items that have 12 texts, one of which says nothing."""
    monkeypatch.setattr(texts, "FEW", 100)
    different = np.random.default_rng(4).normal(size=(12, 5)).astype(np.float32)
    different[3] = 0
    return different[np.random.default_rng(5).integers(0, 12, 60)]


def test_every_item_has_its_text_and_the_first_items_have_the_first_texts(repeated: np.ndarray) -> None:
    found = Texts.of(repeated)
    assert found is not None
    assert len(found.vectors) == len(np.unique(repeated, axis=0))
    np.testing.assert_array_equal(found.vectors[found.of_items], repeated)
    for items in (0, 1, 7, 60):
        first = found.first(items)
        assert len(first.vectors) == len(np.unique(repeated[:items], axis=0))
        np.testing.assert_array_equal(first.vectors[first.of_items], repeated[:items])


def test_a_small_catalogue_and_one_of_different_texts_are_left_as_they_are(repeated: np.ndarray) -> None:
    assert Texts.of(repeated[:10]) is None
    assert Texts.of(np.random.default_rng(6).normal(size=(60, 5)).astype(np.float32)) is None


def test_a_gram_matrix_of_weighed_rows() -> None:
    rng = np.random.default_rng(7)
    rows, weights = rng.normal(size=(9, 3)), rng.integers(0, 3, 9)
    expected = sum(w * np.outer(row, row) for row, w in zip(rows, weights, strict=True))
    np.testing.assert_allclose(texts.weighed_gram(rows, weights), expected)


def test_preferences_by_text_are_the_preferences_by_item(repeated: np.ndarray) -> None:
    from scipy.sparse import random as random_sparse

    history = random_sparse(30, 60, 0.1, "csr", np.float32, random_state=8)
    section = LanguageModel()
    by_text = language_model.fit_preferences(history, repeated, section, Texts.of(repeated))
    np.testing.assert_allclose(by_text, language_model.fit_preferences(history, repeated, section), rtol=1e-4)


def test_profiles_of_a_crowd_are_added_up_by_items() -> None:
    from scipy.sparse import random as random_sparse

    rng = np.random.default_rng(9)
    history = random_sparse(400, 6, 0.2, "csr", np.float32, random_state=10)
    vectors = rng.normal(size=(6, 4)).astype(np.float32)
    profiles = history.toarray().astype(np.float64) @ vectors
    assert history.shape[0] > language_model.CROWD * history.shape[1]
    found = language_model._gram_of_users(history, vectors)
    np.testing.assert_allclose(found, profiles.T @ profiles, rtol=1e-6)
