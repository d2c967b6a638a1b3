"""A linear classifier over a text's vector and its terms, with the probability that its answer is right.

    margins = vectors @ V + terms @ T + b        [N, C]

Source: Fan et al., "LIBLINEAR", JMLR 2008.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.arrays.blocks import blocks
from pipeline.words import spreading, sureness
from pipeline.words import terms as texts_terms
from pipeline.words.spreading import Unlabelled
from pipeline.words.sureness import Sureness
from pipeline.words.terms import Terms

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Recipe:
    """How a classifier is fitted.

    Attributes:
        head: "svm" (one against the rest, squared hinge) or "logistic" (softmax).
        weight: of the vector beside the terms; 0: the terms alone.
        inverse_reg: liblinear's C.
        terms: whether the terms take part.
        unlabelled: how much a text without a label counts, times how sure is the label that is spread to it.
    """

    head: str
    weight: float
    inverse_reg: float
    terms: bool = True
    unlabelled: float = 0.0


RECIPES = (
    Recipe("svm", 3.0, 0.3),
    Recipe("svm", 2.0, 1.0),
    Recipe("logistic", 1.0, 30.0, terms=False),
)
"""What is chosen from, by what they get right of documents left out; of equals the first."""
WITH_UNLABELLED = (Recipe("svm", 3.0, 0.3, unlabelled=0.3),)
"""Beside these, where there are texts without a label."""
AT_ONCE = 10_000
"""Texts whose terms and margins are in memory at a time."""
ARRAYS = ("of_vectors", "of_terms", "bias", "seen")
WORDS_ALONE = (Recipe("svm", 0.0, 0.3), Recipe("svm", 0.0, 1.0))
"""The same without an encoder."""


@dataclass(frozen=True)
class Classifier:
    """What is needed to give a text its label.

    Attributes:
        labels: [C] sorted.
        of_vectors: [h, C] float32.
        of_terms: [V, C] float32.
        bias: [C] float32.
        terms: the terms.
        recipe: how it was fitted.
        seen: [T] uint64, where texts without a label took part the fingerprints of all that did; else empty.
        sure: how sure its answers are; where there are `seen`, of these.
        sure_of_others: how sure they are of texts that took no part; None: as of those that did.
    """

    labels: tuple[str, ...]
    of_vectors: np.ndarray
    of_terms: np.ndarray
    bias: np.ndarray
    terms: Terms
    recipe: Recipe
    seen: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    sure: Sureness = field(default_factory=Sureness)
    sure_of_others: Sureness | None = None

    def margins(self, vectors: np.ndarray, weights: "csr_matrix") -> np.ndarray:
        """[N, C] float64. Summed row by row in one order, so that a text has the same bytes in whatever company."""
        from scipy import sparse

        dense = sparse.csr_matrix(vectors.astype(np.float64)) @ self.of_vectors.astype(np.float64)
        return np.asarray(dense + weights.astype(np.float64) @ self.of_terms.astype(np.float64) + self.bias)

    def answers(self, vectors: np.ndarray, texts: list[str], languages: np.ndarray | None = None) -> "Answers":
        """The best two labels of texts, at least one, and the probability that the best is right; AT_ONCE at a time.

        Args:
            vectors: [N, h] unit vectors of the texts.
            texts: [N].
            languages: [N] text, of each; None: they are not told apart.
        """
        asked = blocks(len(texts), AT_ONCE)
        found = [leading(self.margins(vectors[some], self.terms.weights(texts[some]))) for some in asked]
        best, second, columns = (np.concatenate(parts) for parts in zip(*found, strict=True))
        probability, threshold = self.sure.of(columns, languages)
        if self.sure_of_others is not None:
            others = ~np.isin(sureness.fingerprints(texts), self.seen)
            theirs, below = self.sure_of_others.of(columns, languages)
            probability, threshold = np.where(others, theirs, probability), np.where(others, below, threshold)
        return Answers(best, second, probability, threshold)

    def calibrated(self, sure: Sureness, sure_of_others: Sureness | None) -> "Classifier":
        """The same, otherwise sure of its answers."""
        return replace(self, sure=sure, sure_of_others=sure_of_others)

    def save(self, folder: Path) -> None:
        """Write classifier.json, the arrays and the terms."""
        said: dict[str, Any] = {"labels": self.labels, "recipe": asdict(self.recipe)} | self.sure.said()
        if self.sure_of_others is not None:
            said["of_others"] = self.sure_of_others.said()
        (folder / "classifier.json").write_text(json.dumps(said, ensure_ascii=False, sort_keys=True) + "\n")
        for name in ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))
        self.terms.save(folder)


@dataclass(frozen=True)
class Answers:
    """What a classifier says of texts.

    Attributes:
        best, second: [N] int64 places of the labels.
        probability: [N] float64, that the best is right.
        threshold: [N] float64, below which the answer is unknown.
    """

    best: np.ndarray
    second: np.ndarray
    probability: np.ndarray
    threshold: np.ndarray


def load(folder: Path) -> Classifier:
    """Read what `Classifier.save` wrote."""
    said: dict[str, Any] = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
    # `seen` is not in what was written before there were two curves
    names = [name for name in ARRAYS if name != "seen" or (folder / "seen.npy").is_file()]
    arrays = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in names}
    return Classifier(
        labels=tuple(said["labels"]),
        **arrays,
        terms=texts_terms.load(folder),
        recipe=Recipe(**said["recipe"]),
        sure=sureness.read(said),
        sure_of_others=sureness.read(said["of_others"]) if "of_others" in said else None,
    )


def leading(margins: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of margins [N, C], C > 1: the best and the second place [N], and the columns [N, 3] that p(right) is made of."""
    rows = np.arange(len(margins))
    best = margins.argmax(axis=1)
    rest = margins.copy()
    rest[rows, best] = -np.inf
    second = rest.argmax(axis=1)
    first = margins[rows, best]
    return best, second, np.stack([np.ones(len(margins)), first, first - margins[rows, second]], axis=1)


def fit(
    vectors: np.ndarray,
    texts: list[str],
    labels: np.ndarray,
    recipe: Recipe,
    seed: int,
    *,
    unlabelled: Unlabelled | None = None,
) -> Classifier:
    """Fit a recipe; how sure its answers are is to be learned.

    Args:
        vectors: [N, h] float32 unit vectors of the texts.
        texts: [N].
        labels: [N] text, at least two different.
        recipe: how.
        seed: of liblinear's order.
        unlabelled: texts without a label, which take part as the recipe says.
    """
    from scipy import sparse

    counts, seen = np.ones(len(texts)), np.zeros(0, dtype=np.uint64)
    if unlabelled is not None and len(unlabelled) and recipe.unlabelled:
        spread, sure = spreading.spread(vectors, labels, unlabelled.vectors)
        reached = np.flatnonzero(sure > 0)
        vectors, labels = np.concatenate([vectors, unlabelled.vectors[reached]]), np.append(labels, spread[reached])
        texts, counts = [*texts, *unlabelled.texts[reached]], np.append(counts, recipe.unlabelled * sure[reached])
        seen = np.unique(sureness.fingerprints(texts))
    terms = texts_terms.fit(texts) if recipe.terms else Terms(dict.fromkeys(texts_terms.HOW, ()), _no_idf())
    columns = sparse.hstack([sparse.csr_matrix(vectors * np.float32(recipe.weight)), terms.weights(texts)]).tocsr()
    names, weights, bias = _linear(columns, labels.astype(str), counts, recipe, seed)
    of_vectors = weights[: vectors.shape[1]] * recipe.weight
    return Classifier(
        labels=names,
        of_vectors=of_vectors.astype(np.float32),
        of_terms=weights[vectors.shape[1] :].astype(np.float32),
        bias=bias.astype(np.float32),
        terms=terms,
        recipe=recipe,
        seen=seen,
    )


def _no_idf() -> dict[str, np.ndarray]:
    return {kind: np.zeros(0, dtype=np.float32) for kind in texts_terms.HOW}


def _linear(
    columns: "csr_matrix", labels: np.ndarray, counts: np.ndarray, recipe: Recipe, seed: int
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """The labels [C], weights [F, C] and bias [C] of a fit to texts that count so much, [N]."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    if recipe.head == "svm":
        model: Any = LinearSVC(C=recipe.inverse_reg, random_state=seed, max_iter=5000)
    else:
        model = LogisticRegression(C=recipe.inverse_reg, max_iter=1000)
        columns = columns.toarray()
    model.fit(columns, labels, sample_weight=counts)
    weights, bias = model.coef_.T, model.intercept_  # [F, C]
    if len(model.classes_) == 2:  # one column, for the second label
        weights, bias = np.hstack([-weights, weights]), np.concatenate([-bias, bias])
    return tuple(map(str, model.classes_)), weights, bias
