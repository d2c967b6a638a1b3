"""From labelled documents to a classifier: which recipe, how sure it is, and below which probability it says unknown.

Nothing here is chosen on documents that judge: folds of the training documents are left out in turn.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from pipeline.settings.sections.words import LabelSet
from pipeline.words import classifier, sureness
from pipeline.words.classifier import RECIPES, WITH_UNLABELLED, WORDS_ALONE, Classifier, Recipe
from pipeline.words.spreading import Unlabelled
from pipeline.words.sureness import LeftOut

MOST_TO_CHOOSE = 4000
"""Of more training documents so many choose the recipe."""


@dataclass(frozen=True)
class Examples:
    """Labelled texts.

    Attributes:
        ids: [N] document ids.
        texts: [N].
        vectors: [N, h] float32.
        labels: [N] text.
        languages: [N] text, of each; None: they are not told apart.
    """

    ids: np.ndarray
    texts: np.ndarray
    vectors: np.ndarray
    labels: np.ndarray
    languages: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> "Examples":
        """Some of them, by their places or by a mask."""
        languages = None if self.languages is None else self.languages[rows]
        return Examples(self.ids[rows], self.texts[rows], self.vectors[rows], self.labels[rows], languages)


@dataclass(frozen=True)
class Chosen:
    """A recipe, and how its answers were.

    Attributes:
        recipe: that gets most right of documents left out.
        found: what it said of all of them; where texts without a label take part, of documents that did without theirs.
        apart: there, what it said of them where they took no part; None: none take part.
    """

    recipe: Recipe
    found: LeftOut
    apart: LeftOut | None


def learnable(labels: np.ndarray, least: int) -> np.ndarray:
    """bool [N], whether a document's label has enough examples."""
    names, place, counts = np.unique(labels.astype(str), return_inverse=True, return_counts=True)
    return np.asarray(counts[place] >= least) if len(names) else np.zeros(0, dtype=bool)


def order(ids: np.ndarray) -> np.ndarray:
    """[N] an order of ids that depends on nothing else, and says nothing of them: by their hashes."""
    return np.argsort([hashlib.sha256(str(one).encode()).digest() for one in ids], kind="stable")


def folds(examples: Examples, number: int) -> np.ndarray:
    """[N] the fold of each document; each label is spread over all of them."""
    by_hash = order(examples.ids)
    by_label = by_hash[np.argsort(examples.labels[by_hash].astype(str), kind="stable")]
    found = np.empty(len(examples), dtype=np.int64)
    found[by_label] = np.arange(len(examples)) % number
    return found


def leave_out(
    examples: Examples,
    recipe: Recipe,
    number: int,
    least: int,
    seed: int,
    *,
    unlabelled: Unlabelled | None = None,
    apart: bool = False,
) -> LeftOut:
    """Fit a recipe as often as there are folds, each time without one, and ask it about that one.

    Where texts without a label take part, those of the fold do, as most of what a night labels did, or are `apart`, as
    what is written later: a classifier is surer of what took part, and no more often right.
    """
    of = folds(examples, number)
    best = np.empty(len(examples), dtype=object)
    columns = np.zeros((len(examples), 3))
    for fold in range(number):
        out, taught = np.flatnonzero(of == fold), examples.take(of != fold)
        taught = taught.take(learnable(taught.labels, max(1, least * (number - 1) // number)))
        if not len(out) or len(set(taught.labels)) < 2:  # nothing is said of it, which counts as wrong
            continue
        asked = examples.take(out)
        free = unlabelled if apart or unlabelled is None else unlabelled.and_these(asked.texts, asked.vectors)
        fitted = classifier.fit(taught.vectors, list(taught.texts), taught.labels, recipe, seed, unlabelled=free)
        margins = fitted.margins(asked.vectors, fitted.terms.weights(list(asked.texts)))
        first, _, columns[out] = classifier.leading(margins)
        best[out] = np.array(fitted.labels, dtype=object)[first]
    return LeftOut(best, columns, best == examples.labels)


def choose(examples: Examples, number: int, least: int, seed: int, unlabelled: Unlabelled | None = None) -> Chosen:
    """The recipe that gets most right of documents left out, and what it said of all of them.

    Args:
        examples: the training documents.
        number: of folds.
        least: a label with fewer examples is not learned.
        seed: of the fits.
        unlabelled: texts without a label.
    """
    recipes: tuple[Recipe, ...] = RECIPES if examples.vectors.shape[1] else WORDS_ALONE
    if unlabelled is not None and len(unlabelled) and recipes is RECIPES:
        recipes += WITH_UNLABELLED
    some = examples.take(np.sort(order(examples.ids)[:MOST_TO_CHOOSE]))
    tried = [leave_out(some, recipe, number, least, seed, unlabelled=unlabelled) for recipe in recipes]
    best = int(np.argmax([found.is_right.sum() for found in tried]))
    recipe, found = recipes[best], tried[best]
    if len(some) < len(examples):
        found = leave_out(examples, recipe, number, least, seed, unlabelled=unlabelled)
    apart = None
    if recipe.unlabelled:
        apart = leave_out(examples, recipe, number, least, seed, unlabelled=unlabelled, apart=True)
    return Chosen(recipe, found, apart)


def learn(
    examples: Examples, section: LabelSet, *, number: int, seed: int, unlabelled: Unlabelled | None = None
) -> Classifier:
    """Choose a recipe, calibrate it and fit it to all examples, at least two of whose labels can be learned.

    Args:
        examples: the training documents.
        section: the label set.
        number: of folds.
        seed: of the fits.
        unlabelled: texts without a label.
    """
    chosen = choose(examples, number, section.min_examples, seed, unlabelled)
    return calibrated(fit_all(examples, chosen.recipe, section, seed, unlabelled), chosen, section, examples.languages)


def fit_all(
    examples: Examples, recipe: Recipe, section: LabelSet, seed: int, unlabelled: Unlabelled | None = None
) -> Classifier:
    """Fit a recipe to all examples whose labels can be learned."""
    taught = examples.take(learnable(examples.labels, section.min_examples))
    return classifier.fit(taught.vectors, list(taught.texts), taught.labels, recipe, seed, unlabelled=unlabelled)


def calibrated(
    fitted: Classifier, chosen: Chosen, section: LabelSet, languages: np.ndarray | None = None
) -> Classifier:
    """The classifier with the probabilities and the thresholds that documents left out teach.

    Args:
        fitted: of all of them.
        chosen: what was said of each by one that had not seen it.
        section: the label set.
        languages: [N] text, of each; None: not told apart.
    """
    sure = sureness.learn(chosen.found, section, languages)
    of_others = None if chosen.apart is None else sureness.learn(chosen.apart, section, languages)
    return fitted.calibrated(sure, of_others)
