"""What is learned of labelled texts against answers known without the code."""

import numpy as np
import pytest

from pipeline.settings.sections.words import Classify, LabelSet
from pipeline.words import classifier, fitting, learning, quality, terms, wanted
from pipeline.words.classifier import Recipe

RECIPE = Recipe("svm", 0.0, 1.0)


def test_the_latest_judge_and_hashes_where_all_are_of_one_moment() -> None:
    ids, section = np.array([f"d{n}" for n in range(100)], dtype=object), Classify()
    by_time = fitting.split(ids, np.arange(100), section)
    assert by_time.by_time
    assert np.flatnonzero(by_time.held).tolist() == list(range(80, 100))
    alike = fitting.split(ids, np.zeros(100, dtype=np.int64), section)
    assert (alike.by_time, int(alike.held.sum())) == (False, 20)
    assert not fitting.split(ids[:2], np.arange(2), section).held.any()


def test_precision_recall_and_f1_are_counted() -> None:
    given = np.array(["a", "a", "a", "b", "b", "x"], dtype=object)
    best = np.array(["a", "a", "b", "b", "a", "a"], dtype=object)
    unknown = np.array([False, True, False, False, False, True])
    judged = quality.Judged(given, best, np.full(6, 0.5), unknown, given != "x")
    found = {(row["label"], row["metric"]): row["value"] for row in quality.figures("s", judged, 0)}
    assert found["a", "precision"] == pytest.approx(1 / 2)
    assert found["a", "recall"] == pytest.approx(1 / 3)
    assert found["a", "f1"] == pytest.approx(2 / 5)
    assert found["b", "f1"] == pytest.approx(2 / 4)
    assert found[None, "macro_f1"] == pytest.approx((0.4 + 0.5) / 2)
    assert found[None, "accuracy"] == pytest.approx(3 / 5)
    assert found[None, "answered"] == pytest.approx(4 / 6)
    assert found[None, "precision"] == pytest.approx(2 / 4)
    assert found[None, "unknown_recall"] == 1


def test_a_label_may_be_called_all() -> None:
    given = np.array(["all", "b", "b", "b"], dtype=object)
    judged = quality.Judged(given, given[::-1], np.full(4, 0.5), np.zeros(4, bool), np.ones(4, bool))
    found = {(row["label"], row["metric"]): row["value"] for row in quality.figures("s", judged, 0)}
    assert (found["all", "precision"], found[None, "precision"]) == (0, pytest.approx(2 / 4))


@pytest.mark.filterwarnings("error")
def test_where_all_is_outside_of_the_set_there_are_no_figures_of_labels() -> None:
    given, none = np.array(["a", "b"], dtype=object), np.zeros(2, bool)
    figures = quality.figures("s", quality.Judged(given, given, np.full(2, 0.5), ~none, none), 0)
    assert {row["label"] for row in figures} == {None}
    assert next(row["value"] for row in figures if row["metric"] == "unknown_recall") == 1


def test_where_a_fold_leaves_one_label_nothing_is_right_and_nothing_sure() -> None:
    labels = np.array(["a", *"bbbbbbb"], dtype=object)
    ids, texts = (np.array([f"{kind}{n}" for n in range(8)], dtype=object) for kind in ("d", "text "))
    examples = learning.Examples(ids, texts, np.zeros((8, 0), dtype=np.float32), labels)
    out = learning.folds(examples, 3) == learning.folds(examples, 3)[0]  # the fold of the only a
    found = learning.choose(examples, 3, 1, 0).found
    assert list(found.best[out]) == [None] * int(out.sum())
    assert not found.is_right[out].any()
    assert found.is_right[~out].all()
    fitted = learning.learn(examples.take(np.array([0, 1])), LabelSet(min_examples=1), number=3, seed=0)
    assert fitted.sure.curve.threshold > 1


def test_an_interval_of_a_share_is_that_of_the_binomial() -> None:
    right = np.arange(400) % 4 != 0  # three quarters
    given = np.where(right, "a", "b").astype(object)
    judged = quality.Judged(
        given, np.full(400, "a", dtype=object), np.full(400, 0.75), np.zeros(400, bool), right | True
    )
    row = next(r for r in quality.figures("s", judged, 0) if r["metric"] == "accuracy")
    half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert [row["low"], row["high"]] == pytest.approx([0.75 - half, 0.75 + half], abs=0.01)
    error = next(r for r in quality.figures("s", judged, 0) if r["metric"] == "calibration_error")
    assert error["value"] == pytest.approx(0)


def test_two_classifiers_differ_only_where_the_interval_says_so() -> None:
    assert not quality.compare(np.ones(5), np.zeros(5), 0).is_lost
    assert not quality.compare(np.zeros(5), np.ones(5), 0).is_lost  # too few
    assert quality.compare(np.zeros(50), np.ones(50), 0).is_lost
    assert not quality.compare(np.r_[np.zeros(5), np.ones(45)], np.r_[np.ones(5), np.zeros(5), np.ones(40)], 0).is_lost


def test_a_classifier_is_the_same_after_it_was_saved_and_in_any_company(tmp_path) -> None:
    texts = [f"{word} {n}" for n in range(6) for word in ("card lost", "fee high", "rate wrong")]
    labels = np.array(["card", "fee", "rate"] * 6, dtype=object)
    vectors = np.eye(18, dtype=np.float32)[:, :5]
    for recipe in (Recipe("svm", 2.0, 1.0), Recipe("logistic", 1.0, 30.0, terms=False)):
        fitted = classifier.fit(vectors, texts, labels, recipe, 0)
        folder = tmp_path / recipe.head
        folder.mkdir()
        fitted.save(folder)
        whole = fitted.answers(vectors, texts).probability
        assert (classifier.load(folder).answers(vectors, texts).probability == whole).all()
        alone = [fitted.answers(vectors[n : n + 1], texts[n : n + 1]).probability[0] for n in range(18)]
        assert (np.array(alone) == whole).all()


def test_answers_are_the_same_however_many_are_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{word} {n}" for n in range(6) for word in ("card lost", "fee high", "rate wrong")]
    fitted = classifier.fit(np.zeros((18, 0), np.float32), texts, np.array(["card", "fee", "rate"] * 6), RECIPE, 0)
    whole = fitted.answers(np.zeros((18, 0), np.float32), texts)
    monkeypatch.setattr(classifier, "AT_ONCE", 7)
    parts = fitted.answers(np.zeros((18, 0), np.float32), texts)
    for name in ("best", "second", "probability"):
        assert getattr(parts, name).tolist() == getattr(whole, name).tolist()


def test_terms_weigh_as_their_definition_says() -> None:
    texts = ["fee fee card", "card", "rate"]
    known = terms.fit(texts)
    words = known.vocabulary["words"]
    row = known.weights(texts).toarray()[0][: len(words)]
    idf = {word: np.log((1 + 3) / (1 + sum(word in f" {text} " for text in texts))) + 1 for word in words}
    counts = {"fee": 2, "card": 1, "fee fee": 1, "fee card": 1}
    wanted_row = np.array([(1 + np.log(counts[word])) * idf[word] if word in counts else 0 for word in words])
    assert row == pytest.approx(wanted_row / np.linalg.norm(wanted_row), abs=1e-5)


def test_those_wanted_are_unsure_and_unlike_one_another() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    assert wanted.choose(np.array([0.9, 0.89, 0.5, 0.4]), vectors, 2).tolist() == [0, 2]
    assert wanted.choose(np.array([0.9, 0.89, 0.5, 0.4]), vectors[:, :0], 2).tolist() == [0, 1]
    assert wanted.choose(np.zeros(0), vectors[:0], 2).tolist() == []
