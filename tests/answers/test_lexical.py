"""BM25 against its formula, word by word."""

import math
import re

import numpy as np
import pytest

from pipeline.answers import lexical

DOCUMENTS = ["The card, the CARD is late", "a fee was charged", "card fees", "nothing here of use"]


def by_hand(query: str, number: int) -> float:
    """The share that a document has of a query's most."""
    words = [re.findall(r"\w+", text.lower()) for text in DOCUMENTS]
    mean = sum(map(len, words)) / len(words)

    def rare(word: str) -> float:
        has = sum(word in one for one in words)
        return math.log(1 + (len(words) - has + 0.5) / (has + 0.5)) ** 2

    asked = set(re.findall(r"\w+", query.lower()))
    score = 0.0
    for word in asked:
        count = words[number].count(word)
        score += rare(word) * count * 2.5 / (count + 1.5 * (0.25 + 0.75 * len(words[number]) / mean))
    return score / sum(rare(word) * 2.5 for word in asked)


@pytest.mark.parametrize(
    "query", ["card", "card card fee", "is the card late?", "card zebra", "zebra", "fees charged a"]
)
def test_scores_are_those_of_the_formula(query: str) -> None:
    known = lexical.learn(DOCUMENTS)
    found = lexical.shares(known.queries([query]), known.documents(DOCUMENTS))
    assert found[0] == pytest.approx([by_hand(query, number) for number in range(4)], abs=1e-6)


def test_texts_without_a_word_answer_nothing() -> None:
    for documents in (["?!", "..."], []):
        known = lexical.learn(documents)
        found = lexical.shares(known.queries(["card", "?"]), known.documents(documents))
        assert found.shape == (2, len(documents))
        assert not found.any()
    known = lexical.learn(DOCUMENTS)
    assert not np.isnan(lexical.shares(known.queries([""]), known.documents(DOCUMENTS))).any()
