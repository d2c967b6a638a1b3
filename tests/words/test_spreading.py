"""Labels that spread to texts without one, against the closed form, and what a classifier learns of them."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from pipeline.settings.sections.words import Classify, LabelSet
from pipeline.words import classifier, learning, spreading, teaching
from pipeline.words.classifier import Recipe
from pipeline.words.documents import LABELS, SCHEMA, Documents
from pipeline.words.spreading import Unlabelled

RECIPE = Recipe("svm", 3.0, 0.3, unlabelled=0.3)


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def clusters(number: int, seed: int, noise: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around three directions, and whose each is."""
    rng = np.random.default_rng(seed)
    of = np.arange(number) % 3
    return unit(np.eye(3, 8)[of] + noise * rng.normal(size=(number, 8)) / np.sqrt(8)), of


def closed_form(vectors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(1 - a) (I - a S)^-1 Y, each column brought to 1; labels -1 are none."""
    cosines = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.fill_diagonal(cosines, -np.inf)
    weights = np.zeros_like(cosines)
    for row, nearest in enumerate(np.argsort(-cosines, axis=1)[:, : spreading.NEIGHBOURS]):
        near = nearest[cosines[row, nearest] > 0]
        weights[row, near] = cosines[row, near] ** spreading.SHARPNESS
    weights = np.maximum(weights, weights.T)
    of_each = weights.sum(axis=1)
    s = weights / np.sqrt(of_each[:, None] * of_each[None, :])
    given = (labels[:, None] == np.arange(3)[None, :]).astype(np.float64)
    found = (1 - spreading.REACH) * np.linalg.solve(np.eye(len(s)) - spreading.REACH * s, given)
    return np.asarray(found / found.sum(axis=0))


def test_labels_spread_as_the_closed_form_says() -> None:
    vectors, of = clusters(90, 0)
    names = np.array(["c", "a", "b"], dtype=object)[of]
    labels, sure = spreading.spread(vectors[:6], names[:6], vectors[6:])
    expected = closed_form(vectors, np.where(np.arange(90) < 6, np.array([2, 0, 1])[of], -1))[6:]
    assert labels.tolist() == np.array(["a", "b", "c"], dtype=object)[expected.argmax(axis=1)].tolist()
    np.testing.assert_allclose(sure, expected.max(axis=1) / expected.sum(axis=1), atol=2e-3)
    assert (labels == names[6:]).mean() > 0.9


def test_where_one_label_dominates_it_does_so_in_what_is_spread() -> None:
    rng = np.random.default_rng(3)
    of = np.where(np.arange(600) % 20 < 18, 0, 1 + np.arange(600) % 2)  # 90, 5 and 5 in a hundred
    vectors = unit(np.eye(3, 8)[of] + 0.9 * rng.normal(size=(600, 8)) / np.sqrt(8))
    names = np.array(["a", "b", "c"], dtype=object)[of]
    labels, _ = spreading.spread(vectors[:100], names[:100], vectors[100:])
    assert (labels == names[100:]).mean() > 0.95
    assert (labels == "a").mean() == pytest.approx(0.9, abs=0.03)


def test_a_text_that_no_label_reaches_is_not_sure_and_not_learned_from() -> None:
    vectors = np.eye(4, dtype=np.float32)[[0, 1, 0, 1, 2, 3]]  # the last two are like nothing
    labels, sure = spreading.spread(vectors[:2], np.array(["a", "b"], dtype=object), vectors[2:])
    assert (labels[:2].tolist(), sure.tolist()) == (["a", "b"], [1.0, 1.0, 0.0, 0.0])
    free = Unlabelled(np.array(["x one", "y two", "zebra", "quince"], dtype=object), vectors[2:])
    fitted = classifier.fit(vectors[:2], ["one", "two"], labels[:2], RECIPE, 0, unlabelled=free)
    without = classifier.fit(vectors[:4], ["one", "two", "x one", "y two"], np.tile(labels[:2], 2), RECIPE, 0)
    assert fitted.terms.vocabulary == without.terms.vocabulary


def test_words_that_no_labelled_text_has_are_learned_from_those_without_a_label() -> None:
    vectors, of = clusters(93, 1, noise=0.3)
    names = np.array(["card", "fee", "rate"], dtype=object)[of]
    texts = np.array([f"{name} w{n}" for n, name in enumerate(names)], dtype=object)
    free = Unlabelled(np.array([f"{text} {name.upper()}ISH" for text, name in zip(texts, names, strict=True)]), vectors)
    fitted = classifier.fit(vectors[:9], list(texts[:9]), names[:9], RECIPE, 0, unlabelled=free)
    nowhere = np.zeros((3, 8), dtype=np.float32)
    best = fitted.answers(nowhere, ["cardish", "feeish", "rateish"]).best
    assert [fitted.labels[one] for one in best] == ["card", "fee", "rate"]


@pytest.mark.parametrize("useful", [True, False])
def test_texts_without_a_label_take_part_only_where_that_is_better(useful: bool) -> None:
    vectors, of = clusters(330, 2, noise=1.5)
    rng = np.random.default_rng(0)
    names = np.array(["a", "b", "c"], dtype=object)[of]
    texts = np.array([f"t{n}" for n in range(330)], dtype=object)
    examples = learning.Examples(texts[:30], texts[:30], vectors[:30], names[:30])
    shown = vectors[30:] if useful else unit(rng.normal(size=(300, 8)))
    free = Unlabelled(texts[30:], shown)
    chosen = learning.choose(examples, 3, 1, 0, free)
    of_each = [
        learning.leave_out(examples, one, 3, 1, 0, unlabelled=free).is_right.sum()
        for one in (*classifier.RECIPES, *classifier.WITH_UNLABELLED)
    ]
    assert chosen.found.is_right.sum() == max(of_each)
    assert bool(chosen.recipe.unlabelled) == (int(np.argmax(of_each)) == 3) == (chosen.apart is not None)


NIGHT = date(2024, 5, 7)


def documents(label_since: date = NIGHT) -> Documents:
    """d0 is labelled; what could take part with it, and what could not."""
    rows = [
        ("d0", "known", 0, 0, "question"),
        ("d1", "known", 0, 0, "question"),  # the same text
        ("d2", "older", 3, 3, "question"),
        ("d3", "older", 2, 3, "question"),  # the same text, written later
        ("d4", "recent", 1, 1, "question"),
        ("d5", "tomorrow", -1, -1, "question"),  # came after the last that is labelled
        ("d6", "long ago", 200, 1, "question"),
        ("d7", "a review", 1, 1, "review"),
        ("d8", "long ago", -1, 1, "question"),  # said again after the last that is labelled
    ]
    noon = datetime(NIGHT.year, NIGHT.month, NIGHT.day, 12, tzinfo=UTC)
    made = [
        {
            "document_id": name,
            "text": text,
            "text_key": text,
            "time": noon - timedelta(days=ago),
            "kind": kind,
            "text_since": NIGHT - timedelta(days=since),
            "day": (NIGHT - timedelta(days=ago)).toordinal() - date(1970, 1, 1).toordinal(),
        }
        for name, text, ago, since, kind in rows
    ]
    labels = [{"document_id": "d0", "label_set": "intent", "label": "card", "label_since": label_since}]
    return Documents(pa.Table.from_pylist(made, SCHEMA), pa.Table.from_pylist(labels, LABELS))


def test_the_latest_texts_without_a_label_take_part_each_once() -> None:
    every = documents()
    known, section = every.of("intent"), LabelSet(kinds=("question",))
    assert teaching.unlabelled(every, known, section, Classify()).tolist() == [3, 4]
    assert teaching.unlabelled(every, known, LabelSet(), Classify(most_unlabelled=2)).tolist() == [7, 4]  # by hash
    assert teaching.unlabelled(every, known, section, Classify(most_unlabelled=0)).tolist() == []
    assert teaching.unlabelled(every, known, section, Classify(model="none")).tolist() == []
    assert teaching.unlabelled(every, every.of("urgency"), section, Classify()).tolist() == []


def test_a_label_given_later_lets_take_part_what_was_known_by_then() -> None:
    every = documents(label_since=NIGHT + timedelta(days=1))
    section = LabelSet(kinds=("question",))
    # "long ago" was said again on the next day, and "tomorrow" came on it
    assert teaching.unlabelled(every, every.of("intent"), section, Classify()).tolist() == [8, 3, 4, 5]
