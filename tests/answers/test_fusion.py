"""Weights and probabilities against a world whose answer is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from pipeline.answers import exact, fusion
from pipeline.answers.asked import RESOLVED, THREAD, Pairs
from pipeline.answers.fusion import FIXED, Resolved
from pipeline.answers.related import Related, Relations
from pipeline.answers.scoring import HELPFUL_COUNTS, OWN_WORDS, Asking, Knowledge, total, worth

WORDS = np.array([f"word{n}" for n in range(60)], dtype=object)


def world(by_words: bool, seed: int = 0) -> tuple[Knowledge, Resolved]:
    """40 answers and 120 questions whose words, or whose vectors, say which; the other of the two is noise."""
    rng = np.random.default_rng(seed)
    means, says = rng.normal(size=(40, 16)), rng.integers(0, 60, (40, 6))
    right = rng.integers(0, 40, 120)
    vectors = means[right] if not by_words else means[rng.integers(0, 40, 120)]
    words = says[right] if by_words else says[rng.integers(0, 40, 120)]
    answers = np.array([" ".join(WORDS[one]) for one in says], dtype=object)
    texts = np.array([" ".join(WORDS[rng.permutation(one)[:5]]) for one in words], dtype=object)
    none = np.zeros(0, dtype=np.int64)
    known = Knowledge(
        answers,
        exact.rounded(means),
        Pairs(none, none, none.astype(np.int8)),
        asked=texts[:0],
        asked_vectors=exact.rounded(means[:0]),
        when=none,
    )
    asked = exact.rounded(vectors + 0.1 * rng.normal(size=(120, 16)))
    return known, Resolved(Asking(texts, asked, np.arange(120)), np.stack([np.arange(120), right]))


@pytest.mark.parametrize("by_words", [True, False])
def test_what_tells_the_right_answer_gets_the_weight(by_words: bool) -> None:
    known, resolved = world(by_words)
    fitted = fusion.fit(known, resolved, fewest=50, held_share=0.3)
    words, meaning = fitted.weights[[0, 2]].sum(), fitted.weights[[1, 3, 4]].sum()
    assert bool(words > meaning) == by_words
    assert fitted.weights.sum() == pytest.approx(1, abs=1e-4)
    assert fitted.report["resolved"] == 120
    scores = total(known.parts(resolved.asking), fitted.weights)
    assert (scores.argmax(axis=1) == resolved.right[1]).mean() > (0.6 if by_words else 0.9)


def test_few_resolved_questions_calibrate_and_teach_no_weights(tmp_path: Path) -> None:
    known, resolved = world(by_words=False)
    fitted = fusion.fit(known, resolved, fewest=121, held_share=0.3)
    assert fitted.weights == pytest.approx(FIXED / FIXED.sum())
    assert (fitted.report["learned"], fitted.report["held"]) == (False, 120)
    scores = np.sort(total(known.parts(resolved.asking), fitted.weights), axis=1).astype(np.float64)
    right = total(known.parts(resolved.asking), fitted.weights).argmax(axis=1) == resolved.right[1]
    assert fitted.probability(scores[:, -1], scores[:, -2]).mean() == pytest.approx(right.mean(), abs=0.1)
    fitted.save(tmp_path)
    again = fusion.load(tmp_path)
    assert (again.weights.tolist(), again.right.tolist()) == (fitted.weights.tolist(), fitted.right.tolist())


def test_nothing_resolved_leaves_what_is_fixed() -> None:
    known, resolved = world(by_words=True)
    none = Resolved(resolved.asking.take(slice(0, 0)), resolved.right[:, :0])
    assert fusion.fit(known, none, fewest=1, held_share=0.3).right.tolist() == fusion.START.tolist()


def test_only_questions_before_one_speak_for_an_answer_to_it() -> None:
    vectors = exact.rounded(np.eye(4))
    pairs = Pairs(np.array([0, 1, 2]), np.array([0, 0, 1]), np.array([RESOLVED, THREAD, 1], dtype=np.int8))
    texts = np.array(["a red card", "a blue fee", "a green rate"], dtype=object)
    known = Knowledge(
        np.array(["x", "y"], dtype=object),
        exact.rounded(np.eye(4)[[3, 3]]),
        pairs,
        asked=texts,
        asked_vectors=vectors[:3],
        when=np.array([10, 20, 30]),
    )
    asking = Asking(texts[[0, 0, 1, 2]], vectors[[0, 0, 1, 2]], np.array([10, 11, 21, 99]))
    _, _, words, asked, resolved = known.parts(asking)
    assert asked.tolist() == [[0, 0], [1, 0], [1, 0], [0, 1]]
    assert resolved.tolist() == [[0, 0], [1, 0], [0, 0], [0, pytest.approx(HELPFUL_COUNTS)]]
    assert words[0].tolist() == [0, 0]
    assert words[1, 0] == pytest.approx(0.4)  # each word once, in a text of the usual length
    assert known.nearest(asking, np.array([0, 0, 0, 1])).tolist() == [-1, 0, 1, 2]
    blocks = np.concatenate([found for _, found in known.in_blocks(asking)], axis=1)
    assert (blocks == known.parts(asking)).all()


def test_where_no_question_speaks_it_is_the_answer_itself_that_does() -> None:
    weights = np.array([0.1, 0.2, 0.1, 0.4, 0.2])
    alone = np.array([0.5, 0.6, 0.5 * OWN_WORDS, 0.6, 0.6], dtype=np.float32)
    assert worth(alone[:, None], weights)[:, 0] == pytest.approx([0.05 + 0.015, 0.12 + 0.24 + 0.12, 0, 0, 0])
    asked = np.array([0.5, 0.6, 0.9, 0.6, 0.8], dtype=np.float32)
    assert worth(asked[:, None], weights)[:, 0] == pytest.approx([0.05, 0.12 + 0.24, 0.09, 0, 0.16])


@pytest.mark.parametrize("tells", [True, False])
def test_relations_get_a_weight_where_they_tell_the_right_answer(tells: bool) -> None:
    known, resolved = world(by_words=True)
    right = resolved.right[1]
    names = [f"thing{n}" for n in range(40)]
    given = Relations.of(names, ["part"] * 40, [f"component{n}" for n in range(40)])
    components, things = (sparse.csr_matrix((np.ones(40), (np.arange(40), place)), (40, 80)) for place in places(given))
    about = np.random.default_rng(1).permutation(right) if not tells else right
    answers = np.array(["x"] * 40, dtype=object)
    known.related = Related(given, answers, components)
    asking = replace(resolved.asking, named=things[about])
    fitted = fusion.fit(known, replace(resolved, asking=asking), fewest=50, held_share=0.3)
    assert len(fitted.weights) == 6
    assert (fitted.weights[5] > 0.2) == tells
    scores = total(known.parts(asking), fitted.weights)
    assert (scores.argmax(axis=1) == right).mean() > (0.9 if tells else 0.6)


def places(given: Relations) -> list[np.ndarray]:
    """Of the names, the components and the things, by their number."""
    names = given.names.tolist()
    return [np.array([names.index(f"{kind}{n}") for n in range(40)]) for kind in ("component", "thing")]
