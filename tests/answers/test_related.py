"""The part of relations against going through every question, thing, hop and answer, and by hand."""

import re

import numpy as np
import pytest
from scipy import sparse

from pipeline.answers import related
from pipeline.answers.related import DIRECT, HOP, Related, Relations, names_in

NAMES = ("Nova 5", "BP-12 cell", "Nova charger", "Nova 7", "cable")
GIVEN = (
    ("Nova 5", "battery", "BP-12 cell"),
    ("Nova 5", "charger", "Nova charger"),
    ("Nova 7", "charger", "Nova charger"),
    ("Nova charger", None, "cable"),
)
ANSWERS = {
    "The cell lasts ten hours": {"BP-12 cell"},
    "It charges in an hour": {"Nova charger"},
    "The phone has a warranty of two years": {"Nova 5"},
    "The battery of ours is glued in": {"Nova 7"},
    "We are open on Mondays": set[str](),
    "Its cable is a metre long": {"cable", "Nova charger"},
}
QUESTIONS = {
    "how long does the battery last": {"Nova 5"},
    "what about the charger": {"Nova 5", "Nova 7"},
    "which phone is it for": {"Nova charger"},
    "are you open": set[str](),
}


def relations() -> Relations:
    return Relations.of(*(list(column) for column in zip(*GIVEN, strict=True)))


def matrix(named: dict[str, set[str]], names: np.ndarray) -> sparse.csr_matrix:
    return sparse.csr_matrix([[float(one in some) for one in names] for some in named.values()])


def planted() -> tuple[Related, np.ndarray, sparse.csr_matrix]:
    known = relations()
    answers = np.array(list(ANSWERS), dtype=object)
    asked = np.array(list(QUESTIONS), dtype=object)
    return Related(known, answers, matrix(ANSWERS, known.names)), asked, matrix(QUESTIONS, known.names)


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def brute_force(question: str, answer: str) -> float:
    """The best of all things of the answer that the question leads to."""

    def rare(number: int) -> float:
        return float(np.log1p((len(ANSWERS) - number + 0.5) / (number + 0.5)))

    def share(phrase: set[str]) -> float:
        worth = {word: rare(sum(word in words(text) for text in ANSWERS)) ** 2 for word in phrase}
        return sum(worth[word] for word in phrase & words(question)) / sum(worth.values()) if phrase else 0.0

    best = 0.0
    for thing in ANSWERS[answer]:
        factor = rare(sum(thing in some for some in ANSWERS.values())) / rare(0)
        for named in QUESTIONS[question]:
            if named == thing:
                best = max(best, DIRECT * factor)
            for one, relation, other in GIVEN:
                if (one, other) in {(named, thing), (thing, named)}:
                    said = max(share(words(thing) - words(named)), share(words(relation or "") - words(named)))
                    best = max(best, (HOP + (1 - HOP) * said) * factor)
    return best


@pytest.mark.parametrize("at_once", [1, related.HOPS_AT_ONCE])
def test_scores_are_the_best_of_all_ways_to_the_things_of_an_answer(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(related, "HOPS_AT_ONCE", at_once)
    known, asked, named = planted()
    wanted = [[brute_force(question, answer) for answer in ANSWERS] for question in QUESTIONS]
    assert known.scores(asked, named) == pytest.approx(np.array(wanted), abs=1e-6)


def test_the_hop_that_the_question_mentions_is_before_the_thing_and_that_before_another_hop() -> None:
    known, asked, named = planted()
    cell, charger, phone, other, nothing, _ = known.scores(asked, named)[0]
    assert cell > phone > charger > other == nothing == 0
    assert known.why(asked[0], named[0], 0) == "it is about BP-12 cell, the battery of Nova 5"
    assert known.why(asked[0], named[0], 2) == "it is about Nova 5, as the question"
    assert known.why(asked[2], named[2], 2) == "it is about Nova 5, whose charger is Nova charger"
    assert known.why(asked[2], named[2], 5) == "it is about Nova charger, as the question"
    of_cable = Related(known.relations, np.array(["x"], dtype=object), matrix({"x": {"cable"}}, known.relations.names))
    assert of_cable.why(asked[2], named[2], 0) == "it is about cable, which goes with Nova charger"


def test_from_a_thing_with_one_relation_to_very_many_no_hop_leads_and_the_way_back_does() -> None:
    many = [f"part {n}" for n in range(related.MOST_HOPS + 1)]
    given = Relations.of(["brand"] * len(many), ["product"] * len(many), many)
    named = sparse.csr_matrix((given.names[:, None] == np.array(["brand", "part 7"])[None, :]).astype(float).T)
    texts = np.array(["of the brand", "of the part"], dtype=object)
    known = Related(
        given, np.append(texts, "of nothing"), sparse.vstack([named, sparse.csr_matrix((1, len(given.names)))])
    )
    brand, part = known.scores(texts, named)
    assert (brand > 0).tolist() == [True, False, False]
    assert (part > 0).tolist() == [True, True, False]


def test_a_name_is_found_as_words_of_their_own_and_short_and_long_ones_are_not() -> None:
    names = np.array(["Nova 5", "nova-5", "it", "???", "a b c d e f", "Größe M"], dtype=object)
    texts = ["My NOVA 5, it broke", "nova 55 a b c d e f", "größe m passt nicht", ""]
    assert names_in(texts, names).toarray().tolist() == [
        [1, 1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0],
    ]
    assert names_in(texts, names[2:4]).nnz == 0
    assert names_in([], names).shape == (0, 6)


def test_without_answers_or_questions_there_are_no_scores() -> None:
    known, asked, named = planted()
    none = Related(known.relations, asked[:0], named[:0])
    assert none.scores(asked, named).shape == (4, 0)
    assert known.scores(asked[:0], named[:0]).shape == (0, 6)
