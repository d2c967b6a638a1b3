"""What terms say of items: the formula against a loop, and queries that nobody asked, misspelt or by another word."""

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix

from pipeline.publication import query_terms

TITLES = ["RED MUG", "Blue Mug with lid", "call of duty black ops", "Tea, pot"]
QUERIES = ["cod", "mug"]
CHOICES = csr_matrix(np.array([[0, 0, 8, 0], [2, 1, 0, 0]], dtype=np.float32))


def test_terms_are_words_between_spaces_and_their_runs_of_letters() -> None:
    assert query_terms.terms("A mug, MUG!") == sorted({" a ", " mug ", " mu", "mug", "ug "})
    assert query_terms.terms("cafe\u0301") == query_terms.terms("CAFÉ")
    assert query_terms.terms(" -- ") == []
    assert [term for term in query_terms.terms("a mug") if query_terms.is_word(term)] == [" a ", " mug "]


def by_hand(query: str, item: int) -> float:
    """The score, from the definition."""
    dense = CHOICES.toarray()

    def share(i: int, term: str) -> float:
        word = query_terms.is_word(term)
        own = [t for t in query_terms.terms(TITLES[i]) if query_terms.is_word(t) == word]
        asked: Counter[str] = Counter()
        for q, text in enumerate(QUERIES):
            for t in query_terms.terms(text):
                if query_terms.is_word(t) == word and dense[q, i]:
                    asked[t] += int(dense[q, i])
        chosen = dense[:, i].sum()
        of_title = own.count(term) / len(own)
        of_asked = asked[term] / asked.total() if asked else 0.0
        return float((10 * of_title + chosen * of_asked) / (10 + chosen))

    total = 0.0
    for term in query_terms.terms(query):
        mean = sum(share(i, term) for i in range(len(TITLES))) / len(TITLES)
        if mean:
            kind = 1.0 if query_terms.is_word(term) else 0.3
            total += kind * math.log(1 + 0.5 * share(item, term) / mean)
    return total


@pytest.mark.parametrize("query", ["mug", "red mgu", "cod black", "teapot", "xyzzy"])
def test_a_score_is_how_much_likelier_the_terms_are(query: str) -> None:
    found = query_terms.fit(TITLES, QUERIES, CHOICES).scores([query]).toarray()[0]
    np.testing.assert_allclose(found, [by_hand(query, i) for i in range(len(TITLES))], rtol=1e-5, atol=1e-6)


def best(query: str) -> str:
    scores = query_terms.fit(TITLES, QUERIES, CHOICES).scores([query]).toarray()[0]
    return TITLES[int(scores.argmax())]


def test_what_is_misspelt_or_run_together_is_found_and_so_is_what_people_call_it() -> None:
    assert best("blackops") == best("blck ops") == best("cod 2") == "call of duty black ops"
    assert best("teapott") == "Tea, pot"


def test_without_queries_titles_alone_speak() -> None:
    none = csr_matrix((0, len(TITLES)), dtype=np.float32)
    found = query_terms.fit(TITLES, [], none).scores(["mug", "cod"]).toarray()
    assert (found[0] > 0).tolist() == [True, True, False, False]
    assert found[0, 0] > found[0, 1]  # of fewer words
    assert not found[1].any()


def test_a_shop_without_texts_has_no_scores() -> None:
    found = query_terms.fit(["", ""], [], csr_matrix((0, 2), dtype=np.float32))
    assert found.scores(["mug"]).nnz == 0


def test_a_long_list_of_a_term_keeps_what_is_best_with_its_popularity() -> None:
    found = query_terms.fit(TITLES, QUERIES, CHOICES)
    popular = np.array([0.0, 5.0, 0.0, 0.0])
    short = query_terms.shortened(found, popular, 1)
    assert (short.weights.tocsc().getnnz(axis=0) == 1).all()
    assert short.weights[1, found.vocabulary[" mug "]] == found.weights[1, found.vocabulary[" mug "]]
    whole = query_terms.shortened(found, popular, 9).weights
    np.testing.assert_array_equal(whole.toarray(), found.weights.toarray())


def test_an_item_without_a_title_is_called_by_the_beginning_of_its_text() -> None:
    items = pa.table({"title": ["MUG", "", None, None], "text": ["a", "b" * 300, "c", None]})
    assert query_terms.titles(items) == ["MUG", "b" * 200, "c", ""]
