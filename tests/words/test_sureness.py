"""How sure a classifier is of its answers, against shares that are known and documents that it has not seen."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.settings.sections.words import LabelSet
from pipeline.words import classifier, learning, sureness
from pipeline.words.learning import Chosen, Examples
from pipeline.words.spreading import Unlabelled
from tests.words.test_spreading import RECIPE, clusters


def test_the_threshold_is_the_lowest_at_which_the_precision_held() -> None:
    probability = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    is_right = np.array([True, True, False, True, False])
    assert sureness.threshold(probability, is_right, LabelSet(precision=0.7)) == 0.6  # 3 of 4; 3 of 5 is too few
    assert sureness.threshold(probability, is_right, LabelSet(precision=0.9)) == 0.8
    assert sureness.threshold(probability, ~is_right, LabelSet(precision=0.9)) > 1
    assert sureness.threshold(probability, is_right, LabelSet(wrong_cost=4)) == 0.75


def test_calibrated_probabilities_are_the_shares_that_are_right() -> None:
    rng = np.random.default_rng(0)
    margin = rng.normal(size=20_000)
    is_right = rng.random(20_000) < 1 / (1 + np.exp(-(0.5 + 2 * margin)))
    right = sureness.calibrate(np.stack([np.ones(20_000), margin, np.zeros(20_000)], axis=1), is_right)
    assert right[:2] == pytest.approx([0.5, 2.0], abs=0.1)


def test_how_sure_an_answer_is_is_learned_in_each_language_as_by_itself(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    number = 200
    columns = np.column_stack([np.ones(number), rng.normal(1, 1, number), rng.exponential(1, number)])
    right = rng.random(number) < np.where(np.arange(number) < 120, 0.95, 0.4)
    best = np.array(["card"] * number, dtype=object)
    languages = np.array(["en"] * 120 + ["pt"] * 70 + ["de"] * 10, dtype=object)
    section = LabelSet(precision=0.9)
    texts = [f"{name} {n}" for n in range(4) for name in ("card", "fee")]
    vectors = np.zeros((len(texts), 0), dtype=np.float32)
    labels = np.array(["card", "fee"] * 4, dtype=object)
    fitted = classifier.fit(vectors, texts, labels, classifier.WORDS_ALONE[0], 0)
    chosen = learning.Chosen(fitted.recipe, sureness.LeftOut(best, columns, right), None)
    found = learning.calibrated(fitted, chosen, section, languages)
    assert found.sure.in_languages.keys() == {"en", "pt"}  # ten documents say nothing
    for name, curve in found.sure.in_languages.items():
        mine = languages == name
        alone = sureness.learn(sureness.LeftOut(best[mine], columns[mine], right[mine]), section).curve
        np.testing.assert_array_equal(curve.right, alone.right)
        assert curve.threshold == alone.threshold
    found.save(tmp_path)
    asked = np.array(["en", "pt", "de", "unknown"] * 2, dtype=object)
    answers = classifier.load(tmp_path).answers(vectors, texts, asked)
    at = [found.sure.in_languages[name].threshold for name in ("en", "pt")]
    assert answers.threshold.tolist() == [*at, sureness.NEVER, found.sure.curve.threshold] * 2
    whole = fitted.calibrated(sureness.Sureness(found.sure.curve), None).answers(vectors, texts)
    np.testing.assert_allclose(answers.probability[2:4], whole.probability[2:4], rtol=1e-12)


def taught_beside_others(number: int) -> tuple[Examples, Unlabelled, Examples]:
    """Few examples of three labels, texts without a label, and so many that come later, told by their vectors."""
    vectors, of = clusters(830 + number, 4, noise=1.5)
    texts = np.array([f"t{n}" for n in range(len(of))], dtype=object)
    every = Examples(texts, texts, vectors, np.array(["a", "b", "c"], dtype=object)[of])
    return every.take(np.arange(30)), Unlabelled(texts[30:830], vectors[30:830]), every.take(np.arange(830, len(of)))


def test_of_texts_that_took_no_part_it_is_as_sure_as_of_those_left_out_that_took_none(tmp_path: Path) -> None:
    examples, free, later = taught_beside_others(4000)
    section = LabelSet(precision=0.8, min_examples=1)
    joined = learning.leave_out(examples, RECIPE, 5, 1, 0, unlabelled=free)
    apart = learning.leave_out(examples, RECIPE, 5, 1, 0, unlabelled=free, apart=True)
    fitted = learning.calibrated(
        learning.fit_all(examples, RECIPE, section, 0, free), Chosen(RECIPE, joined, apart), section
    )
    fitted.save(tmp_path)
    vectors, texts = np.concatenate([free.vectors, later.vectors]), [*free.texts, *later.texts]
    answers = classifier.load(tmp_path).answers(vectors, texts)
    for found, some in ((joined, np.arange(800)), (apart, np.arange(800, len(texts)))):
        sure = sureness.learn(found, section)
        alone = fitted.calibrated(sure, None).answers(vectors[some], [texts[one] for one in some])
        np.testing.assert_array_equal(answers.probability[some], alone.probability)
        np.testing.assert_array_equal(answers.threshold[some], alone.threshold)


def test_where_no_text_without_a_label_takes_part_there_is_one_curve() -> None:
    examples, _, _ = taught_beside_others(0)
    assert learning.choose(examples, 3, 1, 0).apart is None
    fitted = learning.learn(examples, LabelSet(min_examples=1), number=3, seed=0)
    assert (fitted.sure_of_others, len(fitted.seen)) == (None, 0)


def test_a_classifier_that_was_written_before_there_were_two_curves_is_read(tmp_path: Path) -> None:
    examples, _, later = taught_beside_others(10)
    fitted = learning.learn(examples, LabelSet(min_examples=1), number=3, seed=0)
    fitted.save(tmp_path)
    (tmp_path / "seen.npy").unlink()
    for one in (fitted, classifier.load(tmp_path)):
        found = one.answers(later.vectors, list(later.texts))
        np.testing.assert_array_equal(found.probability, fitted.answers(later.vectors, list(later.texts)).probability)


def test_texts_are_told_apart_by_the_first_eight_bytes_of_their_sha256() -> None:
    assert sureness.fingerprints(["abc"]).tolist() == [int.from_bytes(bytes.fromhex("ba7816bf8f01cfea"), "little")]
    assert sureness.fingerprints([]).tolist() == []
