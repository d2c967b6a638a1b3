"""Words and word pairs become TF-IDF rows; the projection keeps their products."""

from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from pipeline.encoder import lexicon

TEXTS = ["RED MUG", "red plate", "blue mug", "blue plate", "red mug large", "blue lamp, large"]


def test_rows_are_the_textbook_tfidf() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    found = lexicon.fit(TEXTS, 3, seed=0)
    theirs = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    expected = theirs.fit_transform(TEXTS).toarray()
    assert list(found.vocabulary) == list(theirs.get_feature_names_out())
    np.testing.assert_allclose(found.tfidf(TEXTS).toarray(), expected, atol=1e-6)


def test_the_projection_keeps_cosines_when_it_is_long_enough() -> None:
    found = lexicon.fit(TEXTS, 20, seed=0)
    exact, short = found.tfidf(TEXTS).toarray(), found.encode(TEXTS)
    np.testing.assert_allclose(short @ short.T, exact @ exact.T, atol=1e-5)


def test_unknown_words_and_no_lexicon(tmp_path: Path) -> None:
    found = lexicon.fit(TEXTS, 4, seed=0)
    assert not found.encode(["", "zebra"]).any()
    assert lexicon.fit(TEXTS, 0, seed=0).encode(TEXTS).shape == (6, 0)
    found.save(tmp_path)
    np.testing.assert_array_equal(lexicon.load(tmp_path).encode(TEXTS), found.encode(TEXTS))


def test_any_number_of_blas_threads_gives_the_same_bytes() -> None:
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice([f"w{n}" for n in range(400)], size=4)) for _ in range(2000)]
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            found.append(lexicon.fit(texts, 128, seed=0).projection)
    np.testing.assert_array_equal(*found)
